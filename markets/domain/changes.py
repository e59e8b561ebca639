"""Which of many offered prices are changes.  Pure: no Django, no clock.

A *pair* is one book's view of one selection.  Its history holds only changes; a *look* that
found the price in effect still standing is not stored.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

STORED, LOOKED, OFFERED = 0, 1, 2  # at one moment the lower one is believed


@dataclass(frozen=True, slots=True, eq=False)
class Changes:
    """What to do with rows handed to ``find_changes``; positions are those of the input.

    Attributes:
        to_store: rows that change the price in effect, in order of pair and time.
        contradicting: offered rows whose moment already has another price.
        newest: per pair the row that is in effect at the end, in order of pair.
        last: per pair its last row, which confirms the one in effect, in order of pair.
        previous: per pair the price before the one in effect; 0 where there was none.
    """

    to_store: Ints
    contradicting: Ints
    newest: Ints
    last: Ints
    previous: Ints


def find_changes(*, pair: Ints, seen: Ints, price: Ints, origin: Ints) -> Changes:
    """Merge stored, last looked-at and offered prices of many pairs in time order.

    A stored row always stands.  An offered row counts where it differs from the row before it;
    at a moment that already has a price the earlier knowledge stands.

    >>> import numpy as np
    >>> column = lambda *values: np.array(values, dtype=np.int64)
    >>> found = find_changes(
    ...     pair=column(1, 1, 1), seen=column(10, 20, 30), price=column(1900, 1900, 1950),
    ...     origin=column(OFFERED, OFFERED, OFFERED),
    ... )
    >>> found.to_store.tolist(), found.newest.tolist(), found.previous.tolist()
    ([0, 2], [2], [1900])
    """
    order = np.lexsort((origin, seen, pair))
    pair, seen, price, origin = pair[order], seen[order], price[order], origin[order]
    same_pair = np.zeros(order.size, dtype=bool)
    same_pair[1:] = pair[1:] == pair[:-1]
    same_moment = same_pair.copy()
    same_moment[1:] &= seen[1:] == seen[:-1]
    leader = np.maximum.accumulate(np.where(same_moment, 0, np.arange(order.size)))
    contradicting = same_moment & (price != price[leader])

    kept = np.flatnonzero(~same_moment)
    first = ~same_pair[kept]
    before = np.concatenate(([0], price[kept][:-1])) if kept.size else price[kept]
    changed = first | (price[kept] != before)
    store = changed & (origin[kept] != STORED)
    lasting = changed | (origin[kept] == STORED)
    newest_at, last_at = _ends(first, lasting)
    previous = np.where(first[newest_at], 0, before[newest_at])
    return Changes(
        to_store=order[kept[store]],
        contradicting=order[contradicting],
        newest=order[kept[newest_at]],
        last=order[kept[last_at]],
        previous=previous,
    )


def _ends(first: Bools, lasting: Bools) -> tuple[Ints, Ints]:
    """Return, per pair, the position of its last lasting row and of its last row."""
    last = np.flatnonzero(np.append(first[1:], True)) if first.size else np.empty(0, np.int64)
    latest_lasting = np.maximum.accumulate(np.where(lasting, np.arange(first.size), 0))
    return latest_lasting[last], last
