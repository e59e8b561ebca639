"""Spans of time that follow one another: what is learned before each is tried on it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

WEEK = 7 * 86_400_000_000  # µs
MONDAY = 4 * 86_400_000_000  # 1970 began on a Thursday
YEAR = 52  # weeks looked back over, unless told
MOST = 120


class Span(NamedTuple):
    """From ``begins`` until just before ``ends``, in µs."""

    begins: int
    ends: int


def beginning(starts: ArrayLike) -> int:
    """Return from when on there is enough behind a history to try it, a Monday in µs.

    A year before its last start, but not before half of it is past.

    >>> week = 7 * 86_400_000_000
    >>> (beginning(np.arange(20) * week) - MONDAY) // week, beginning([]) == MONDAY - week
    (9, True)
    """
    times = np.sort(np.asarray(starts, dtype=np.int64))
    if not len(times):
        return monday(0)
    half = int(times[len(times) // 2])
    return monday(max(half, int(times[-1]) + 1 - YEAR * WEEK))


def monday(moment: int) -> int:
    """Return the Monday, 00:00 UTC, at or before a moment in µs.

    >>> monday(MONDAY) == MONDAY, monday(MONDAY - 1) == MONDAY - 7 * 86_400_000_000
    (True, True)
    """
    return (moment - MONDAY) // WEEK * WEEK + MONDAY


def spans(*, starts: ArrayLike, since: int, until: int, weeks: int) -> list[Span]:
    """Return spans of so many weeks from ``since`` on, without those in which nothing started.

    >>> [tuple(span) for span in spans(starts=[5, 6, 5 * WEEK], since=0, until=6 * WEEK, weeks=2)]
    [(0, 1209600000000), (2419200000000, 3628800000000)]

    Raises:
        ValueError: there would be more than 120.
    """
    times: NDArray[np.int64] = np.asarray(starts, dtype=np.int64)
    times = times[(times >= since) & (times < until)]
    places = np.unique((times - since) // (weeks * WEEK))
    if len(places) > MOST:
        raise ValueError(f"{len(places)} spans of {weeks} weeks; {MOST} are the most")
    step = weeks * WEEK
    return [
        Span(since + int(place) * step, min(since + (int(place) + 1) * step, until))
        for place in places
    ]
