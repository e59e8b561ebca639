"""Whether a figure is where it should be, and whether one may be sure of it.  Pure.

A bound that is taken as it stands fires on noise: a 30-day yield below −5 % is seen at fifty bets
one time in four with a true yield of +5 %.  So a bound knows the fewest observations that it
speaks from, and counts as passed only when the whole interval lies beyond it, unless somebody
switched that off.
"""

from dataclasses import dataclass
from enum import StrEnum

from settlements.domain.performance import Rate


class Band(StrEnum):
    GREEN = "GREEN"  # on target
    BETWEEN = "BETWEEN"  # neither on target nor beyond a bound
    UNSURE = "UNSURE"  # beyond a bound, as chance alone may put it
    AMBER = "AMBER"
    RED = "RED"
    FEW = "FEW"  # fewer observations than the bounds speak from
    UNKNOWN = "UNKNOWN"  # there is no value


@dataclass(frozen=True, slots=True)
class Bounds:
    """None is without a bound on that side."""

    green: tuple[float | None, float | None] = (None, None)
    amber: tuple[float | None, float | None] = (None, None)
    red: tuple[float | None, float | None] = (None, None)
    min_n: int = 0
    needs_interval: bool = True


def judge(*, bounds: Bounds, value: Rate, n: int, has_interval: bool = True) -> Band:
    """Return where a figure over ``n`` observations stands.

    A figure that has no interval by its nature (a drawdown, a count) is taken as it is; one that
    has none yet is not sure.

    >>> yields = Bounds(green=(0.05, None), red=(0.0, None), min_n=100)
    >>> judge(bounds=yields, value=Rate(-0.04, -0.12, 0.04), n=150).name
    'UNSURE'
    >>> judge(bounds=yields, value=Rate(-0.04, -0.07, -0.01), n=900).name
    'RED'
    >>> judge(bounds=yields, value=Rate(-0.04, -0.07, -0.01), n=50).name
    'FEW'
    >>> judge(bounds=yields, value=Rate(0.03, 0.0, 0.06), n=900).name
    'BETWEEN'
    """
    if value.value is None:
        return Band.UNKNOWN
    if n < bounds.min_n:
        return Band.FEW
    sure = value if bounds.needs_interval and has_interval else Rate(*[value.value] * 3)
    passed = False
    for band, (low, high) in ((Band.RED, bounds.red), (Band.AMBER, bounds.amber)):
        if _beyond(sure, low, high):
            return band
        passed |= not _within(value.value, low, high)
    if passed:
        return Band.UNSURE
    return Band.GREEN if _within(value.value, *bounds.green) else Band.BETWEEN


def _within(value: float, low: float | None, high: float | None) -> bool:
    return (low is None or value >= low) and (high is None or value <= high)


def _beyond(rate: Rate, low: float | None, high: float | None) -> bool:
    """Return whether the whole interval lies beyond a bound."""
    below = low is not None and rate.high is not None and rate.high < low
    return below or (high is not None and rate.low is not None and rate.low > high)
