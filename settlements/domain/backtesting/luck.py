"""What else could have come of a strategy: paths drawn again, and what a backtest must show.  Pure.

Two ways to draw.  Betting days with replacement: the days that were, in another order and number,
each with its own return.  Or the results anew, each bet winning as probable as the model says: if
it is right, this is what may come.  Days are kept whole, for their bets hang together.

Sources: Efron & Tibshirani, "An Introduction to the Bootstrap" (1993); Rockafellar & Uryasev,
"Optimization of Conditional Value-at-Risk" (2000).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from settlements.domain.backtesting import measuring, money
from settlements.domain.backtesting.engine import Bets
from settlements.domain.backtesting.history import Floats, History
from settlements.domain.backtesting.plans import Plan

PATHS = 2_000
RUIN = 0.5  # of the opening money: below it nobody would have gone on
TAIL = 0.05
QUANTILES = (0.5, 0.9, 0.95, 0.99)
LEAST_BETS, MOST_P = 100, 0.05
_BLOCK = 2_000_000  # draws held in memory at a time


@dataclass(frozen=True, slots=True)
class Outlook:
    """What paths came to; shares are of the opening money.

    ``value_at_risk`` is the loss that one path in twenty exceeds, ``conditional`` their mean.
    """

    paths: int
    days: int
    ruin: float  # share of the paths that fell below ``RUIN``
    profitable: float
    value_at_risk: float
    conditional: float
    growth: tuple[float, float, float]  # 5 %, 50 % and 95 % of the paths
    drawdown: tuple[float, ...]  # by ``QUANTILES``

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        low, middle, high = self.growth
        falls = {
            f"drawdown_{round(share * 100)}": round(value, 6)
            for share, value in zip(QUANTILES, self.drawdown, strict=True)
        }
        return {
            "paths": self.paths,
            "days": self.days,
            "ruin": self.ruin,
            "profitable": self.profitable,
            "value_at_risk": round(self.value_at_risk, 6),
            "conditional_value_at_risk": round(self.conditional, 6),
            "growth_low": round(low, 6),
            "growth_median": round(middle, 6),
            "growth_high": round(high, 6),
            **falls,
        }


def by_days(bets: Bets, plan: Plan, *, seed: int = 0, paths: int = PATHS) -> Outlook | None:
    """Return what may come if betting days go on as they were; None without any."""
    days = measuring.by_day(bets)
    if not len(days.day):
        return None
    opening = money.cents(plan.opening)
    before = opening + np.concatenate([[0], np.cumsum(days.profit)[:-1]])
    is_flat = plan.staking == "FLAT"
    returns = days.profit / np.where(before > 0, opening if is_flat else before, 1)
    random, n = np.random.default_rng(seed), len(returns)
    found = [
        _path_ends(returns[random.integers(0, n, (size, n))], is_flat=is_flat)
        for size in _sizes(paths, n)
    ]
    return _outlook(found, days=n)


def by_model(
    history: History, bets: Bets, plan: Plan, *, seed: int = 0, paths: int = PATHS
) -> Outlook | None:
    """Return what may come if each bet wins as probable as the model says; None without any.

    Stakes stay the shares of the money that they were.
    """
    counted = np.flatnonzero(measuring.counts(bets))
    if not len(counted):
        return None
    counted = counted[np.argsort(bets.settles[counted], kind="stable")]
    place, moments = bets.place[counted], bets.settles[counted]
    first = np.flatnonzero(np.r_[True, moments[1:] != moments[:-1]])
    is_flat = plan.staking == "FLAT"
    share = bets.stake[counted] / _money_before(bets, counted, plan, is_flat=is_flat)
    refund = history.refund[place]
    wins = (1.0 - refund) * history.probability[place]
    gain = share * (bets.price[counted] / 1000.0 - 1.0)
    random = np.random.default_rng(seed)
    found = []
    for size in _sizes(paths, len(counted)):
        drawn = random.random((size, len(counted)))
        brought = np.where(drawn < wins, gain, np.where(drawn < wins + refund, 0.0, -share))
        found.append(_path_ends(np.add.reduceat(brought, first, axis=1), is_flat=is_flat))
    return _outlook(found, days=len(first))


def _money_before(bets: Bets, counted: np.ndarray, plan: Plan, *, is_flat: bool) -> Floats:
    """Return the money that each bet's stake was a share of, as it stood before it was paid."""
    opening = money.cents(plan.opening)
    if is_flat:
        return np.full(len(counted), float(opening))
    moments = bets.settles[counted]
    total = opening + np.concatenate([[0], np.cumsum(bets.profit[counted])])
    standing = total[np.searchsorted(moments, moments, side="left")]
    return np.maximum(standing, 1).astype(np.float64)


def _sizes(paths: int, n: int) -> list[int]:
    most = max(1, _BLOCK // max(n, 1))
    return [min(most, paths - done) for done in range(0, paths, most)]


def _path_ends(returns: Floats, *, is_flat: bool) -> tuple[Floats, Floats, Floats]:
    """Return each path's money at its end, its least, and its deepest fall, opening at 1."""
    path: Floats = 1.0 + np.cumsum(returns, axis=1)
    if not is_flat:
        path = np.asarray(np.cumprod(np.maximum(1.0 + returns, 0.0), axis=1), dtype=np.float64)
    peak = np.maximum(np.maximum.accumulate(path, axis=1), 1.0)
    return path[:, -1], path.min(axis=1), ((peak - path) / peak).max(axis=1)


def _outlook(found: Sequence[tuple[Floats, Floats, Floats]], *, days: int) -> Outlook:
    ends, lowest, falls = (np.concatenate(column) for column in zip(*found, strict=True))
    growth = ends - 1.0
    edge = float(np.quantile(growth, TAIL))
    low, middle, high = np.quantile(growth, [0.05, 0.5, 0.95])
    return Outlook(
        paths=len(ends),
        days=days,
        ruin=float((lowest < RUIN).mean()),
        profitable=float((growth > 0).mean()),
        value_at_risk=-edge,
        conditional=-float(growth[growth <= edge].mean()),
        growth=(float(low), float(middle), float(high)),
        drawdown=tuple(float(each) for each in np.quantile(falls, QUANTILES)),
    )


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing that a backtest must show before anybody bets by it."""

    name: str
    value: float | None
    wanted: str
    is_met: bool


def gate(figures: Mapping[str, Any], *, is_out_of_sample: bool) -> list[Asked]:
    """Ask whether a backtest says anything: enough bets, never learned from, sure, and a CLV.

    >>> told = {"bets": 120, "p_value": 0.03, "clv": 0.01}
    >>> [one.name for one in gate(told, is_out_of_sample=False) if not one.is_met]
    ['out of sample']
    >>> [one.is_met for one in gate({"bets": 99}, is_out_of_sample=True)]
    [False, True, False, False]
    """
    bets, p, clv = figures.get("bets") or 0, figures.get("p_value"), figures.get("clv")
    return [
        Asked("bets", bets, f"at least {LEAST_BETS}", bets >= LEAST_BETS),
        Asked("out of sample", None, "nothing was learned from it", is_out_of_sample),
        Asked("p of no edge", p, f"below {MOST_P}", p is not None and p < MOST_P),
        Asked("CLV", clv, "above 0", clv is not None and clv > 0.0),
    ]
