"""Reading tables as of a moment: the newest row of a key, and sums over the latest rows.

All sums are of integers and all floats are made element by element, so that a value has the same
bytes whether one ask is answered or a million, and whatever else the tables hold.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models_ml.domain.arrays import Bools, Floats, Ints
from models_ml.domain.facts import NONE
from monitoring.errors import Refused

NAN = float("nan")


class BadAsk(Refused):
    """Nothing can be said of this event at this moment."""


def numbers_among(values: Ints, known: Ints) -> Ints:
    """Return each value's position in a sorted array of distinct ones, -1 where it is not there.

    >>> numbers_among(np.array([30, 10, 7]), np.array([10, 20, 30])).tolist()
    [2, 0, -1]
    """
    if not len(known):
        return np.full(len(values), NONE)
    found = np.minimum(np.searchsorted(known, values), len(known) - 1)
    return np.where(known[found] == values, found, NONE)


def distinct(*columns: Ints) -> tuple[Ints, Ints]:
    """Return the distinct rows of several columns in order, ``(n, k)``, and each row's number.

    >>> rows, number = distinct(np.array([2, 1, 2]), np.array([5, 9, 5]))
    >>> rows.tolist(), number.tolist()
    ([[1, 9], [2, 5]], [1, 0, 1])
    """
    order = np.lexsort(columns[::-1])
    new = np.ones(len(order), dtype=bool)
    if len(order):
        steps = [column[order][1:] != column[order][:-1] for column in columns]
        new[1:] = np.logical_or.reduce(steps)
    number = np.empty(len(order), dtype=np.int64)
    number[order] = np.cumsum(new) - 1
    first = order[new]
    return np.stack([column[first] for column in columns], axis=1), number


class Timeline:
    """Rows by key and moment: which is the newest of a key that was there at a moment?

    Keys count from 0.  Of rows of one key and one moment the later row of the table counts.

    >>> seen = Timeline(keys=np.array([0, 1, 0]), moments=np.array([5, 6, 9]))
    >>> seen.newest(keys=np.array([0, 0, 0, 1, 2]), moments=np.array([4, 5, 20, 20, 20])).tolist()
    [-1, 0, 2, 1, -1]
    """

    __slots__ = ("_composite", "_moments", "order")

    def __init__(self, *, keys: Ints, moments: Ints) -> None:
        self._moments = np.unique(moments)
        composite = keys * (len(self._moments) + 1) + np.searchsorted(self._moments, moments) + 1
        self.order = np.argsort(composite, kind="stable")
        self._composite = composite.take(self.order)

    def place(self, *, keys: Ints, moments: Ints) -> Ints:
        """Return the place in ``order`` of the newest row of each key, -1 where there is none."""
        if not len(self.order):
            return np.full(len(keys), NONE)
        width = len(self._moments) + 1
        wanted = keys * width + np.searchsorted(self._moments, moments, side="right")
        found = np.searchsorted(self._composite, wanted, side="right") - 1
        theirs = self._composite[np.maximum(found, 0)] // width == keys
        return np.where((found >= 0) & theirs, found, NONE)

    def newest(self, *, keys: Ints, moments: Ints) -> Ints:
        """Return the row number of the newest row of each key, -1 where there is none."""
        place = self.place(keys=keys, moments=moments)
        if not len(self.order):
            return place
        return np.where(place >= 0, self.order[np.maximum(place, 0)], NONE)

    def between(self, *, keys: Ints, after: Ints, until: Ints) -> tuple[Ints, Ints]:
        """Return where in ``order`` a key's rows with after < moment <= until begin and end."""
        width = len(self._moments) + 1
        ends = []
        for moments in (after, until):
            wanted = keys * width + np.searchsorted(self._moments, moments, side="right")
            ends.append(np.searchsorted(self._composite, wanted, side="right"))
        return ends[0], ends[1]


