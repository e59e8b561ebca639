"""Latest and closing prices, as lists."""

from typing import Any

from django.contrib import admin
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.decorators import display

from markets.models import ClosingPrice, LatestPrice
from monitoring.desk import chips, columns
from monitoring.desk.pages import Fixed

RELATED = ("selection__market__event__competition", "book")


class Prices(Fixed):
    list_select_related = RELATED
    detail_related = RELATED
    list_filter = (("book", RelatedDropdownFilter), "book__is_simulated", "book__kind")
    search_fields = ("selection__market__event__name", "selection__name")

    @display(description="Book", ordering="book")
    def book_name(self, row: Any) -> str:
        return str(row.book.name)

    @display(description="Market")
    def market(self, row: Any) -> str:
        return str(row.selection.market)

    @display(description="Selection")
    def answer(self, row: Any) -> str:
        return chips.two_lines(row.selection, chips.link(row.selection.market.event))

    @display(description="Origin")
    def origin(self, row: Any) -> str:
        return chips.origin(is_simulated=row.selection.market.event.competition.is_simulated)

    seen = columns.moment("seen_at", "Shown since")
    confirmed = columns.moment("confirmed_at", "Confirmed")

    def badges(self, row: Any) -> list[Any]:
        return [self.origin(row)]


@admin.register(LatestPrice)
class LatestPriceAdmin(Prices):
    list_display = (
        "answer", "market", "book_name", "price", "moved", "origin", "seen", "confirmed",
    )  # fmt: skip
    list_display_links = ("price",)
    ordering = ("-confirmed_at",)
    empty_text = "No price is known. Ingest a source (Sources → Ingest now) or run the simulator."

    @display(description="Moved")
    def moved(self, row: LatestPrice) -> str:
        if row.previous_price is None:
            return chips.NOTHING
        return chips.percent(float(row.price / row.previous_price) - 1, signed=True)


@admin.register(ClosingPrice)
class ClosingPriceAdmin(Prices):
    list_display = (
        "answer", "market", "book_name", "opening_price", "price", "fair", "method", "origin",
        "seen",
    )  # fmt: skip
    list_display_links = ("price",)
    ordering = ("-pk",)
    empty_text = "Closing prices are kept once events have started."

    @display(description="Fair at close", ordering="fair_probability")
    def fair(self, row: ClosingPrice) -> str:
        return chips.percent(row.fair_probability)
