"""Grids of backtests as rows: written down, reckoned part by part, called off, gone on with.

Each part is a run of its own, so that several may work at once and one that is lost is done again;
the cells that are done stay.  A part reads the history once for all its cells.  The last part to
end judges the best cell as one of many.
"""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from django.db import transaction

from betting.models import Strategy
from monitoring.domain.progress import RunHandle
from monitoring.errors import Refused
from monitoring.models import TaskRun, User
from monitoring.services import audit, running
from settlements.domain import presenting
from settlements.domain.backtesting import grids, money, trials
from settlements.domain.backtesting.engine import Ground
from settlements.domain.backtesting.grids import Cell
from settlements.domain.backtesting.plans import BadPlan
from settlements.models import BacktestCell, BacktestGrid
from settlements.services import backtest_plans, histories
from settlements.services.backtest_plans import BacktestRefused, Spec

TASK = "settlements.tasks.backtest_cells"
PART = 40  # cells of one run
WALK_DAYS = 90
LONGEST = 36_500  # days
_AT_ONCE = 10  # cells written together
_COLUMNS = ("day", "profit", "staked")
State, CellState = BacktestGrid.State, BacktestCell.State


class GridNotFound(Refused):
    """There is no such grid."""


class GridIsOver(Refused):
    """The grid has ended: it cannot be called off, or gone on with."""


class CodeChanged(Refused):
    """The code is another one than the grid began with."""


