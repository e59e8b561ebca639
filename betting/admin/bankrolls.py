"""Bankrolls: balance, what is at risk, what is available."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from betting.admin import common
from betting.models import Bankroll, Bet, OutsideOrder
from betting.queries import money
from monitoring.desk import chips, columns, sections
from monitoring.desk.pages import Fixed, list_url


@admin.register(Bankroll)
class BankrollAdmin(Fixed):
    list_display = ("name", "kind_chip", "origin", "balance_text", "exposure", "free", "time_zone")
    list_filter = (("kind", ChoicesDropdownFilter), "is_simulated")
    search_fields = ("name",)
    ordering = ("is_simulated", "kind", "name")
    empty_text = "No bankroll is open. `make up` opens the simulated one."

    def get_queryset(self, request: HttpRequest) -> Any:
        return money.exposed(super().get_queryset(request))

    kind_chip = columns.state("kind", "Kind")

    @display(description="Origin", ordering="is_simulated")
    def origin(self, row: Bankroll) -> str:
        return common.origin(row)

    @display(description="Balance", ordering="balance")
    def balance_text(self, row: Bankroll) -> str:
        return chips.money(row.balance, row.currency)

    @display(description="Exposure", ordering="at_risk")
    def exposure(self, row: Any) -> str:
        return chips.money(row.at_risk, row.currency)

    @display(description="Available", ordering="available")
    def free(self, row: Any) -> str:
        return chips.money(row.available, row.currency)

    def badges(self, row: Bankroll) -> list[Any]:
        return [self.kind_chip(row), self.origin(row)]

    def parts(self, request: HttpRequest, row: Any) -> list[sections.Section]:
        return [
            self.all_facts(row),
            sections.Facts(
                "Money",
                [
                    ("Balance", self.balance_text(row)),
                    ("At risk", self.exposure(row)),
                    ("Of it in open bets", chips.money(row.in_bets, row.currency)),
                    *self._outside(row),
                    ("Available", self.free(row)),
                    ("Open bets", _link(list_url(Bet, show="open", bankroll__id__exact=row.pk))),
                ],
            ),
            sections.Table(
                "Strategies", ("Strategy", "State"),
                [(chips.link(s), s.is_enabled) for s in row.strategies.order_by("name")],
                empty="No strategy draws on it.", wide=False,
            ),
        ]  # fmt: skip

    def _outside(self, row: Any) -> list[tuple[str, Any]]:
        """Say what counts against live money that nobody knows the bankroll of."""
        if row.kind != Bankroll.Kind.LIVE:
            return []
        orders = list_url(OutsideOrder, show="loose")
        at_risk = chips.money(row.outside, row.currency)
        return [("Of it in orders placed outside, without a bet", _link(orders, at_risk))]


def _link(url: str, text: str = "Show") -> Any:
    return format_html('<a class="cl-link" href="{}">{}</a>', url, text)
