"""How near to the start a closing price really was.  Pure: whole columns in, a place per row out.

A close is what a book showed last before the event began.  How much it is worth as a yardstick
depends on how lately it was looked at, and on whether the beginning itself is known.
"""

from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

#: Ordered by worth; a close is replaced by one that is worth as much or more.
NONE, PROVISIONAL, EXACT = range(3)
NAMES = ("NONE", "PROVISIONAL", "EXACT")
#: Looked at this shortly before an actual start, a price is the close.
EXACT_WITHIN = timedelta(minutes=10)
#: Looked at longer before, it says little of the close.
NEAR_WITHIN = timedelta(hours=1)
_OPENER, _CLOSE = 1, 2  # what a source itself says of a price
_MICROSECOND = timedelta(microseconds=1)


def exactness(
    *, mark: Ints, age: Ints, has_actual_start: Bools, has_time: Bools, time_scale: Floats
) -> Ints:
    """Return how exact each close is.

    Args:
        mark: what the source says of the price: 2 where it calls it the close.
        age: microseconds from the last look at the price to the start.
        has_actual_start: a source told when the event really began.
        has_time: the time of day of the start is known, not the day alone.
        time_scale: how many times as fast as the real calendar the competition runs.

    >>> column = lambda *values: np.array(values)
    >>> minute = 60_000_000
    >>> exactness(
    ...     mark=column(2, 0, 0, 0, 0), age=column(9000, 5, 5, 50, 90) * minute,
    ...     has_actual_start=column(False, True, False, True, True),
    ...     has_time=np.full(5, True), time_scale=np.ones(5),
    ... ).tolist() == [EXACT, EXACT, PROVISIONAL, PROVISIONAL, NONE]
    True
    """
    league_age = age * time_scale
    is_near = league_age <= NEAR_WITHIN // _MICROSECOND
    is_close = has_actual_start & (league_age <= EXACT_WITHIN // _MICROSECOND)
    return np.select(
        [mark == _CLOSE, ~has_time, is_close, is_near],
        [EXACT, NONE, EXACT, PROVISIONAL],
        default=NONE,
    ).astype(np.int64)


def is_true_opener(mark: Ints) -> Bools:
    """Say of first prices whether the source calls them the opener; else they are first seen.

    >>> is_true_opener(np.array([0, 1, 2])).tolist()
    [False, True, False]
    """
    return np.asarray(mark == _OPENER)
