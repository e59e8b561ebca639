"""Arbitrage: what was taken and what stands of it, what was passed over, who settles alike."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from betting.admin import common
from betting.domain import arbitrage
from betting.models import Arbitrage, ArbitrageLeg, SettlingTerms
from betting.models.arbitrages import LIVE
from betting.services import covering, equating, hedging, leg_rows
from markets.models import Book, Market, Selection, Sport
from monitoring.desk import asking, chips, columns, sections
from monitoring.desk.actions import Action, Asked, Done, ReasonForm
from monitoring.desk.fields import MoneyField
from monitoring.desk.filters import StartingFilter
from monitoring.desk.pages import Fixed, row_url

SEEK = "betting.tasks.seek_arbitrage"
_CHIPS = {
    "PASSED": ("idle", "filter_alt"),
    "PLACING": ("wait", "hourglass_top"),
    "HEDGED": ("good", "balance"),
    "CLOSED_OUT": ("good", "task_alt"),
    "UNHEDGED": ("bad", "warning"),
    "FAILED": ("idle", "block"),
    "HANDLED": ("idle", "person_check"),
    "SETTLED": ("idle", "paid"),
}


class CloseOutForm(ReasonForm):
    """How much it may cost; empty: whatever it costs."""

    max_loss = MoneyField(required=False, help_text="Empty: whatever it costs.")
    field_order = ("max_loss", "reason")


class TermsForm(ReasonForm):
    """Which books settle a kind of market by the same terms."""

    sport = forms.ModelChoiceField(Sport.objects.order_by("name"), widget=UnfoldAdminSelectWidget())
    kind = forms.ChoiceField(
        choices=[(kind, Market.Kind(kind).label) for kind in arbitrage.KINDS],
        widget=UnfoldAdminSelectWidget(),
    )
    books = forms.ModelMultipleChoiceField(
        Book.objects.exclude(kind=Book.Kind.AGGREGATE).order_by("name"),
        widget=UnfoldAdminSelectMultipleWidget(),
    )
    terms = forms.CharField(
        max_length=equating.LONGEST_TERMS,
        required=False,
        widget=UnfoldAdminTextInputWidget(),
        help_text="The same words are the same terms: “90 minutes”. Empty takes them back.",
    )
    field_order = ("sport", "kind", "books", "terms", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.rows:
            row: Any = self.rows[0]
            self.fields["sport"].initial, self.fields["kind"].initial = row.sport_id, row.kind
            self.fields["books"].initial, self.fields["terms"].initial = [row.book_id], row.terms
            for name in ("sport", "kind", "books"):
                self.fields[name].disabled = True


def look(asked: Asked) -> Done:
    return asking.ask(asked, task=SEEK)


def close_out(asked: Asked) -> Done:
    row = hedging.close_out(
        arbitrage_id=asked.row.pk, max_loss=asked.values.get("max_loss"), actor=asked.actor,
        reason=asked.reason, now=asked.now,
    )  # fmt: skip
    return Done(f"{row}: {row.get_state_display().lower()}, {row.worst} at worst.")


def handle(asked: Asked) -> Done:
    hedging.handle(arbitrage_id=asked.row.pk, actor=asked.actor, reason=asked.reason, now=asked.now)
    return Done("Marked as handled: nothing more is done about it.")


def set_terms(asked: Asked) -> Done:
    values = asked.values
    rows = equating.set_terms(
        sport_id=values["sport"].pk, kind=values["kind"],
        book_ids=[book.pk for book in values["books"]], terms=values["terms"],
        reason=asked.reason, actor=asked.actor, now=asked.now,
    )  # fmt: skip
    return Done(
        f"Set for {len(rows)}." if rows else "Taken back.", row_url(rows[0]) if rows else ""
    )


ACTIONS = (
    Action(
        name="look",
        title="Look now",
        permission="betting.add_arbitrage",
        consequence="What is not through goes on, and the boards of coming events are looked at."
        " What pays whoever wins is taken, within every limit.",
        act=look,
        icon="search",
        on=frozenset({"table"}),
    ),
    Action(
        name="close-out",
        title="Close out now…",
        permission="betting.change_arbitrage",
        consequence="What stands alone is covered at the best prices there are now, at a loss of up"
        " to what you say. Limits and pauses hold.",
        act=close_out,
        form=CloseOutForm,
        valid=lambda row: row.state in LIVE,
        invalid="Nothing of {row} stands alone.",
        icon="task_alt",
        is_dangerous=True,
    ),
    Action(
        name="handle",
        title="Mark as handled…",
        permission="betting.change_arbitrage",
        consequence="Nothing more is done about it and its incident resolves. What stands alone"
        " stays as it is.",
        act=handle,
        valid=lambda row: row.state == "UNHEDGED",
        invalid="{row} is not unhedged.",
        icon="person_check",
        is_dangerous=True,
    ),
)


class ToSee(StartingFilter):
    title = "show"
    options = {
        "taken": ("Taken", lambda now: ~Q(state="PASSED")),
        "alone": ("Not through", lambda now: Q(state__in=LIVE)),
        "passed": ("Passed over", lambda now: Q(state="PASSED")),
    }


@admin.register(Arbitrage)
class ArbitrageAdmin(Fixed):
    list_display = (
        "number", "state_chip", "about", "origin", "return_text", "total_text", "worst_text",
        "reason_text", "strategy", "seen",
    )  # fmt: skip
    list_filter = (ToSee, ("strategy", RelatedDropdownFilter), "state")
    list_select_related = ("strategy__bankroll", "market__event__competition")
    search_fields = ("market__event__name", "reason")
    ordering = ("-seen_at", "-pk")
    detail_related = list_select_related
    empty_text = (
        "None yet. A strategy of the code “arbitrage” looks for it at books of which it was said"
        " that they settle alike (Settling terms)."
    )
    desk_actions = ACTIONS

    number = columns.number("Arbitrage")
    seen = columns.moment("seen_at", "Seen")

    @display(description="State", ordering="state")
    def state_chip(self, row: Arbitrage) -> str:
        kind, icon = _CHIPS[row.state]
        return chips.chip(row.get_state_display(), kind, icon)

    @display(description="Market")
    def about(self, row: Arbitrage) -> str:
        return chips.two_lines(row.market, chips.link(row.market.event))

    @display(description="Origin")
    def origin(self, row: Arbitrage) -> str:
        return common.origin(row.strategy.bankroll)

    @display(description="Return", ordering="guaranteed")
    def return_text(self, row: Arbitrage) -> str:
        return chips.percent(row.guaranteed, signed=True)

    @display(description="Staked", ordering="total")
    def total_text(self, row: Arbitrage) -> str:
        return chips.money(row.total) if row.total else chips.NOTHING

    @display(description="At worst", ordering="worst")
    def worst_text(self, row: Arbitrage) -> str:
        return chips.money(row.worst) if row.total else chips.NOTHING

    @display(description="Why", ordering="reason")
    def reason_text(self, row: Arbitrage) -> str:
        return row.reason.replace("_", " ").capitalize() or chips.NOTHING

    def badges(self, row: Arbitrage) -> list[Any]:
        return [self.state_chip(row), self.origin(row)]

    def parts(self, request: HttpRequest, row: Arbitrage) -> list[sections.Section]:
        selections = list(Selection.objects.filter(market=row.market_id).order_by("pk"))
        named = {selection.pk: str(selection) for selection in selections}
        return [self.all_facts(row), *_standing(row, named), *_seen(row, named)]


def _standing(row: Arbitrage, named: dict[int, str]) -> list[sections.Section]:
    """Show each bet with its order, and what every outcome brings as things stand."""
    held = leg_rows.of(row)
    if not held:
        return []
    legs = [
        (
            chips.link(leg.bet), leg.get_role_display(), named[leg.selection_id], leg.book,
            leg.price, chips.money(leg.stake), chips.state(leg.bet.order_state),
            chips.money(leg.bet.matched_stake), leg.bet.status_reason or chips.NOTHING,
        )
        for leg in held
    ]  # fmt: skip
    headers = (
        "Bet", "Role", "Selection", "Book", "Price", "Planned", "Order", "Matched", "Note",
    )  # fmt: skip
    profits = covering.position(row, held).profits
    outcomes = [(named[selection], chips.money(value)) for selection, value in profits.items()]
    note = "Of what is matched. What is refunded brings nothing and costs nothing."
    return [
        sections.Table("Legs, in the order of sending", headers, legs),
        sections.Table(
            "What each outcome brings", ("Wins", "Profit"), outcomes, note=note, wide=False
        ),
    ]


def _seen(row: Arbitrage, named: dict[int, str]) -> Sequence[sections.Section]:
    """Show the board's best prices as they were seen, and the total cut by cut."""
    legs = [
        (
            named.get(leg["selection"], leg["selection"]), leg["book"], leg["price"],
            leg.get("stake", chips.NOTHING), leg.get("brings", chips.NOTHING),
            leg["mark"].replace("_", " ").capitalize() if "mark" in leg else chips.NOTHING,
        )
        for leg in row.chain.get("legs", [])
    ]  # fmt: skip
    headers = ("Selection", "Book", "Price", "Stake", "Would bring", "May not be taken because")
    told = row.chain.get("cuts", [])
    cuts = [(code.replace("_", " ").capitalize(), amount) for code, amount in told]
    return [
        sections.Table("Best prices when it was seen", headers, legs),
        sections.Table(
            "The total, cut by cut", ("After", "Total"), cuts, wide=False,
            empty="It did not come to stakes.",
        ),
    ]  # fmt: skip


