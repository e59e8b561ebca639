"""Reconciliation: what our books and a venue's tell differently, and what is done about it."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget

from monitoring.desk import asking, chips, columns, sections
from monitoring.desk.actions import Action, Asked, Done, ReasonForm
from monitoring.desk.pages import Fixed, list_url
from settlements.models import ReconciliationItem, ReconciliationRun
from settlements.services import reconciling, resolving

TASK = "settlements.tasks.reconcile_accounts"
RESOLVE = "settlements.change_reconciliationitem"


class DaysForm(ReasonForm):
    """Ask for which days."""

    first = forms.DateField(
        label="From", required=False, widget=UnfoldAdminTextInputWidget(attrs={"type": "date"})
    )
    last = forms.DateField(
        label="To", required=False, widget=UnfoldAdminTextInputWidget(attrs={"type": "date"}),
        help_text="Betting days of each bankroll's own zone; yesterday where none is named.",
    )  # fmt: skip
    field_order = ("first", "last", "reason")


def ask(asked: Asked) -> Done:
    days = {name: str(asked.values[name]) for name in ("first", "last") if asked.values[name]}
    return asking.ask(asked, task=TASK, arguments=days)


def accept(asked: Asked) -> Done:
    item = resolving.accept(
        item_id=asked.row.pk, reason=asked.reason, actor=asked.actor, now=asked.now
    )
    return Done(f"{item.difference:+} {item.bankroll.currency} moved: {item.transfer}.")


def dismiss(asked: Asked) -> Done:
    for item in asked.rows:
        resolving.dismiss(item_id=item.pk, reason=asked.reason, actor=asked.actor, now=asked.now)
    return Done(f"Dismissed: {len(asked.rows)}.")


def _moves(rows: Any) -> str:
    item = rows[0]
    return (
        f"{item.difference or 0:+} {item.bankroll.currency} moves into the bankroll's cash by a"
        " transfer of its own, so that both sides agree. The bet stays as it was settled."
    )


class ShowOpen(admin.SimpleListFilter):
    """Start with what waits for somebody."""

    title = "state"
    parameter_name = "show"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("all", "All"), *((value.lower(), str(label)) for value, label in
                                  ReconciliationItem.State.choices)]  # fmt: skip

    def choices(self, changelist: Any) -> Any:
        shown = self.value() or "open"
        for value, label in self.lookup_choices:
            query = changelist.get_query_string({self.parameter_name: value})
            yield {"selected": shown == value, "query_string": query, "display": label}

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        shown = self.value() or "open"
        return queryset if shown == "all" else queryset.filter(state=shown.upper())


@admin.register(ReconciliationItem)
class ReconciliationItemAdmin(Fixed):
    list_display = (
        "number", "kind", "bankroll", "origin", "about", "ours", "theirs", "amount",
        "state_chip", "happened",
    )  # fmt: skip
    list_filter = (
        ShowOpen, ("kind", ChoicesDropdownFilter), ("bankroll", RelatedDropdownFilter),
    )  # fmt: skip
    list_select_related = ("bankroll", "bet")
    search_fields = ("key", "ours", "theirs", "reason")
    ordering = ("-pk",)
    detail_related = ("bankroll", "bet__selection__market__event", "run__bankroll",
                      "transfer")  # fmt: skip
    empty_text = "No difference is open: our books agree with the venue's and with themselves."
    desk_actions = (
        Action(
            name="accept",
            title="Accept theirs…",
            permission=RESOLVE,
            consequence=_moves,
            act=accept,
            valid=resolving.may_accept,
            invalid="{row} is not open, or is no difference of money.",
            icon="handshake",
            is_dangerous=True,
        ),
        Action(
            name="dismiss",
            title="Dismiss…",
            permission=RESOLVE,
            consequence="Nothing moves. It is opened again only if one of its values changes.",
            act=dismiss,
            valid=lambda row: row.state == ReconciliationItem.State.OPEN,
            invalid="{row} is resolved already.",
            icon="do_not_disturb_on",
            on=frozenset({"row", "rows"}),
        ),
    )
    number = columns.number("Difference")
    state_chip = columns.state("state", "State")
    happened = columns.moment("at", "Happened")

    @display(description="Origin")
    def origin(self, row: ReconciliationItem) -> str:
        return chips.origin(is_simulated=row.bankroll.is_simulated)

    @display(description="About", ordering="key")
    def about(self, row: ReconciliationItem) -> str:
        return chips.link(row.bet) if row.bet else row.key

    @display(description="Theirs less ours", ordering="difference")
    def amount(self, row: ReconciliationItem) -> str:
        return chips.money(row.difference, row.bankroll.currency, signed=True)

    def badges(self, row: ReconciliationItem) -> list[Any]:
        return [self.state_chip(row), self.origin(row)]


@admin.register(ReconciliationRun)
class ReconciliationRunAdmin(Fixed):
    list_display = (
        "number", "bankroll", "origin", "venue", "day", "outcome", "opened", "resolved", "made",
    )  # fmt: skip
    list_filter = (("bankroll", RelatedDropdownFilter), "venue")
    list_select_related = ("bankroll",)
    ordering = ("-pk",)
    detail_related = ("bankroll",)
    empty_text = "Nothing was reconciled yet: it is done each morning, and by *Reconcile now*."
    desk_actions = (
        Action(
            name="reconcile",
            title="Reconcile now…",
            permission="settlements.add_reconciliationrun",
            consequence="The venue is asked for the orders that it cleared, and each bankroll's"
            " books are held against them and against themselves. No money moves.",
            act=ask,
            form=DaysForm,
            icon="fact_check",
            on=frozenset({"table"}),
        ),
    )
    number = columns.number("Run")
    made = columns.moment("made_at", "Made")

    @display(description="Origin")
    def origin(self, row: ReconciliationRun) -> str:
        return chips.origin(is_simulated=row.bankroll.is_simulated)

    @display(description="Period", ordering="since")
    def day(self, row: ReconciliationRun) -> str:
        return f"{row.since:%Y-%m-%d %H:%M} – {row.until:%Y-%m-%d %H:%M}"

    @display(description="Found")
    def outcome(self, row: ReconciliationRun) -> str:
        tone = "bad" if row.failed else "warn" if row.found else "good"
        return chips.chip(reconciling.summary(row), tone)

    def badges(self, row: ReconciliationRun) -> list[Any]:
        return [self.outcome(row), self.origin(row)]

    def parts(self, request: HttpRequest, row: ReconciliationRun) -> list[sections.Section]:
        items = row.items.select_related("bet").order_by("pk")[:200]
        url = list_url(ReconciliationItem, bankroll__id__exact=row.bankroll_id)
        return [
            self.all_facts(row),
            sections.Table(
                "What it opened",
                ("Difference", "About", "Ours", "Theirs", "State"),
                [
                    (chips.link(one), chips.link(one.bet) if one.bet else one.key, one.ours,
                     one.theirs, self._state(one))
                    for one in items
                ],
                empty="Nothing that was not known before.",
                more=("What is open in this bankroll", url),
            ),
        ]  # fmt: skip

    def _state(self, item: ReconciliationItem) -> Any:
        return chips.state(item.state, item.get_state_display())