class Appearances:
    """Who appeared when, by key, in the order in which it became known.

    ``positions`` are those of the matches, 0 to ``n_positions - 1``, in ascending order; a key
    appears at most once in a match.  ``columns`` are integers, one per appearance.

    >>> both = Appearances(keys=np.array([7, 8, 7, 9]), positions=np.array([0, 0, 1, 1]),
    ...                    n_positions=2, columns={"goals": np.array([2, 1, 0, 3])})
    >>> seen = both.before(keys=np.array([7, 7, 7, 9]), positions=np.array([2, 1, 0, 2]))
    >>> seen.count.tolist(), seen.mean("goals", 2).tolist()
    ([2, 1, 0, 1], [1.0, nan, nan, nan])
    """

    def __init__(
        self, *, keys: Ints, positions: Ints, n_positions: int, columns: Mapping[str, NDArray[Any]]
    ) -> None:
        self._width = n_positions + 1
        composite = keys * self._width + positions
        self.order = _in_order(keys, composite, is_rising=True)
        self._composite = composite.take(self.order)
        self._columns = columns
        self._sums: dict[str, Ints] = {}
        self._means: dict[tuple[str, int], Floats] = {}

    def before(self, *, keys: Ints, positions: Ints) -> "Seen":
        """Return what each key has done in matches before a position."""
        first = keys * self._width
        wanted = first + positions
        is_rising = bool((positions[1:] >= positions[:-1]).all())
        order = _in_order(keys, wanted, is_rising=is_rising)  # a search for what is near is quick
        end = np.empty_like(order)
        end[order] = np.searchsorted(self._composite, wanted[order])
        if len(keys) > len(self._begins) and _are_small(keys):
            start = self._begins[np.minimum(keys, len(self._begins) - 1)]
        else:
            start = np.searchsorted(self._composite, first)
        return Seen(self, start, end)

    @cached_property
    def _begins(self) -> Ints:
        """Return where each key begins, from 0 to the one after the last that appeared."""
        highest = int(self._composite[-1]) // self._width if len(self._composite) else -1
        return np.searchsorted(self._composite, np.arange(highest + 2) * self._width)

    def sums(self, name: str) -> Ints:
        """Return cumulative sums in order of key and position, from 0."""
        if name not in self._sums:
            values = self._columns[name].take(self.order)
            sums = np.zeros(len(values) + 1, dtype=np.int64)
            np.cumsum(values, out=sums[1:])
            self._sums[name] = sums
        return self._sums[name]

    def means(self, name: str, size: int) -> Floats:
        """Return the mean over the ``size`` entries before each place, whoever's they are.

        Where there are fewer than ``size`` before a place, what stands there means nothing.
        """
        if (name, size) not in self._means:
            sums = self.sums(name)
            means = np.empty(len(sums))
            means[:size] = NAN
            np.subtract(sums[size:], sums[:-size], out=means[size:], casting="unsafe")
            means /= size
            self._means[name, size] = means
        return self._means[name, size]

    def sorted(self, name: str) -> NDArray[Any]:
        """Return a column in order of key and position."""
        return self._columns[name][self.order]

    @cached_property
    def _same(self) -> Bools:
        """Return, in order of key and position, whether a row is of the key of the one before."""
        keys = self._composite // self._width
        same = np.zeros(len(keys), dtype=bool)
        same[1:] = keys[1:] == keys[:-1]
        return same

    @cached_property
    def previous(self) -> Ints:
        """Return each appearance's earlier one of the same key, by row number, -1 for none."""
        found = np.full(len(self.order), NONE)
        again = np.flatnonzero(self._same)
        found[self.order[again]] = self.order[again - 1]
        return found

    @cached_property
    def first(self) -> tuple[Ints, Ints]:
        """Return every key that appeared, in order, and the row of its first appearance."""
        begins = np.flatnonzero(~self._same)
        return self._composite[begins] // self._width, self.order[begins]


