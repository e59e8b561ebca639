"""The phases of a strategy: what each lets it stake, and what it takes to go on.  Pure.

    A  dry run     decides and sizes, stakes nothing
    B  micro       small stakes
    C  production  whole stakes

Going on needs criteria over the phase's own bets, and a second person; falling back needs neither.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import scipy
from numpy.typing import ArrayLike

from betting.domain import staking
from models_ml.domain.scoring import intervals

DRY_RUN, MICRO, PRODUCTION = ORDER = ("DRY_RUN", "MICRO", "PRODUCTION")
BETS, YIELD, FILL_RATE, INCIDENTS = "bets", "yield", "fill rate", "critical incidents"
APPROVES = "ops lead"  # the group whose word lets a strategy go on; an administrator has none


def following(phase: str) -> str | None:
    """Return the phase that comes next, None after the last.

    >>> following("DRY_RUN"), following("PRODUCTION")
    ('MICRO', None)
    """
    place = ORDER.index(phase) + 1
    return ORDER[place] if place < len(ORDER) else None


def is_below(phase: str, other: str) -> bool:
    """Tell whether a phase comes before another.

    >>> is_below("DRY_RUN", "MICRO"), is_below("MICRO", "MICRO")
    (True, False)
    """
    return ORDER.index(phase) < ORDER.index(other)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a strategy's phase and allocation leave of its stakes, as shares.

    ``scale`` and ``allocation`` multiply a stake; ``most`` is the greatest share of the balance
    on one bet, and ``allocation`` also the share that the strategy may have open.
    """

    scale: float = 1.0
    most: float = 1.0
    allocation: float = 1.0

    @property
    def scales(self) -> list[tuple[str, float]]:
        """Return the factors that are not one, named by the reason to give."""
        named = (("PHASE", self.scale), ("ALLOCATION", self.allocation))
        return [(name, factor) for name, factor in named if factor != 1.0]

    def rooms(self, *, balance: Decimal, opened: Decimal) -> list[staking.Cut]:
        """Return what they still allow in money, ``opened`` being the strategy's open liability.

        >>> Terms(most=0.005, allocation=0.2).rooms(
        ...     balance=Decimal("1000"), opened=Decimal("190"))
        [('PHASE_LIMIT', Decimal('5.00')), ('ALLOCATION_LIMIT', Decimal('10.00'))]
        >>> Terms().rooms(balance=Decimal("1000"), opened=Decimal("190"))
        []
        """
        money = max(balance, staking.NOTHING)
        found: list[staking.Cut] = []
        if self.most < 1.0:
            found.append(("PHASE_LIMIT", staking.share_of(money, self.most)))
        if self.allocation < 1.0:
            found.append(("ALLOCATION_LIMIT", staking.share_of(money, self.allocation) - opened))
        return found


@dataclass(frozen=True, slots=True)
class Record:
    """What a phase's own bets came to: sums by event of what is settled, and how many were sent.

    ``incidents`` are those that count as critical, in words.
    """

    bets: int
    profits: Sequence[float]
    stakes: Sequence[float]
    accepted: int
    rejected: int
    incidents: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is asked of a phase's bets; ``is_sure``: of the whole interval, not of the value."""

    bets: int
    yield_: float
    fill_rate: float
    is_sure: bool = False


@dataclass(frozen=True, slots=True)
class Criterion:
    """One thing that is asked: its value, over how many, with its 95 % interval; and the bound."""

    name: str
    asked: str  # the bound in words
    value: float | None
    n: int
    is_met: bool
    low: float | None = None
    high: float | None = None
    note: str = ""

    def __str__(self) -> str:
        value = "none" if self.value is None else _shown(self.name, self.value)
        within = ""
        if self.low is not None and self.high is not None:
            within = f", 95 % {_shown(self.name, self.low)} to {_shown(self.name, self.high)}"
        note = f": {self.note}" if self.note else ""
        return f"{self.name} {value} (asked {self.asked}, n {self.n}{within}){note}"

    def as_dict(self) -> dict[str, Any]:
        """Return it as what is kept and told."""
        return asdict(self)


