"""What a bet was worth, on its own page: by every method, and hours before the start."""

from typing import Any

from django.contrib import admin
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter
from unfold.decorators import display

from betting.models import Bet
from monitoring.desk import chips, columns, sections
from monitoring.desk.pages import Fixed
from monitoring.errors import Refused
from settlements.models import ValueBefore, ValueGap
from settlements.services import methods


def worth(bet: Bet) -> list[sections.Section]:
    """Return a bet's values by method and by hour; of one that has none, why."""
    before = sections.Table(
        "Held against the market before the start",
        (
            "Hours before", "At (UTC)", "Reference", "Price", "Fair chance", "Age", "CLV",
            "Bet stood",
        ),
        [
            (
                row.hours, f"{row.moment:%Y-%m-%d %H:%M}", row.reference or "nobody", row.price,
                chips.percent(row.probability, places=2), chips.duration(row.age_seconds),
                chips.percent(row.clv, signed=True), "yes" if row.is_struck else "not yet",
            )
            for row in bet.values_before.order_by("-hours")
        ],
        empty="Prices of 24, 12, 4 and 1 hours before are looked at once a day.",
        wide=True,
    )  # fmt: skip
    return [_by_method(bet), before]


def _by_method(bet: Bet) -> sections.Table:
    title = "Closing-line value by method"
    headers = ("Method", "Used", "Fair chance of the own line", "CLV", "Expected profit", "")
    try:
        found = methods.of_bet(bet_id=bet.pk)
    except Refused as no:
        return sections.Table(title, headers, [], empty=f"{str(no)[:1].upper()}{str(no)[1:]}.")
    value = found.value
    close = f"{value.reference} at {value.closing_price}"
    if value.closing_line is not None:
        close += f" on line {value.closing_line:+}, carried over to the bet's own"
    return sections.Table(
        title,
        headers,
        [
            (
                row.method.replace("_", " "), row.reason or row.used.replace("_", " "),
                chips.percent(row.probability, places=2), chips.percent(row.clv, signed=True),
                chips.money(row.expected_profit, bet.bankroll.currency, signed=True),
                "counts" if row.is_recorded else "",
            )
            for row in found.rows
        ],
        note=f"By the close of {close}; raw {100 * value.clv_raw:+.1f} %.",
    )  # fmt: skip


sections.offer(Bet, permission="settlements.view_betvalue", make=worth)


@admin.register(ValueGap)
class ValueGapAdmin(Fixed):
    list_display = ("number", "about", "why", "looked")
    list_filter = (("reason", ChoicesDropdownFilter), ("bet__bankroll", RelatedDropdownFilter))
    list_select_related = ("bet__selection__market__event", "bet__bankroll")
    detail_related = ("bet__selection__market__event", "bet__bankroll")
    ordering = ("-pk",)
    empty_text = "Every bet whose event has started could be held against a close."

    number = columns.number("Gap")
    looked = columns.moment("looked_at", "Looked")

    @display(description="Bet")
    def about(self, row: ValueGap) -> str:
        return chips.two_lines(chips.link(row.bet), row.bet.selection.market.event)

    @display(description="Why", ordering="reason")
    def why(self, row: ValueGap) -> str:
        return row.get_reason_display()

    def badges(self, row: ValueGap) -> list[Any]:
        bankroll = row.bet.bankroll
        return [chips.origin(is_simulated=bankroll.is_simulated)]


@admin.register(ValueBefore)
class ValueBeforeAdmin(Fixed):
    list_display = ("number", "about", "hours", "clv_text", "reference", "at")
    list_filter = ("hours", ("bet__bankroll", RelatedDropdownFilter))
    list_select_related = ("bet__selection__market__event", "bet__bankroll")
    detail_related = ("bet__selection__market__event", "bet__bankroll")
    ordering = ("-pk",)
    empty_text = "Bets are held against the market of 24, 12, 4 and 1 hours before once a day."

    number = columns.number("Value")
    at = columns.moment("moment", "Prices of")

    @display(description="Bet")
    def about(self, row: ValueBefore) -> str:
        return chips.two_lines(chips.link(row.bet), row.bet.selection.market.event)

    @display(description="CLV", ordering="clv")
    def clv_text(self, row: ValueBefore) -> str:
        return chips.percent(row.clv, signed=True)

    def badges(self, row: ValueBefore) -> list[Any]:
        bankroll = row.bet.bankroll
        return [chips.origin(is_simulated=bankroll.is_simulated)]
