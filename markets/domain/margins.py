"""The margin taken off markets of every size at once.  Pure: flat columns in, flat columns out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from markets.domain import odds

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Texts = NDArray[np.str_]

INCOMPLETE = "incomplete market"
WINNERS_UNKNOWN = "number of winners unknown"
ALL_WIN = "as many win as run"
NON_RUNNER = "does not run"


@dataclass(frozen=True, slots=True, eq=False)
class Margins:
    """Per price: its market's overround, its fair probability, and by which method.

    Where there is no probability (NaN) ``method`` says why.
    """

    overround: Floats
    probability: Floats
    method: Texts


def remove(
    *, prices: Floats, sizes: Ints, expected: Ints, sums_to: Ints, method: str | None = None
) -> Margins:
    """Take the margin off markets that lie one after the other in ``prices``.

    Args:
        sizes: how many prices each market has here.
        expected: how many it has when it is whole.
        sums_to: how many of its answers come true; 0 where that is not known.
        method: one of ``odds.METHODS``; None: the default for the market's size.

    >>> found = remove(
    ...     prices=np.array([1.9, 1.9, 2.6, 2.4, 4.3, 5.0]), sizes=np.array([2, 3, 1]),
    ...     expected=np.array([2, 3, 2]), sums_to=np.array([1, 1, 1]),
    ... )
    >>> found.method.tolist()
    ['power', 'power', 'shin', 'shin', 'shin', 'incomplete market']
    """
    begins = np.cumsum(sizes) - sizes
    overround, probability = np.full((2, prices.size), np.nan)
    said = np.full(sizes.size, INCOMPLETE, dtype="<U64")
    is_whole = (sizes == expected) & (sizes >= 2)
    said[is_whole & (sums_to < 1)] = WINNERS_UNKNOWN
    said[is_whole & (sums_to >= sizes)] = ALL_WIN
    able = is_whole & (sums_to >= 1) & (sums_to < sizes)
    for n in np.unique(sizes[able]).tolist():
        markets = np.flatnonzero(able & (sizes == n))
        rows = begins[markets][:, None] + np.arange(n)
        found = odds.remove_margin(
            prices[rows], method=method or odds.default_method(n), sums_to=sums_to[markets]
        )
        probability[rows] = found.probabilities
        overround[rows] = found.overround[:, None]
        said[markets] = np.where(found.method == "", found.reason, found.method)
    return Margins(overround, probability, np.repeat(said, sizes))