def begin(
    *,
    spec: Mapping[str, Any],
    axes: Mapping[str, Sequence[Any]],
    walk: Mapping[str, Any] | None = None,
    name: str = "",
    strategy: Strategy | None = None,
    seed: int = 0,
    part: int = PART,
    actor: str,
    now: datetime,
) -> BacktestGrid:
    """Write down a grid and its cells; none of them is reckoned yet.

    ``walk``: ``days`` of each span of the walk-forward, ``look_back`` (0: all before) and
    ``measure`` by which a cell is chosen.

    Raises:
        BacktestRefused, UnknownSource, NoHistory: it cannot be, and says why.
    """
    read = backtest_plans.read(spec)
    cells = _cells(read, axes)
    walked = _walk(walk or {})
    backtest_plans.check_text([cells, walked])
    with transaction.atomic():
        grid = BacktestGrid.objects.create(
            name=name[:80],
            strategy=strategy,
            source=read.asked.source.name[:100],
            spec=read.as_dict(),
            axes={key: list(values) for key, values in axes.items()},
            walk=walked,
            seed=seed,
            as_of=now,
            code_version=backtest_plans.code_version(),
            actor=actor,
            asked_at=now,
        )
        BacktestCell.objects.bulk_create(
            BacktestCell(grid=grid, number=number, part=number // max(1, part), changes=changes)
            for number, changes in enumerate(cells)
        )
        audit.record(
            actor=actor,
            action="settlements.backtest_grid",
            subject=grid,
            at=now,
            cells=len(cells),
            source=grid.source,
        )
    return grid


def start(*, user: User | None = None, actor: str, now: datetime, **asked: Any) -> BacktestGrid:
    """Write down a grid and ask for the runs that reckon it.

    Raises:
        BacktestRefused, UnknownSource, NoHistory: as ``begin``.
    """
    with transaction.atomic():
        grid = begin(**asked, actor=actor, now=now)
        ask(grid_id=grid.pk, actor=actor, now=now, user=user)
    return grid


def ask(*, grid_id: int, actor: str, now: datetime, user: User | None = None) -> int:
    """Ask for a run of each part that waits and has none; return how many."""
    with transaction.atomic():
        grid = _held(grid_id)
        waiting = list(grid.cells.filter(state=CellState.WAITING).order_by("number").defer("days"))
        live = set(_live(cell.run for cell in waiting))
        parts = sorted({cell.part for cell in waiting if cell.run not in live})
        for part in parts:
            run = running.request_run(
                task=TASK,
                arguments={"grid": grid.pk, "part": part},
                trigger=running.trigger_of(actor),
                actor=actor,
                user=user,
                now=now,
            )
            grid.cells.filter(part=part, state=CellState.WAITING).update(run=run.pk)
    return len(parts)


def reckon(
    *,
    grid_id: int,
    part: int | None = None,
    now: datetime,
    progress: RunHandle | None = None,
) -> BacktestGrid:
    """Reckon the cells that wait, of one part or of all; the last of a grid makes its figures.

    Raises:
        CodeChanged: its cells would not go together with those that are done.
        NoHistory: there is nothing to bet on; the grid has failed.
        Cancelled: somebody asked for that; what is done stays.
    """
    grid, ground = named(grid_id), None
    rows = grid.cells.filter(state=CellState.WAITING).order_by("number")
    waiting = list(rows if part is None else rows.filter(part=part))
    if grid.state == State.RUNNING and waiting:
        _check_code(grid)
        spec = backtest_plans.read(grid.spec)
        ground = _ground(grid, spec, now=now, progress=progress)
        for done in range(0, len(waiting), _AT_ONCE):
            batch = waiting[done : done + _AT_ONCE]
            found = grids.run(ground, spec.plan, [cell.changes for cell in batch])
            for cell, made in zip(batch, found, strict=True):
                cell.state, cell.figures, cell.days = CellState.DONE, made.figures, _packed(made)
            BacktestCell.objects.bulk_update(batch, ["state", "figures", "days"])
            if progress:
                progress.progress(
                    done=done + len(batch), total=len(waiting), message="cells of the grid"
                )
                progress.raise_if_cancelled()
    return finish(grid_id=grid_id, now=now, ground=ground, progress=progress)


def finish(
    *,
    grid_id: int,
    now: datetime,
    ground: Ground | None = None,
    progress: RunHandle | None = None,
) -> BacktestGrid:
    """Judge the best cell once none waits any more; before that, and after, do nothing.

    ``ground``: its history, where that is at hand.
    """
    with transaction.atomic():
        grid = _held(grid_id)
        cells = list(grid.cells.order_by("number"))
        if grid.state != State.RUNNING or any(c.state == CellState.WAITING for c in cells):
            return grid
        spec = backtest_plans.read(grid.spec)
        if ground is None:
            ground = _ground(grid, spec, now=now, progress=progress)
        grid.figures = _figures(grid, cells, spec, ground)
        grid.state, grid.finished_at = State.DONE, now
        grid.save(update_fields=["figures", "state", "finished_at"])
    return grid


def cancel(*, grid_id: int, actor: str, now: datetime, reason: str = "") -> BacktestGrid:
    """Call a grid off; the cells that are done stay, and it may be gone on with.

    Raises:
        GridNotFound: there is none.
        GridIsOver: it has ended.
    """
    with transaction.atomic():
        grid = _held(grid_id)
        if grid.state != State.RUNNING:
            raise GridIsOver(f"{grid} is {grid.get_state_display().lower()}")
        runs = grid.cells.filter(state=CellState.WAITING).values_list("run", flat=True).distinct()
        for run in _live(runs):
            running.cancel_run(run_id=run, actor=actor, now=now)
        grid.state, grid.finished_at = State.CANCELLED, now
        grid.save(update_fields=["state", "finished_at"])
        audit.record(
            actor=actor, action="settlements.cancel_grid", subject=grid, at=now, reason=reason
        )
    return grid


def go_on(*, grid_id: int, actor: str, now: datetime, reason: str = "") -> BacktestGrid:
    """Take up a grid that was called off, failed or stands still; what is done is not repeated.

    Raises:
        GridNotFound: there is none.
        GridIsOver: it is done.
        CodeChanged: begin a new one instead.
    """
    with transaction.atomic():
        grid = _held(grid_id)
        if grid.state == State.DONE:
            raise GridIsOver(f"{grid} is done")
        _check_code(grid)
        grid.state, grid.finished_at, grid.why = State.RUNNING, None, ""
        grid.save(update_fields=["state", "finished_at", "why"])
        audit.record(
            actor=actor, action="settlements.go_on_grid", subject=grid, at=now, reason=reason
        )
    return grid


def named(grid_id: int) -> BacktestGrid:
    """Return a grid by its number.

    Raises:
        GridNotFound: there is none.
    """
    found = BacktestGrid.objects.select_related("strategy").filter(pk=grid_id).first()
    if found is None:
        raise GridNotFound(f"there is no grid {grid_id}")
    return found


def report(*, grid: BacktestGrid, best: int = 10) -> dict[str, Any]:
    """Return how far a grid is, its figures and its best cells, as JSON can hold it."""
    cells = list(grid.cells.order_by("number").defer("days"))
    done = [cell for cell in cells if cell.state == CellState.DONE]
    return {
        "grid": grid.pk,
        "state": grid.state,
        "why": grid.why,
        "source": grid.source,
        "axes": grid.axes,
        "cells": len(cells),
        "done": len(done),
        "best": [
            {"cell": cell.number, **cell.changes, **cell.figures}
            for cell in sorted(done, key=_by_sharpe)[:best]
        ],
        **grid.figures,
    }


def _by_sharpe(cell: BacktestCell) -> tuple[float, int]:
    value = cell.figures.get("sharpe")
    return (-value if value is not None else np.inf, cell.number)


def _cells(spec: Spec, axes: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    wrong = [name for name, values in axes.items() if not isinstance(values, list | tuple)]
    if wrong:
        raise BacktestRefused(f"axes: {', '.join(wrong)}: a list of values is expected")
    try:
        return grids.cells(spec.plan, axes)
    except BadPlan as no:
        raise BacktestRefused(str(no)) from no


def _walk(given: Mapping[str, Any]) -> dict[str, Any]:
    told = {"days": WALK_DAYS, "look_back": 0, "measure": grids.MEASURES[0], **given}
    if unknown := sorted(set(told) - {"days", "look_back", "measure"}):
        raise BacktestRefused(f"walk: there is no {', '.join(unknown)}")
    lengths = [told[name] for name in ("days", "look_back")]
    is_whole = all(isinstance(one, int) and one <= LONGEST for one in lengths)
    if not is_whole or told["days"] < 1 or told["look_back"] < 0:
        raise BacktestRefused("walk: days from 1 and look_back from 0 are whole numbers")
    if told["measure"] not in grids.MEASURES:
        raise BacktestRefused(f"walk: measure is one of {', '.join(grids.MEASURES)}")
    return told


def _ground(grid: BacktestGrid, spec: Spec, *, now: datetime, progress: RunHandle | None) -> Ground:
    try:
        return Ground(
            histories.load(asked=spec.asked, as_of=grid.as_of, now=now, progress=progress)
        )
    except Refused as no:
        BacktestGrid.objects.filter(pk=grid.pk, state=State.RUNNING).update(
            state=State.FAILED, why=str(no)[:500], finished_at=now
        )
        raise


def _figures(
    grid: BacktestGrid, cells: Sequence[BacktestCell], spec: Spec, ground: Ground
) -> dict[str, Any]:
    """Return what the grid says: the best cell, how much of it luck explains, the walk-forward."""
    found = [_unpacked(cell) for cell in cells]
    opening = money.cents(spec.plan.opening)
    _, returns = grids.returns(found, opening=opening)
    deflated = trials.deflated(returns)
    changes = [cell.changes for cell in cells]
    steps = grids.walk_forward(ground, spec.plan, changes, found, **grid.walk)
    turnover, profit = (sum(getattr(step, name) for step in steps) for name in _MADE)
    best = sorted(cells, key=_by_sharpe)[0]
    return {
        "trials": deflated.trials,
        "days": deflated.n,
        "best_cell": best.number if best.figures.get("sharpe") is not None else None,
        "daily_sharpe": deflated.sharpe,
        "expected_by_luck": deflated.expected,
        "deflated_sharpe": deflated.probability,
        "reality_check_p": trials.reality_check(returns, seed=grid.seed),
        "walk_forward": {
            "bets": sum(step.bets for step in steps),
            "turnover": presenting.money(money.amount(turnover)),
            "profit": presenting.money(money.amount(profit)),
            "yield": profit / turnover if turnover else None,
            "steps": [
                {
                    "from": str(np.datetime64(step.begins, "D")),
                    "until": str(np.datetime64(step.ends, "D")),
                    "cell": step.cell,
                    "changes": None if step.cell is None else changes[step.cell],
                    "bets": step.bets,
                    "turnover": presenting.money(money.amount(step.turnover)),
                    "profit": presenting.money(money.amount(step.profit)),
                    "clv": step.clv,
                }
                for step in steps
            ],
        },
    }


_MADE = ("turnover", "profit")


def _packed(cell: Cell) -> bytes:
    columns = [np.asarray(getattr(cell, name), dtype="<i8") for name in _COLUMNS]
    return zlib.compress(np.stack(columns).tobytes())


def _unpacked(row: BacktestCell) -> Cell:
    told = np.frombuffer(zlib.decompress(bytes(row.days or b"")), dtype="<i8")
    day, profit, staked = told.reshape(len(_COLUMNS), -1).astype(np.int64)
    return Cell(row.figures, day, profit, staked)


def _held(grid_id: int) -> BacktestGrid:
    grid = BacktestGrid.objects.select_for_update().filter(pk=grid_id).first()
    if grid is None:
        raise GridNotFound(f"there is no grid {grid_id}")
    return grid


def _live(runs: Iterable[Any]) -> list[Any]:
    known = {run for run in runs if run}
    found = TaskRun.objects.filter(pk__in=known, state__in=TaskRun.LIVE)
    return list(found.values_list("pk", flat=True))


def _check_code(grid: BacktestGrid) -> None:
    if grid.code_version != backtest_plans.code_version():
        raise CodeChanged(f"{grid} began with another code than this one: begin a new one")
