"""Bets held against the close: a row each, and how its own line was priced."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import path
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter
from unfold.decorators import display

from monitoring.desk import chips, columns, sections
from monitoring.desk.pages import Fixed
from settlements.admin import clv_page, half_points
from settlements.admin.money import BET
from settlements.models import BetValue


@admin.register(BetValue)
class BetValueAdmin(Fixed):
    list_display = (
        "number", "about", "origin", "struck", "close_text", "clv_text", "worth", "raw_text",
        "reference", "method", "age", "valued",
    )  # fmt: skip
    list_filter = (
        ("basis", ChoicesDropdownFilter),
        "reference",
        "method",
        ("bet__bankroll", RelatedDropdownFilter),
    )
    list_select_related = (BET, "bet__bankroll")
    search_fields = ("bet__selection__market__event__name",)
    ordering = ("-pk",)
    detail_related = (BET, "bet__bankroll")
    empty_text = "Bets are held against the close once their event has started."

    number = columns.number("Value")

    @display(description="Bet")
    def about(self, row: BetValue) -> str:
        return chips.two_lines(chips.link(row.bet), row.bet.selection.market.event)

    @display(description="Origin")
    def origin(self, row: BetValue) -> str:
        bankroll = row.bet.bankroll
        return chips.origin(
            is_simulated=bankroll.is_simulated, is_replay=bankroll.kind == bankroll.Kind.REPLAY
        )

    @display(description="Struck at")
    def struck(self, row: BetValue) -> str:
        return f"{row.bet.price:.2f}"

    @display(description="Close", ordering="closing_price")
    def close_text(self, row: BetValue) -> str:
        if row.closing_line is None:
            return f"{row.closing_price:.2f}"
        return chips.two_lines(f"{row.closing_price:.2f}", f"on line {row.closing_line:+.2f}")

    @display(description="Expected profit", ordering="expected_profit")
    def worth(self, row: BetValue) -> str:
        return chips.money(row.expected_profit, row.bet.bankroll.currency, signed=True)

    @display(description="CLV", ordering="clv")
    def clv_text(self, row: BetValue) -> str:
        return chips.percent(row.clv, signed=True)

    @display(description="Raw", ordering="clv_raw")
    def raw_text(self, row: BetValue) -> str:
        return chips.percent(row.clv_raw, signed=True)

    @display(description="Age of the close", ordering="close_age_seconds")
    def age(self, row: BetValue) -> str:
        return chips.duration(row.close_age_seconds)

    valued = columns.moment("valued_at", "Valued")

    def badges(self, row: BetValue) -> list[Any]:
        return [self.origin(row)]

    def get_urls(self) -> list[Any]:
        pages = [
            path(address, self.admin_site.admin_view(one.page), name=one.NAME)
            for address, one in (("half-points/", half_points), ("figures/", clv_page))
        ]
        return [*pages, *super().get_urls()]

    def tiles(self, request: HttpRequest) -> list[sections.Tile]:
        return [
            sections.Tile("Figures", "Report", url=clv_page.address()),
            sections.Tile("Half points", "Report", url=half_points.address()),
        ]

    def parts(self, request: HttpRequest, row: BetValue) -> list[sections.Section]:
        return [self.all_facts(row), _how(row)]


def _how(row: BetValue) -> sections.Facts:
    """Tell in words how the bet's own line got its chance."""
    told: list[tuple[str, object]] = [
        ("Market", row.bet.selection.market),
        ("Selection", row.bet.selection),
        ("Fair chance of the own line", chips.percent(row.closing_probability, places=2)),
    ]
    if row.closing_line is not None:
        told += [
            ("Line of the close", f"{row.closing_line:+.2f}"),
            ("Fair chance there", chips.percent(row.line_probability, places=2)),
        ]
    if row.distribution:
        told += [
            ("Stake expected back", chips.percent(row.refund, places=2)),
            ("Spread", f"{row.get_distribution_display()}, {row.history or 0:,} results"),
        ]
    if row.commission:
        told.append(("Commission taken off", chips.percent(row.commission)))
    return sections.Facts("How", told)
