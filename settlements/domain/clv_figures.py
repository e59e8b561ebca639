"""How bets stood against the close, with how sure one may be of it.  Pure.

Sums are taken by event first, and events are drawn: bets on one event share its fortune.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from settlements.domain import performance
from settlements.domain.performance import Rate

RESAMPLES = 1_000
#: Edges of the histogram of single bets, and the buckets that bets are told apart by.
EDGES = tuple(round(-0.2 + 0.02 * step, 2) for step in range(21))
HOURS = (1, 4, 12, 24, 48)
PRICES = (1.5, 2.0, 3.0, 5.0, 10.0)
EARNED = (0.0, 0.02, 0.05, 0.1)


@dataclass(frozen=True, slots=True)
class ClvFigures:
    """The bets of one key.  Shares; money in the bankrolls' currency; void bets are in none."""

    key: str
    n: int
    events: int
    valued: int
    moved: int  # valued by a close on another line
    clv: Rate  # the mean
    clv_by_stake: Rate
    clv_raw: float | None
    beat_close: Rate
    expected_profit: Decimal

    @property
    def coverage(self) -> float | None:
        return self.valued / self.n if self.n else None

    def as_dict(self) -> dict[str, Any]:
        """Return the figures as plain values: rates with their ends under names of their own."""
        told: dict[str, Any] = {"key": self.key, "n": self.n, "events": self.events}
        told |= {"valued": self.valued, "coverage": self.coverage, "moved": self.moved}
        for name in ("clv", "clv_by_stake", "beat_close"):
            rate = getattr(self, name)
            told |= {name: rate.value, f"{name}_low": rate.low, f"{name}_high": rate.high}
        return told | {
            "clv_raw": self.clv_raw, "expected_profit": f"{self.expected_profit:.2f}",
        }  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """A key's counts, and (4, events) of clv, valued bets, clv by stake, stakes valued."""

    key: str
    n: int
    valued: int
    moved: int
    beat: int
    raw: float | None  # None: not known
    expected_profit: Decimal
    events: int
    by_event: NDArray[np.float64]


def measure(sums: Sums, *, seed: int = 0) -> ClvFigures:
    """Return a key's figures; the interval draws events, seeded.

    >>> one = Sums("a", n=4, valued=3, moved=1, beat=2, raw=0.2, expected_profit=Decimal("1.50"),
    ...            events=2, by_event=np.array([[0.04, 0.05], [2, 1], [0.4, 1.0], [20.0, 20.0]]))
    >>> found = measure(one)
    >>> round(found.clv.value, 4), round(found.clv_by_stake.value, 4), found.coverage
    (0.03, 0.035, 0.75)
    """
    clv, valued, by_stake, staked = sums.by_event
    return ClvFigures(
        key=sums.key, n=sums.n, events=sums.events, valued=sums.valued, moved=sums.moved,
        clv=performance.ratio(top=clv, bottom=valued, seed=seed, resamples=RESAMPLES),
        clv_by_stake=performance.ratio(
            top=by_stake, bottom=staked, seed=seed, resamples=RESAMPLES
        ),
        clv_raw=None if sums.raw is None or not sums.valued else sums.raw / sums.valued,
        beat_close=performance.wilson(hits=sums.beat, n=sums.valued),
        expected_profit=sums.expected_profit,
    )  # fmt: skip