def criteria(*, phase: str, record: Record, bounds: Bounds) -> tuple[Criterion, ...]:
    """Hold a phase's own bets against what is asked before a strategy goes on.

    >>> poor = Record(bets=10, profits=[5.0, -5.0], stakes=[50.0, 50.0], accepted=9, rejected=1)
    >>> [one.name for one in criteria(
    ...     phase="MICRO", record=poor, bounds=Bounds(50, 0.05, 0.75)) if not one.is_met]
    ['bets', 'yield', 'fill rate']
    """
    met = record.bets >= bounds.bets
    settled = Criterion(BETS, f"at least {bounds.bets}", record.bets, record.bets, met)
    return (
        settled,
        _yield(record, bounds),
        _fill_rate(phase, record, bounds),
        _incidents(record),
    )


def _yield(record: Record, bounds: Bounds) -> Criterion:
    value, low, high = share_of_sums(record.profits, record.stakes)
    judged = low if bounds.is_sure else value
    return Criterion(
        YIELD,
        _above(YIELD, bounds.yield_, bounds),
        value,
        record.bets,
        judged is not None and judged > bounds.yield_,
        low,
        high,
    )


def _fill_rate(phase: str, record: Record, bounds: Bounds) -> Criterion:
    asked = _above(FILL_RATE, bounds.fill_rate, bounds)
    n = record.accepted + record.rejected
    if phase == DRY_RUN:
        return Criterion(FILL_RATE, asked, None, n, True, note="a dry run sends nothing")
    if not n:
        return Criterion(FILL_RATE, asked, None, n, False, note="nothing was answered")
    value = record.accepted / n
    sure = scipy.stats.binomtest(record.accepted, n).proportion_ci(0.95, method="wilson")
    judged = sure.low if bounds.is_sure else value
    is_met = n >= bounds.bets and judged > bounds.fill_rate
    return Criterion(FILL_RATE, asked, value, n, is_met, float(sure.low), float(sure.high))


def _incidents(record: Record) -> Criterion:
    n = len(record.incidents)
    return Criterion(INCIDENTS, "none", n, n, not n, note="; ".join(record.incidents[:3]))


def share_of_sums(
    tops: ArrayLike, bottoms: ArrayLike
) -> tuple[float | None, float | None, float | None]:
    """Return sum(tops) / sum(bottoms) over events with its 95 % interval; None: it has none.

    Linearised and normal, events kept whole: ``s = sqrt(n / (n - 1) Σ (t - r b)²) / Σ b``.

    >>> [round(x, 3) for x in share_of_sums([5.0, -10.0, 14.0, -3.0], [10.0] * 4)]
    [0.15, -0.864, 1.164]
    >>> share_of_sums([5.0], [10.0]), share_of_sums([], [])
    ((0.5, None, None), (None, None, None))

    Source: Cochran, "Sampling Techniques" (1977), the ratio of two totals of a cluster sample.
    """
    top, bottom = np.asarray(tops, dtype=float), np.asarray(bottoms, dtype=float)
    n, whole = len(top), float(bottom.sum())
    if not n or whole <= 0.0:
        return None, None, None
    value = float(top.sum()) / whole
    if n == 1:
        return value, None, None
    error = float(np.sqrt(n / (n - 1) * ((top - value * bottom) ** 2).sum())) / whole
    return (value, *intervals.normal_interval(value, error))


def _above(name: str, bound: float, bounds: Bounds) -> str:
    return f"{'surely ' if bounds.is_sure else ''}above {_shown(name, bound)}"


def _shown(name: str, value: float) -> str:
    return f"{value:.0f}" if name in (BETS, INCIDENTS) else f"{value * 100:.1f} %"