class Seen:
    """What keys have done before positions; one entry per question."""

    __slots__ = ("_of", "_windows", "count", "end", "start")

    def __init__(self, of: Appearances, start: Ints, end: Ints) -> None:
        self._of, self.start, self.end = of, start, end
        self.count = end - start
        self._windows: dict[int, tuple[Ints, Ints]] = {}

    def _window(self, size: int) -> tuple[Ints, Ints]:
        """Return where the latest ``size`` begin, and who has fewer."""
        if size not in self._windows:
            few = np.flatnonzero(self.count < size)
            self._windows[size] = np.maximum(self.end - size, 0), few
        return self._windows[size]

    def total(self, name: str) -> Ints:
        """Return the sum over all."""
        sums = self._of.sums(name)
        return sums[self.end] - sums[self.start]

    def mean(self, name: str, size: int) -> Floats:
        """Return the mean over the latest ``size``; NaN where there are fewer."""
        begin, few = self._window(size)
        if self._is_much:
            found = self._of.means(name, size).take(self.end)
        else:
            sums = self._of.sums(name)
            found = (sums.take(self.end) - sums.take(begin)) / size
        found[few] = NAN
        return found

    @property
    def _is_much(self) -> bool:
        """Tell whether so much is asked that every place's window is made sooner than theirs."""
        return 4 * len(self.end) > len(self._of.order)

    def mean_of_up_to(self, name: str, most: int) -> Floats:
        """Return the mean over the latest ``most``, or over all where there are fewer."""
        sums = self._of.sums(name)
        size = np.minimum(self.count, most)
        total = sums[self.end] - sums[self.end - size]
        return np.where(size > 0, total / np.maximum(size, 1), NAN)

    def newest(self) -> Ints:
        """Return the row number of the latest appearance, -1 where there is none."""
        if not len(self._of.order):
            return np.full(len(self.end), NONE)
        return np.where(self.count > 0, self._of.order[np.maximum(self.end - 1, 0)], NONE)

    def latest(self, name: str, otherwise: float) -> Floats:
        """Return the latest value as a float, ``otherwise`` where there is none."""
        return taken(self._of._columns[name], self.newest(), otherwise)

    def streak(self, name: str) -> Ints:
        """Return how many in a row had the latest value's sign, with that sign."""
        signs = np.sign(self._of.sorted(name))
        if not len(signs):
            return np.zeros(len(self.end), dtype=np.int64)
        turned = np.ones(len(signs), dtype=bool)
        turned[1:] = signs[1:] != signs[:-1]
        since = np.maximum.accumulate(np.where(turned, np.arange(len(signs)), 0))
        last = np.maximum(self.end - 1, 0)
        length = self.end - np.maximum(since[last], self.start)
        return np.where(self.count > 0, length * signs[last], 0).astype(np.int64)


def _in_order(keys: Ints, composite: Ints, *, is_rising: bool) -> Ints:
    """Return the order of keys and what rises within them; small numbers sort in one pass."""
    if is_rising and _are_small(keys):
        return np.argsort(keys.astype(np.uint16), kind="stable")
    return np.argsort(composite, kind="stable")


def _are_small(keys: Ints) -> bool:
    return len(keys) > 0 and bool(keys.min() >= 0) and bool(keys.max() < 2**16)


def taken(values: NDArray[Any], places: Ints, otherwise: float) -> Floats:
    """Return ``values[places]`` as floats, ``otherwise`` where a place is -1.

    >>> taken(np.array([5, 6]), np.array([1, -1]), 0.5).tolist()
    [6.0, 0.5]
    """
    if not len(values):
        return np.full(len(places), otherwise)
    return np.where(places >= 0, values[np.maximum(places, 0)].astype(np.float64), otherwise)


def spread(starts: Ints, ends: Ints) -> tuple[Ints, Ints]:
    """Return every number from each start to before its end, and whose range each is from.

    >>> [a.tolist() for a in spread(np.array([3, 9, 0]), np.array([5, 9, 1]))]
    [[3, 4, 0], [0, 0, 2]]
    """
    sizes = np.maximum(ends - starts, 0)
    owner = np.repeat(np.arange(len(starts)), sizes)
    first = np.repeat(starts - (np.cumsum(sizes) - sizes), sizes)
    return first + np.arange(len(owner)), owner


def known(values: Floats) -> Bools:
    return ~np.isnan(values)
