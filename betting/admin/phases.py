"""Phases: what is asked before a strategy goes on, who asked, who approved, and what was so far."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.utils.html import format_html
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget

from betting.admin import common
from betting.domain import phases
from betting.models import DryBet, PhaseChange, Strategy
from betting.queries import phases as queries
from betting.services import phasing
from monitoring.desk import chips, columns, sections
from monitoring.desk.actions import Action, Asked, Done, ReasonForm
from monitoring.desk.filters import StartingFilter
from monitoring.desk.pages import Fixed, list_url, row_url

_KINDS = {"DRY_RUN": ("idle", "science"), "MICRO": ("wait", "eco"), "PRODUCTION": ("good", "bolt")}
SHOWN = 10


class BackForm(ReasonForm):
    """Choose how far back a strategy goes."""

    to = forms.ChoiceField(label="Back to", widget=UnfoldAdminSelectWidget())
    field_order = ("to", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        phase = getattr(self.rows[0], "phase", phases.PRODUCTION) if self.rows else phases.ORDER[-1]
        earlier = [one for one in phases.ORDER if phases.is_below(one, phase)]
        self.fields["to"].choices = [(one, title(one)) for one in reversed(earlier)]  # type: ignore[attr-defined]


def title(phase: str) -> str:
    return str(Strategy.Phase(phase).label)


def chip(phase: str) -> str:
    kind, icon = _KINDS[phase]
    return chips.chip(title(phase), kind, icon)


def ask(asked: Asked) -> Done:
    change = phasing.ask(
        strategy_id=asked.row.pk, user_id=asked.user.pk, actor=asked.actor, reason=asked.reason,
        now=asked.now,
    )  # fmt: skip
    return Done("Asked: somebody else has to approve.", row_url(change))


def fall_back(asked: Asked) -> Done:
    change = phasing.fall_back(
        strategy_id=asked.row.pk, to=asked.values["to"], actor=asked.actor, reason=asked.reason,
        now=asked.now,
    )  # fmt: skip
    return Done(f"{asked.row} is back in {title(change.wanted)}.")


def approve(asked: Asked) -> Done:
    change = phasing.approve(
        change_id=asked.row.pk, user_id=asked.user.pk, actor=asked.actor, reason=asked.reason,
        now=asked.now,
    )  # fmt: skip
    return Done(f"{change.strategy} is in {title(change.wanted)} from now on.")


def turn_down(asked: Asked) -> Done:
    phasing.turn_down(change_id=asked.row.pk, actor=asked.actor, reason=asked.reason, now=asked.now)
    return Done("Turned down: the strategy stays in its phase.")


def _goes_on(row: Strategy) -> bool:
    return phases.following(row.phase) is not None


def _is_open(row: PhaseChange) -> bool:
    return row.state == PhaseChange.State.ASKED


ON_STRATEGIES = (
    Action(
        name="next-phase",
        title="Ask for the next phase…",
        permission="betting.add_phasechange",
        consequence="It goes on once a lead of operations, who is not you, approves. It is"
        " refused where the bets of its phase do not meet what its page asks for.",
        act=ask,
        valid=_goes_on,
        invalid="{row} is in production already.",
        icon="stairs",
    ),
    Action(
        name="fall-back",
        title="Fall back…",
        permission="betting.add_phasechange",
        consequence="From now on it stakes as its earlier phase lets it: in a dry run nothing, in"
        " micro a small share. Bets that stand stay, and are settled.",
        act=fall_back,
        form=BackForm,
        valid=lambda row: row.phase != phases.DRY_RUN,
        invalid="{row} is in its first phase already.",
        icon="undo",
        is_dangerous=True,
    ),
)
ON_CHANGES = (
    Action(
        name="approve",
        title="Approve",
        permission="betting.change_phasechange",
        consequence="The strategy is in the phase that is asked for from now on, if its bets still"
        " meet every criterion. Whoever asked cannot approve.",
        act=approve,
        valid=_is_open,
        invalid="{row} is closed.",
        icon="thumb_up",
        is_dangerous=True,
    ),
    Action(
        name="turn-down",
        title="Turn down",
        permission="betting.add_phasechange",
        consequence="It is closed and the strategy stays in its phase.",
        act=turn_down,
        valid=_is_open,
        invalid="{row} is closed.",
        icon="thumb_down",
    ),
)


def criteria_table(rows: Sequence[Mapping[str, Any]], *, note: str = "") -> sections.Table:
    """Show what is asked with the value beside its bound."""
    return sections.Table(
        "What is asked before it goes on",
        ("Criterion", "Value", "95 % interval", "Over", "Asked", "Met", "Note"),
        [
            (
                str(row["name"]).capitalize(), _value(row, "value"), _interval(row), row["n"],
                row["asked"],
                chips.chip("Yes", "good") if row["is_met"] else chips.chip("No", "bad"),
                row["note"] or chips.NOTHING,
            )
            for row in rows
        ],
        empty="Nothing is asked: no phase comes after production.",
        note=note,
    )  # fmt: skip


def _value(row: Mapping[str, Any], name: str) -> str:
    if (value := row[name]) is None:
        return chips.NOTHING
    if row["name"] in (phases.BETS, phases.INCIDENTS):
        return f"{value:.0f}"
    return chips.percent(value, signed=row["name"] == phases.YIELD)


def _interval(row: Mapping[str, Any]) -> str:
    if row["low"] is None:
        return chips.NOTHING
    return format_html("{} to {}", _value(row, "low"), _value(row, "high"))


def parts(row: Strategy) -> list[sections.Section]:
    """Show a strategy's phase: what is asked of it, and what it went through."""
    if row.bankroll.replay_id is not None:
        return []
    began = queries.began_at(strategy_id=row.pk)
    is_last = phases.following(row.phase) is None
    asked = [] if is_last else [one.as_dict() for one in phasing.criteria(strategy=row)]
    since = f"Bets since {began:%Y-%m-%d %H:%M} UTC." if began else "All its bets."
    history = [
        (
            chips.link(change), change.what, _state(change), change.asked_by,
            change.decided_by or chips.NOTHING, change.decided_at or change.asked_at,
            change.reason,
        )
        for change in queries.changes().filter(strategy=row)[:SHOWN]
    ]  # fmt: skip
    return [
        criteria_table(asked, note="" if is_last else since),
        sections.Table(
            "Phases", ("Change", "From and to", "State", "Asked by", "Decided by", "When", "Why"),
            history,
            empty="It has always been in this phase.",
            more=("All changes", list_url(PhaseChange, show="all", strategy__id__exact=row.pk)),
        ),
    ]  # fmt: skip


