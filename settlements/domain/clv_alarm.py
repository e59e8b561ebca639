"""When closing-line value is low enough to tell somebody.  Pure.

A rule is a level, the fewest bets it may speak of and, where that is demanded, an interval that
lies wholly below the level: fifty bets of a sound strategy lie below -0.5 % one time in four.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from settlements.domain import performance
from settlements.domain.performance import Rate


@dataclass(frozen=True, slots=True)
class Limits:
    """The thresholds; levels are shares."""

    days: int
    floor: float  # of the days
    bets: int
    low: float  # of the last bets: notable
    bad: float  # of the last bets: bad
    fewest: int
    surely: bool


@dataclass(frozen=True, slots=True, eq=False)
class Valued:
    """A strategy's valued bets, the latest first, all of length n; ``day`` counts days."""

    day: NDArray[np.int64]
    event: NDArray[np.int64]
    clv: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Low:
    """What is too low: over ``n`` bets, of the last bets or of days in a row."""

    rate: Rate
    n: int
    level: float
    is_bad: bool
    days: int  # 0: of the last bets

    @property
    def words(self) -> str:
        assert self.rate.value is not None
        told = f"CLV {self.rate.value:+.2%}"
        if self.rate.low is not None and self.rate.high is not None:
            told += f" (95 %: {self.rate.low:+.2%} to {self.rate.high:+.2%})"
        over = f"over {self.n} bets"
        if self.days:
            over = f"below {self.level:+.2%} on {self.days} days in a row, {over}"
            return f"{told}, {over}"
        return f"{told} {over}, below {self.level:+.2%}"


def judge(*, bets: Valued, limits: Limits) -> Low | None:
    """Return what is too low, the worst of it; None where nothing is.

    >>> n = 60
    >>> bets = Valued(np.arange(n) // -20, np.arange(n), np.linspace(-0.04, -0.02, n))
    >>> limits = Limits(3, 0.0, 50, -0.005, -0.01, fewest=30, surely=True)
    >>> judge(bets=bets, limits=limits).words
    'CLV -3.17% (95 %: -3.30% to -3.04%) over 50 bets, below -1.00%'
    """
    return _last_bets(bets, limits) or _days(bets, limits)


def _last_bets(bets: Valued, limits: Limits) -> Low | None:
    last = slice(0, limits.bets)
    n = len(bets.clv[last])
    if n < max(limits.bets, limits.fewest):
        return None
    rate = _mean(bets, np.arange(n))
    for level, is_bad in ((limits.bad, True), (limits.low, False)):
        if _is_below(rate, level, limits.surely):
            return Low(rate, n, level, is_bad, 0)
    return None


def _days(bets: Valued, limits: Limits) -> Low | None:
    """Say whether the mean of each of the last days with bets, one after the other, was low."""
    days = np.unique(bets.day)[::-1][: limits.days]
    rows = np.flatnonzero(np.isin(bets.day, days))
    if len(days) < limits.days or len(rows) < limits.fewest:
        return None
    if any(bets.clv[bets.day == day].mean() >= limits.floor for day in days):
        return None
    rate = _mean(bets, rows)
    if not _is_below(rate, limits.floor, limits.surely):
        return None
    return Low(rate, len(rows), limits.floor, False, limits.days)


def _mean(bets: Valued, rows: NDArray[np.intp]) -> Rate:
    _, place = np.unique(bets.event[rows], return_inverse=True)
    return performance.ratio(
        top=np.bincount(place, weights=bets.clv[rows]), bottom=np.bincount(place)
    )


def _is_below(rate: Rate, level: float, surely: bool) -> bool:
    if rate.value is None or rate.value >= level:
        return False
    return not surely or (rate.high is not None and rate.high < level)
