"""Bankrolls: balance, what is at risk, what is available."""

from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.db.models import Q, Sum
from django.http import HttpRequest
from django.utils.html import format_html
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from betting.admin import common
from betting.models import Bankroll, Bet
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
        at_risk = Sum("bets__liability", filter=Q(bets__status__in=Bet.OPEN))
        return super().get_queryset(request).annotate(at_risk=at_risk)

    kind_chip = columns.state("kind", "Kind")

    @display(description="Origin", ordering="is_simulated")
    def origin(self, row: Bankroll) -> str:
        return common.origin(row)

    @display(description="Balance", ordering="balance")
    def balance_text(self, row: Bankroll) -> str:
        return chips.money(row.balance, row.currency)

    @display(description="Exposure", ordering="at_risk")
    def exposure(self, row: Any) -> str:
        return chips.money(row.at_risk or Decimal(0), row.currency)

    @display(description="Available")
    def free(self, row: Any) -> str:
        return chips.money(row.balance - (row.at_risk or 0), row.currency)

    def badges(self, row: Bankroll) -> list[Any]:
        return [self.kind_chip(row), self.origin(row)]

    def parts(self, request: HttpRequest, row: Bankroll) -> list[sections.Section]:
        return [
            self.all_facts(row),
            sections.Facts(
                "Money",
                [
                    ("Balance", self.balance_text(row)),
                    ("At risk in open bets", self.exposure(row)),
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


def _link(url: str, text: str = "Show") -> Any:
    return format_html('<a class="cl-link" href="{}">{}</a>', url, text)
