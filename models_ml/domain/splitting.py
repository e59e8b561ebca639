"""Cutting a history into parts that follow one another: nothing learns from its own future."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

SHARES = (0.60, 0.15, 0.10, 0.15)
WEEK = 7 * 86_400_000_000  # µs
MOST_OF_THE_REST = 0.4  # of what is neither train nor validation may go to calibration


@dataclass(frozen=True, slots=True)
class Split:
    """Positions of rows, each part in time order; ``purged`` rows are in none."""

    train: NDArray
    validation: NDArray
    calibration: NDArray
    test: NDArray
    purged: int = 0


def in_time_order(starts: ArrayLike, *, shares: Sequence[float] = SHARES) -> Split:
    """Cut sorted start times into train, validation, calibration and test, in that order.

    Matches that start at the same moment stay together, so no part knows another's outcome.

    >>> split = in_time_order([1, 2, 3, 4, 5, 6, 7, 7, 9, 10], shares=(0.6, 0.1, 0.1, 0.2))
    >>> split.train.tolist(), split.validation.tolist(), split.test.tolist()
    ([0, 1, 2, 3, 4, 5], [6, 7], [8, 9])
    >>> split.calibration.tolist()
    []

    Raises:
        ValueError: the times are not in order.
    """
    times = _ordered(starts)
    cuts = [0]
    for share in np.cumsum(shares)[:-1]:
        cuts.append(_free(times, max(cuts[-1], round(float(share) * len(times)))))
    train, validation, calibration, test = _parts(cuts, len(times))
    return Split(train, validation, calibration, test)


def purged(
    *,
    starts: ArrayLike,
    as_of: ArrayLike,
    label_known_at: ArrayLike,
    calibration_weeks: int,
) -> Split:
    """Cut as above, with so many weeks for calibration, and part what touches.

    Train takes 60 % of the rows and validation 15 %; calibration takes the weeks asked for, but
    no more than 40 % of what is left; test takes the rest.  A row leaves its part where its
    outcome became known only after the first row of a later part was asked: in real life nobody
    could have learned from it by then.

    >>> week = 7 * 86_400_000_000
    >>> t = np.arange(100) * week
    >>> split = purged(starts=t, as_of=t - week // 7, label_known_at=t + 1, calibration_weeks=8)
    >>> [len(p) for p in (split.train, split.validation, split.calibration, split.test)]
    [60, 15, 8, 17]
    >>> late = t + 2 * week
    >>> split = purged(starts=t, as_of=t, label_known_at=late, calibration_weeks=8)
    >>> [len(p) for p in (split.train, split.validation, split.calibration, split.test)]
    [59, 14, 7, 17]

    Raises:
        ValueError: the times are not in order.
    """
    times, asked, known = _ordered(starts), np.asarray(as_of), np.asarray(label_known_at)
    n = len(times)
    train = _free(times, round(SHARES[0] * n))
    validation = _free(times, max(train, round((SHARES[0] + SHARES[1]) * n)))
    calibration = validation
    if validation < n:
        by_weeks = int(np.searchsorted(times, times[validation] + calibration_weeks * WEEK))
        by_share = validation + round(MOST_OF_THE_REST * (n - validation))
        calibration = _free(times, min(by_weeks, by_share))
    parts = _parts([0, train, validation, calibration], n)
    for place, part in enumerate(parts[:-1]):
        later = np.concatenate(parts[place + 1 :])
        if len(later):
            parts[place] = part[known[part] <= asked[later].min()]
    gone = n - sum(len(part) for part in parts)
    return Split(parts[0], parts[1], parts[2], parts[3], gone)


def _ordered(starts: ArrayLike) -> NDArray:
    times = np.asarray(starts)
    if np.any(times[1:] < times[:-1]):
        raise ValueError("start times are not in order")
    return times


def _free(times: NDArray, cut: int) -> int:
    """Return the first place from ``cut`` on where a new moment begins."""
    while 0 < cut < len(times) and times[cut] == times[cut - 1]:
        cut += 1
    return cut


def _parts(cuts: Sequence[int], n: int) -> list[NDArray]:
    return [np.arange(a, b) for a, b in itertools.pairwise([*cuts, n])]
