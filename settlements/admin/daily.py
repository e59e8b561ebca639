"""Performance by the day, and which days wait to be summed."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import path
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter
from unfold.decorators import display

from monitoring.desk import asking, chips, columns, sections
from monitoring.desk.actions import Action, Asked, Done
from monitoring.desk.pages import Fixed
from settlements.admin import performance
from settlements.models import PerformanceDay, PerformanceDue

REBUILD = "settlements.tasks.rebuild_performance"
REFRESH = "settlements.tasks.refresh_performance"


def rebuild(asked: Asked) -> Done:
    return asking.ask(asked, task=REBUILD)


def refresh(asked: Asked) -> Done:
    return asking.ask(asked, task=REFRESH)


class _OfBankroll(Fixed):
    list_select_related: tuple[str, ...] = ("bankroll",)
    detail_related: tuple[str, ...] = ("bankroll",)
    ordering = ("-pk",)

    @display(description="Origin")
    def origin(self, row: Any) -> str:
        return chips.origin(is_simulated=row.bankroll.is_simulated, is_replay=False)

    def badges(self, row: Any) -> list[Any]:
        return [self.origin(row)]


@admin.register(PerformanceDay)
class PerformanceDayAdmin(_OfBankroll):
    list_display = (
        "day", "bankroll", "origin", "strategy", "cut", "key", "bets", "turnover", "profit_text",
        "valued", "void",
    )  # fmt: skip
    list_filter = (
        ("cut", ChoicesDropdownFilter), ("bankroll", RelatedDropdownFilter),
        ("strategy", RelatedDropdownFilter),
    )  # fmt: skip
    list_select_related = ("bankroll", "strategy")
    detail_related = ("bankroll", "strategy")
    empty_text = "No betting day is summed yet. The first settled bet makes one."
    desk_actions = (
        Action(
            name="rebuild",
            title="Sum all anew…",
            permission="settlements.add_performanceday",
            consequence="Every betting day is summed from its bets once more. The figures stay as"
            " they are, unless a bankroll changed its zone or an event its start.",
            act=rebuild,
            icon="restart_alt",
            on=frozenset({"table"}),
        ),
    )

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(performance.page)
        return [path("figures/", view, name=performance.NAME), *super().get_urls()]

    def tiles(self, request: HttpRequest) -> list[sections.Tile]:
        return [sections.Tile("Performance", "Figures", performance.address())]

    @display(description="Profit", ordering="profit")
    def profit_text(self, row: PerformanceDay) -> str:
        return chips.money(row.profit, row.bankroll.currency, signed=True)


@admin.register(PerformanceDue)
class PerformanceDueAdmin(_OfBankroll):
    list_display = ("number", "bankroll", "origin", "day")
    list_filter = (("bankroll", RelatedDropdownFilter),)
    empty_text = "No betting day waits to be summed: what settles is summed within the minute."
    desk_actions = (
        Action(
            name="refresh",
            title="Sum now",
            permission="settlements.add_performanceday",
            consequence="The days that wait are summed from their bets.",
            act=refresh,
            icon="functions",
            on=frozenset({"table"}),
        ),
    )

    number = columns.number("Day")
