"""Limits: what may stand at stake, on what, how much of it is used now; changing one."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display
from unfold.views import ChangeList
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from betting.domain import limits as domain
from betting.domain.limits import Dimension
from betting.domain.rules import RULES
from betting.models import Bankroll, Limit
from betting.queries import uses
from betting.queries.uses import Use
from betting.services import limiting
from monitoring.desk import chips, columns, sections
from monitoring.desk.actions import Action, Asked, Done, ReasonForm, switches
from monitoring.desk.pages import Fixed, row_url
from monitoring.models import AuditEntry
from monitoring.services import audit

_READS = {rule.dimension: rule.reads for rule in RULES}
_EVERY = "Every bankroll"


def _decimal() -> UnfoldAdminTextInputWidget:
    return UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal"})


class HowMuchForm(ReasonForm):
    """Ask how much a limit allows; which of the answers it takes is its own rule."""

    share = forms.FloatField(
        required=False, widget=_decimal(), help_text="Of the balance: 0.05 is five percent."
    )
    amount = forms.DecimalField(
        required=False,
        max_digits=14,
        decimal_places=2,
        widget=_decimal(),
        help_text="In the bankroll's currency; with a share as well, the less of both counts.",
    )
    number = forms.DecimalField(
        required=False,
        max_digits=9,
        decimal_places=3,
        widget=_decimal(),
        help_text="Of what is counted, and of prices.",
    )
    field_order: tuple[str, ...] = ("share", "amount", "number", "reason")


class ChangeForm(HowMuchForm):
    """Ask for the parts that this limit has."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        row: Any = self.rows[0]
        parts = ("number",) if row.dimension in domain.COUNTED else ("share", "amount")
        for name in {"share", "amount", "number"} - set(parts):
            del self.fields[name]
        for name in parts:
            self.initial.setdefault(name, getattr(row, name))