def _state(row: PhaseChange) -> str:
    if _is_open(row):
        return chips.chip("Asked", "wait", "hourglass_top")
    made = row.state == PhaseChange.State.MADE
    return chips.chip(row.get_state_display(), "good" if made else "idle")


class DryBetsToSee(StartingFilter):
    title = "show"
    options = {
        "open": ("Open", lambda now: Q(settled_at__isnull=True)),
        "over": ("Over", lambda now: Q(settled_at__isnull=False)),
    }


@admin.register(DryBet)
class DryBetAdmin(Fixed):
    list_display = (
        "number", "about", "strategy", "origin", "price", "stake_text", "outcome", "profit_text",
        "settled",
    )  # fmt: skip
    list_filter = (DryBetsToSee, ("decision__strategy", RelatedDropdownFilter))
    list_select_related = (
        "decision__selection__market__event__competition", "decision__strategy__bankroll",
    )  # fmt: skip
    search_fields = ("decision__selection__market__event__name",)
    ordering = ("-pk",)
    detail_related = list_select_related
    empty_text = "No strategy would have bet in a dry run."

    number = columns.number("Dry bet")
    settled = columns.moment("settled_at", "Would have ended")

    @display(description="Decision")
    def about(self, row: DryBet) -> str:
        event = row.decision.selection.market.event
        return chips.two_lines(chips.link(row.decision), f"{row.decision.selection}, {event}")

    @display(description="Strategy", ordering="decision__strategy__name")
    def strategy(self, row: DryBet) -> str:
        return chips.link(row.decision.strategy)

    @display(description="Origin")
    def origin(self, row: DryBet) -> str:
        return common.origin(row.decision.strategy.bankroll)

    @display(description="Price", ordering="decision__price")
    def price(self, row: DryBet) -> str:
        return str(row.decision.price)

    @display(description="Would have staked", ordering="stake")
    def stake_text(self, row: DryBet) -> str:
        return chips.money(row.stake)

    @display(description="Would have brought", ordering="profit")
    def profit_text(self, row: DryBet) -> str:
        return chips.NOTHING if row.profit is None else chips.money(row.profit)

    def badges(self, row: DryBet) -> list[Any]:
        return [self.origin(row)]


class ChangesToSee(StartingFilter):
    title = "show"
    options = {
        "open": ("Asked", lambda now: Q(state="ASKED")),
        "made": ("Made", lambda now: Q(state="MADE")),
    }


@admin.register(PhaseChange)
class PhaseChangeAdmin(Fixed):
    list_display = (
        "number", "strategy", "what_text", "origin", "state_chip", "asked_by", "asked",
        "decided_by", "decided", "reason",
    )  # fmt: skip
    list_filter = (ChangesToSee, ("strategy", RelatedDropdownFilter))
    list_select_related = ("strategy__bankroll",)
    search_fields = ("strategy__name", "reason", "asked_by", "decided_by")
    ordering = ("-pk",)
    detail_related = ("strategy__bankroll", "asked_by_user", "decided_by_user")
    empty_text = "Nobody asks that a strategy may go on. Ask on the strategy's own page."
    desk_actions = ON_CHANGES

    number = columns.number("Change")
    asked = columns.moment("asked_at", "Asked")
    decided = columns.moment("decided_at", "Decided")

    @display(description="From and to", ordering="wanted")
    def what_text(self, row: PhaseChange) -> str:
        return row.what

    @display(description="Origin")
    def origin(self, row: PhaseChange) -> str:
        return common.origin(row.strategy.bankroll)

    @display(description="State", ordering="state")
    def state_chip(self, row: PhaseChange) -> str:
        return _state(row)

    def badges(self, row: PhaseChange) -> list[Any]:
        return [self.state_chip(row), self.origin(row)]

    def parts(self, request: HttpRequest, row: PhaseChange) -> list[sections.Section]:
        note = (
            "As it was when it was decided." if row.decided_at else "As it was when it was asked."
        )
        return [self.all_facts(row), criteria_table(row.criteria, note=note)]
