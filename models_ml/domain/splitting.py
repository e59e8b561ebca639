"""Cutting a history into parts that follow one another: nothing learns from its own future."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

SHARES = (0.60, 0.15, 0.10, 0.15)


@dataclass(frozen=True, slots=True)
class Split:
    """Half-open ranges of rows in time order."""

    train: slice
    validation: slice
    calibration: slice
    test: slice


def in_time_order(starts: ArrayLike, *, shares: Sequence[float] = SHARES) -> Split:
    """Cut sorted start times into train, validation, calibration and test, in that order.

    Matches that start at the same moment stay together, so no part knows another's outcome.

    >>> in_time_order([1, 2, 3, 4, 5, 6, 7, 7, 9, 10], shares=(0.6, 0.1, 0.1, 0.2))
    Split(train=slice(0, 6, None), validation=slice(6, 8, None),
          calibration=slice(8, 8, None), test=slice(8, 10, None))

    Raises:
        ValueError: the times are not in order.
    """
    times = np.asarray(starts)
    if np.any(times[1:] < times[:-1]):
        raise ValueError("start times are not in order")
    cuts = [0]
    for share in np.cumsum(shares)[:-1]:
        cut = max(cuts[-1], round(float(share) * len(times)))
        while 0 < cut < len(times) and times[cut] == times[cut - 1]:
            cut += 1
        cuts.append(cut)
    cuts.append(len(times))
    return Split(*(slice(a, b) for a, b in itertools.pairwise(cuts)))
