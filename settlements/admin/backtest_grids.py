"""Grids of backtests: asked for above the list; maps of the cells, and how much is luck."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest
from django.utils.safestring import mark_safe
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget

from monitoring.desk import chips, columns, sections
from monitoring.desk.actions import Action, Asked, Done
from monitoring.desk.pages import Fixed, row_url
from settlements.admin.backtests import BacktestForm
from settlements.models import BacktestCell, BacktestGrid
from settlements.services import backtest_pictures, backtest_plans, gridding

MAY = "settlements.add_backtestgrid"
SHOWN = 50  # cells of a page, the best first
MAPS = 3


class GridForm(BacktestForm):
    """Ask for a grid."""

    axes = forms.JSONField(
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3, "spellcheck": "false"}),
        help_text='The numbers that vary: {"min_edge": [0.01, 0.02, 0.03]}.',
    )
    field_order = ("strategy", "source", "since", "until", "competitions", "plan", "axes", "reason")


def start(asked: Asked) -> Done:
    told = asked.values
    strategy, plan = backtest_plans.named(told["strategy"])
    source = told["source"] or (backtest_plans.source_of(strategy) if strategy else "market")
    axes = told["axes"]
    if not isinstance(axes, dict):
        raise backtest_plans.BacktestRefused("axes: names with lists of values are expected")
    grid = gridding.start(
        spec={
            "source": source,
            "since": told["since"],
            "until": told["until"],
            "competitions": told["competitions"].split(),
            "stage": strategy.decide_at_stage if strategy else "",
            "plan": {**plan.as_dict(), **(told["plan"] or {})},
        },
        axes=axes,
        name=asked.reason[:80],
        strategy=strategy,
        user=asked.user,
        actor=asked.actor,
        now=asked.now,
    )
    return Done(f"{grid} is asked for.", row_url(grid))


def cancel(asked: Asked) -> Done:
    grid = gridding.cancel(
        grid_id=asked.row.pk, actor=asked.actor, reason=asked.reason, now=asked.now
    )
    return Done(f"{grid} is called off; the cells that are done stay.")


def resume(asked: Asked) -> Done:
    about = {"grid_id": asked.row.pk, "actor": asked.actor, "now": asked.now}
    gridding.go_on(**about, reason=asked.reason)
    parts = gridding.ask(**about, user=asked.user)
    return Done(f"{asked.row} goes on: {parts} runs were asked for.")


@admin.register(BacktestGrid)
class BacktestGridAdmin(Fixed):
    list_display = (
        "number", "name", "strategy", "source", "state_chip", "cells_done", "deflated", "luck",
        "asked", "actor",
    )  # fmt: skip
    list_filter = (("state", ChoicesDropdownFilter), ("strategy", RelatedDropdownFilter))
    list_select_related = ("strategy",)
    search_fields = ("name", "source", "actor")
    ordering = ("-pk",)
    detail_related = ("strategy",)
    empty_text = "No grid was tried yet. Press Grid… above."
    desk_actions = (
        Action(
            name="start",
            title="Grid…",
            permission=MAY,
            consequence="Every choice is bet on history in memory; nothing of it is real.",
            act=start,
            form=GridForm,
            icon="grid_on",
            on=frozenset({"table"}),
        ),
        Action(
            name="cancel",
            title="Cancel",
            permission=MAY,
            consequence="The cells that wait are not reckoned; those that are done stay.",
            act=cancel,
            valid=lambda row: row.state == BacktestGrid.State.RUNNING,
            invalid="{row} is over.",
            icon="cancel",
            is_dangerous=True,
        ),
        Action(
            name="resume",
            title="Resume",
            permission=MAY,
            consequence="The cells that are left are reckoned; none that is done is again.",
            act=resume,
            valid=lambda row: row.state != BacktestGrid.State.DONE,
            invalid="{row} is done.",
            icon="play_arrow",
        ),
    )

    number = columns.number("Grid")
    state_chip = columns.state("state")
    asked = columns.moment("asked_at", "Asked for")

    def get_queryset(self, request: HttpRequest) -> QuerySet[BacktestGrid]:
        waiting = BacktestCell.objects.defer("days", "figures", "changes")
        return super().get_queryset(request).prefetch_related(Prefetch("cells", queryset=waiting))

    @display(description="Cells done")
    def cells_done(self, row: BacktestGrid) -> str:
        cells = row.cells.all()
        done = sum(cell.state == BacktestCell.State.DONE for cell in cells)
        return f"{done} of {len(cells)}"

    @display(description="Real, deflated")
    def deflated(self, row: BacktestGrid) -> str:
        return chips.percent(row.figures.get("deflated_sharpe"))

    @display(description="By luck")
    def luck(self, row: BacktestGrid) -> str:
        return chips.percent(row.figures.get("reality_check_p"))

    def badges(self, row: BacktestGrid) -> list[Any]:
        return [self.state_chip(row)]

    def parts(self, request: HttpRequest, row: BacktestGrid) -> list[sections.Section]:
        cells = list(row.cells.order_by("number").defer("days"))
        told = row.figures
        return [
            sections.Facts("Asked for", [
                ("Strategy", row.strategy or row.spec["plan"]["strategy"]),
                ("Probabilities", row.source), ("From", row.spec["since"][:10]),
                ("Until", row.spec["until"][:10]),
                ("Competitions", ", ".join(row.spec["competitions"]) or "every one"),
                ("Cells", len(cells)), ("By", row.actor), ("Why", row.why),
            ]),
            sections.Facts("The best of so many", [
                ("Trials", told.get("trials")), ("Days", told.get("days")),
                ("Best cell", told.get("best_cell")),
                ("Its daily Sharpe", told.get("daily_sharpe")),
                ("Expected of the best by luck", told.get("expected_by_luck")),
                ("Probably real (deflated Sharpe)", chips.percent(told.get("deflated_sharpe"))),
                ("As good by luck (reality check)", chips.percent(told.get("reality_check_p"))),
            ]),
            *maps(row, cells),
            walked(told.get("walk_forward") or {}),
            best(row, cells),
            sections.Html("Plan", chips.pretty(row.spec["plan"])),
        ]  # fmt: skip


def maps(row: BacktestGrid, cells: Sequence[BacktestCell]) -> list[sections.Section]:
    """Return a map of the mean yield for each two axes that vary."""
    varying = [name for name, values in row.axes.items() if len(values) > 1]
    drawn: list[sections.Section] = []
    for across, down in list(combinations(varying, 2))[:MAPS]:
        values = [
            [_mean(cells, {across: one, down: other}) for one in row.axes[across]]
            for other in row.axes[down]
        ]
        title = f"Yield by {across} and {down}"
        picture = backtest_pictures.map_svg(
            across=[str(one) for one in row.axes[across]],
            down=[str(one) for one in row.axes[down]],
            values=values, title=title, names=(across, down),
        )  # fmt: skip
        table = sections.Table(
            title, (down, *map(str, row.axes[across])),
            [(str(name), *(chips.percent(value, places=2) for value in line))
             for name, line in zip(row.axes[down], values, strict=True)],
        )  # fmt: skip
        drawn.append(sections.drawn(title, mark_safe(picture), table, wide=True))
    return drawn


def _mean(cells: Sequence[BacktestCell], changes: dict[str, Any]) -> float | None:
    found = [
        cell.figures["yield"]
        for cell in cells
        if cell.figures.get("yield") is not None
        and all(cell.changes[name] == value for name, value in changes.items())
    ]
    return sum(found) / len(found) if found else None


def walked(told: dict[str, Any]) -> sections.Table:
    """Return what the choice by the past made of the days that followed."""
    steps = told.get("steps", [])
    return sections.Table(
        "Chosen on the past, bet on what followed",
        ("From", "Until", "Chosen", "Bets", "Turnover", "Profit", "CLV"),
        [
            (one["from"], one["until"],
             ", ".join(f"{k} {v}" for k, v in (one["changes"] or {}).items()) or "nothing yet",
             one["bets"], one["turnover"], one["profit"], chips.percent(one["clv"], signed=True))
            for one in steps
        ],
        empty="Not yet: it is reckoned when all cells are done.",
        note=f"Together {told.get('bets', 0)} bets, profit {told.get('profit', '–')}.",
    )  # fmt: skip


def best(row: BacktestGrid, cells: Sequence[BacktestCell]) -> sections.Table:
    """Return the best cells by their Sharpe ratio."""
    done = [cell for cell in cells if cell.state == BacktestCell.State.DONE]
    ranked = sorted(done, key=lambda c: -(c.figures.get("sharpe") or -1e9))[:SHOWN]
    return sections.Table(
        "Cells, best first",
        ("Cell", *row.axes, "Bets", "Profit", "Yield", "CLV", "Deepest fall", "Sharpe"),
        [
            (cell.number, *(str(cell.changes[name]) for name in row.axes), cell.figures["bets"],
             cell.figures["profit"], chips.percent(cell.figures["yield"], places=2),
             chips.percent(cell.figures["clv"], places=2),
             chips.percent(cell.figures["max_drawdown"]), cell.figures["sharpe"])
            for cell in ranked
        ],
        empty="None is done yet.",
        note=f"{len(done)} of {len(cells)} are done.",
    )  # fmt: skip


@admin.register(BacktestCell)
class BacktestCellAdmin(Fixed):
    list_display = ("number", "grid", "cell", "state_chip", "part")
    list_filter = (("state", ChoicesDropdownFilter),)
    list_select_related = ("grid",)
    search_fields = ("grid__name",)
    ordering = ("-pk",)
    detail_related = ("grid",)
    empty_text = "No grid was tried yet."

    number = columns.number("Row")
    state_chip = columns.state("state")

    def get_queryset(self, request: HttpRequest) -> QuerySet[BacktestCell]:
        return super().get_queryset(request).defer("days")

    @display(description="Cell", ordering="number")
    def cell(self, row: BacktestCell) -> str:
        return str(row)

    def parts(self, request: HttpRequest, row: BacktestCell) -> list[sections.Section]:
        return [
            sections.Facts("Choice", [(name, str(value)) for name, value in row.changes.items()]),
            sections.Facts("Figures", list(row.figures.items())),
        ]