@admin.register(SettlingTerms)
class SettlingTermsAdmin(Fixed):
    list_display = ("book", "sport", "kind", "terms", "reason", "changed_by", "changed")
    list_filter = (("sport", RelatedDropdownFilter), "kind")
    list_select_related = ("book", "sport")
    detail_related = ("book", "sport")
    search_fields = ("book__name", "terms")
    ordering = ("sport__name", "kind", "terms", "book__name")
    empty_text = (
        "Nobody says which books settle alike, so no arbitrage is taken, unless the books' own"
        " rules on pushes and overtime are written down word by word alike."
    )
    desk_actions = (
        Action(
            name="set",
            title="Say which settle alike…",
            permission="betting.change_settlingterms",
            consequence="Arbitrage takes legs at books of the same terms together from now on. Read"
            " the books' own rules first: a difference turns a sure return into a loss.",
            act=set_terms,
            form=TermsForm,
            icon="rule",
            on=frozenset({"row", "table"}),
        ),
    )
    changed = columns.moment("changed_at", "Changed")


@admin.register(ArbitrageLeg)
class ArbitrageLegAdmin(Fixed):
    """Every leg and hedge by itself, with its bet."""

    list_display = (
        "of", "role", "rank", "selection", "book", "price", "stake", "bet_link",
    )  # fmt: skip
    list_filter = ("role", ("book", RelatedDropdownFilter))
    list_select_related = ("arbitrage", "selection__market__event", "book", "bet")
    detail_related = ("arbitrage", "selection__market__event", "book", "bet")
    search_fields = ("selection__name", "bet__client_ref")
    ordering = ("-arbitrage", "rank")
    empty_text = "No arbitrage was taken yet."

    @display(description="Arbitrage", ordering="arbitrage")
    def of(self, row: ArbitrageLeg) -> Any:
        return chips.link(row.arbitrage)

    @display(description="Bet", ordering="bet")
    def bet_link(self, row: ArbitrageLeg) -> Any:
        return chips.link(row.bet)