class SetForm(HowMuchForm):
    """Ask for whom, and on what."""

    whose = forms.ChoiceField(label="For", widget=UnfoldAdminSelectWidget())
    dimension = forms.ChoiceField(
        label="On", choices=Limit.Dimension.choices, widget=UnfoldAdminSelectWidget()
    )
    field_order = ("whose", "dimension", "share", "amount", "number", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = Bankroll.objects.filter(replay=None).order_by("name").values_list("pk", "name")
        choices = [("", _EVERY), *((str(pk), name) for pk, name in rows)]
        self.fields["whose"].choices = choices  # type: ignore[attr-defined]
        self.fields["whose"].required = False


def _asked(asked: Asked) -> dict[str, Any]:
    values = {name: asked.values[name] for name in ("share", "amount", "number")
              if name in asked.values}  # fmt: skip
    return {**values, "actor": asked.actor, "reason": asked.reason, "now": asked.now}


def set_limit(asked: Asked) -> Done:
    whose = asked.values["whose"]
    limit = limiting.set_limit(
        dimension=asked.values["dimension"],
        bankroll_id=int(whose) if whose else None,
        is_enabled=True,
        **_asked(asked),
    )
    return Done(f"Set: {limit}.", row_url(limit))


def change(asked: Asked) -> Done:
    limit = limiting.change_limit(limit_id=asked.row.pk, **_asked(asked))
    return Done(f"Changed: {limit}.", row_url(limit))


def enable(asked: Asked) -> Done:
    return _switch(asked, is_enabled=True)


def disable(asked: Asked) -> Done:
    return _switch(asked, is_enabled=False)


def _switch(asked: Asked, *, is_enabled: bool) -> Done:
    for row in asked.rows:
        limiting.change_limit(
            limit_id=row.pk,
            is_enabled=is_enabled,
            actor=asked.actor,
            reason=asked.reason,
            now=asked.now,
        )
    return Done(f"{'Enabled' if is_enabled else 'Disabled'}: {len(asked.rows)}.")


@admin.register(Limit)
class LimitAdmin(Fixed):
    list_display = ("on", "whose", "state_chip", "allows", "use", "changed")
    list_filter = ("is_enabled", ("dimension", ChoicesDropdownFilter))
    list_select_related = ("bankroll",)
    search_fields = ("bankroll__name", "reason", "changed_by")
    ordering = ("bankroll__name", "pk")
    detail_related = ("bankroll",)
    list_per_page = 100
    empty_text = (
        "No limit stands. `manage.py prepare` writes those that an installation starts with."
    )
    desk_actions = (
        Action(
            name="set",
            title="Set…",
            permission="betting.add_limit",
            consequence="It holds for every bet that is reserved from now on. A bankroll's own"
            " limit stands in place of the one for every bankroll.",
            act=set_limit,
            form=SetForm,
            icon="add",
            on=frozenset({"table"}),
        ),
        Action(
            name="change",
            title="Change…",
            permission="betting.change_limit",
            consequence="It holds for every bet that is reserved from now on. Bets that stand"
            " stay.",
            act=change,
            form=ChangeForm,
            icon="edit",
        ),
        *switches(
            permission="betting.change_limit",
            is_on=lambda row: row.is_enabled,
            enable=enable,
            disable=disable,
            then_on="It holds for every bet that is reserved from now on.",
            then_off="It holds nothing any more. A strategy's own caps stay, and where it was a"
            " bankroll's own, the limit for every bankroll counts again.",
        ),
    )  # fmt: skip

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """Lay what is used beside the limits of the page."""
        changes = super().get_changelist_instance(request)
        rows = list(changes.result_list)
        used = _by_limit(rows)
        for row in rows:
            row.uses = used.get(row.pk, [])
        changes.result_list = rows
        return changes

    @display(description="Limit", ordering="dimension")
    def on(self, row: Limit) -> str:
        return chips.two_lines(
            row.get_dimension_display(), _READS.get(Dimension(row.dimension), "")
        )

    @display(description="Bankroll", ordering="bankroll__name")
    def whose(self, row: Limit) -> str:
        return chips.link(row.bankroll) if row.bankroll else _EVERY

    @display(description="State", ordering="is_enabled")
    def state_chip(self, row: Limit) -> str:
        return chips.yes_no(row.is_enabled, yes="Enabled", no="Disabled")

    @display(description="Allows")
    def allows(self, row: Limit) -> str:
        if row.number is not None:
            return f"{row.number.normalize():f}"
        parts = [] if row.share is None else [f"{row.share * 100:g} % of the balance"]
        if row.amount is not None:
            parts.append(f"{row.amount:,.2f}")
        return " and ".join(parts)

    @display(description="Used now, at most")
    def use(self, row: Any) -> str:
        used: list[Use] = row.uses
        if not used:
            return chips.NOTHING
        return chips.two_lines(_bar(used[0]), f"{used[0].bankroll}: {used[0].in_words()}")

    changed = columns.moment("changed_at", "Changed")

    def badges(self, row: Limit) -> list[Any]:
        return [self.state_chip(row)]

    def parts(self, request: HttpRequest, row: Limit) -> list[sections.Section]:
        changes = AuditEntry.objects.filter(subject=audit.label(row)).order_by("-pk")[:15]
        return [
            sections.Facts(
                "Facts",
                [
                    ("On", row.get_dimension_display()),
                    ("For", self.whose(row)),
                    ("Allows", self.allows(row)),
                    ("Reads", _READS.get(Dimension(row.dimension), "settled losses, or failures")),
                    ("Changed", row.changed_at),
                    ("By", row.changed_by or None),
                    ("Why", row.reason or None),
                ],
            ),
            sections.Table(
                "Used now",
                ("Bankroll", "Where most", "Used", "Of", "Share"),
                [
                    (use.bankroll, use.where, use.used_text, use.allowed_text, _bar(use))
                    for use in _by_limit([row]).get(row.pk, [])
                ],
                empty="Nothing of it is used up by bets that stand: it asks each bet by itself,"
                " is switched off, or every bankroll has one of its own.",
            ),
            sections.Table(
                "Its last changes",
                ("When", "Who", "From", "To", "Why"),
                [
                    (e.at, e.actor, _told(e.detail.get("before")), _told(e.detail.get("after")),
                     e.detail.get("reason", ""))
                    for e in changes
                ],
                empty="Nobody has changed it.",
            ),
        ]  # fmt: skip


def _by_limit(rows: Sequence[Limit]) -> dict[int, list[Use]]:
    """Return the uses of these limits, the tightest first; a bounded number of queries."""
    found: dict[int, list[Use]] = {}
    for use in uses.uses(now=timezone.now(), limit_ids=[row.pk for row in rows]):
        found.setdefault(use.limit_id, []).append(use)
    return found


def _bar(use: Use) -> Any:
    return format_html(
        '<span class="cl-progress cl-bar"><div style="width:{}%"></div></span> {} %',
        min(100, use.percent),
        use.percent,
    )


def _told(values: Any) -> str:
    if not isinstance(values, dict):
        return "–"
    shown = {name: value for name, value in values.items() if value is not None}
    return ", ".join(f"{name} {value}" for name, value in shown.items())
