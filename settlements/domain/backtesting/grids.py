"""Many plans over one history: what they share is reckoned once, the best is one of many.

An axis is a number of the plan with the values it takes; a grid is every choice of one of each.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from settlements.domain.backtesting import engine, measuring, money, plans
from settlements.domain.backtesting.engine import Ground
from settlements.domain.backtesting.history import Ints
from settlements.domain.backtesting.plans import BadPlan, Plan
from settlements.domain.backtesting.trials import Floats

MOST_CELLS = 2_000
MEASURES = ("sharpe", "yield", "profit")


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """What one plan came to: figures, and profit (minor units) by betting day of payment."""

    figures: dict[str, Any]
    day: Ints
    profit: Ints
    staked: Ints


@dataclass(frozen=True, slots=True)
class Step:
    """A span of a walk-forward: which cell was chosen by what came before, and what it made."""

    begins: int  # betting days
    ends: int
    cell: int | None
    bets: int
    turnover: int
    profit: int
    clv: float | None


def cells(base: Plan, axes: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Return every choice, the last axis going fastest; each makes a plan that can be.

    >>> cells(Plan(), {"min_edge": [0.01, 0.03], "kelly_fraction": [0.5]})
    [{'min_edge': 0.01, 'kelly_fraction': 0.5}, {'min_edge': 0.03, 'kelly_fraction': 0.5}]

    Raises:
        BadPlan: no axis, too many cells, an unknown number, a value that does not fit.
    """
    if not axes or not all(axes.values()):
        raise BadPlan({"axes": "name at least one, with its values"})
    count = prod(len(values) for values in axes.values())
    if count > MOST_CELLS:
        raise BadPlan({"axes": f"{count} cells; {MOST_CELLS} are the most"})
    found = [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]
    for changes in found:
        with_changes(base, changes)
    return found


def with_changes(base: Plan, changes: Mapping[str, Any]) -> Plan:
    """Return a plan with some of its numbers changed.

    Raises:
        BadPlan: as ``plans.read``.
    """
    return plans.read({**base.as_dict(), **changes})


def run(ground: Ground, base: Plan, changes: Sequence[Mapping[str, Any]]) -> Iterator[Cell]:
    """Yield what each plan came to; best prices and days are reckoned once for all of them."""
    for one in changes:
        plan = with_changes(base, one)
        bets = engine.run(ground, plan)
        days = measuring.by_day(bets)
        yield Cell(measuring.brief(bets, plan), days.day, days.profit, days.staked)


def returns(found: Sequence[Cell], *, opening: int) -> tuple[Ints, Floats]:
    """Return every betting day with a payment, and each cell's return on its opening money there.

    ``(n_days,)`` and ``(n_days, n_cells)``.
    """
    if not found:
        return np.zeros(0, dtype=np.int64), np.zeros((0, 0))
    day = np.unique(np.concatenate([cell.day for cell in found]))
    made = np.zeros((len(day), len(found)))
    for column, cell in enumerate(found):
        made[np.searchsorted(day, cell.day), column] = cell.profit / opening
    return day, made


def walk_forward(
    ground: Ground,
    base: Plan,
    changes: Sequence[Mapping[str, Any]],
    found: Sequence[Cell],
    *,
    days: int,
    look_back: int = 0,
    measure: str = "sharpe",
) -> list[Step]:
    """Choose by what was paid before each span of so many days, bet on the span by that choice.

    ``look_back``: how many days count; 0: all before.  The money goes on from span to span.  What
    is paid in the first span only teaches.

    Raises:
        BadPlan: an unknown measure, or spans of no length.
    """
    if measure not in MEASURES:
        raise BadPlan({"measure": f"one of {', '.join(MEASURES)}"})
    if days < 1 or look_back < 0:
        raise BadPlan({"days": "at least 1, and look_back not below 0"})
    placed, _ = ground.days(time_zone=base.time_zone, time_scale=base.time_scale)
    steps, balance = [], money.cents(base.opening)
    if not len(placed):
        return []
    for begins in range(int(placed.min()) + days, int(placed.max()) + 1, days):
        ends = begins + days
        since = begins - look_back if look_back else -(2**62)
        best = choose(found, since=since, until=begins, measure=measure)
        inside = (placed >= begins) & (placed < ends)
        if best is None or balance <= 0 or not inside.any():
            steps.append(Step(begins, ends, best, 0, 0, 0, None))
            continue
        step = _step(ground, base, changes[best], inside, balance)
        balance += step.profit
        steps.append(Step(begins, ends, best, step.bets, step.turnover, step.profit, step.clv))
    return steps


def _step(
    ground: Ground,
    base: Plan,
    changes: Mapping[str, Any],
    inside: npt.NDArray[np.bool_],
    balance: int,
) -> Step:
    plan = with_changes(base, {**changes, "opening": str(money.amount(balance))})
    bets = engine.run(Ground(ground.history.part(inside)), plan)
    counted = measuring.counts(bets)
    clv = bets.clv[counted & np.isfinite(bets.clv)]
    return Step(
        0,
        0,
        None,
        int(counted.sum()),
        int(bets.stake[counted].sum()),
        int(bets.profit[counted].sum()),
        float(clv.mean()) if len(clv) else None,
    )


def choose(found: Sequence[Cell], *, since: int, until: int, measure: str) -> int | None:
    """Return the cell that did best on the betting days from ``since`` to before ``until``.

    The first of equals; None where none was paid a bet then.
    """
    best: tuple[float, int] | None = None
    for number, cell in enumerate(found):
        inside = (cell.day >= since) & (cell.day < until)
        profit, staked = cell.profit[inside], cell.staked[inside]
        if not len(profit):
            continue
        worth = _worth(profit, staked, measure)
        if best is None or worth > best[0]:
            best = (worth, number)
    return None if best is None else best[1]


def _worth(profit: Ints, staked: Ints, measure: str) -> float:
    match measure:
        case "profit":
            return float(profit.sum())
        case "yield":
            return float(profit.sum() / staked.sum())
    spread = float(profit.std(ddof=1)) if len(profit) > 1 else 0.0
    return float(profit.mean()) / spread if spread else -np.inf
