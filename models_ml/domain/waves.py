"""Updates in time order, many at once: in a wave no side plays twice.

A match waits only for the earlier matches of its own two sides.  Matches with equal waiting time
form a wave, and a wave is one step over arrays.  Each match meets exactly the numbers that it
would meet one by one, so the result has the same bytes whatever else is in the wave.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models_ml.domain.arrays import Bools, Floats, Ints

MANY = 256  # sides from which on a wave is wide enough to be found by arrays
#: (home states, away states, the wave's columns) -> what both are after it; ``(k, n)`` each.
Step = Callable[..., tuple[Floats, Floats]]


@dataclass(frozen=True, slots=True, eq=False)
class Waves:
    """Matches in order of their waves; ``bounds[w]:bounds[w + 1]`` is wave w."""

    order: Ints
    bounds: Sequence[int]


def of_matches(*, home: Ints, away: Ints, n_sides: int) -> Waves:
    """Return the waves of matches that are given in order of time; sides count from 0.

    >>> found = of_matches(home=np.array([0, 2, 0, 1]), away=np.array([1, 3, 2, 3]), n_sides=4)
    >>> found.order.tolist(), list(found.bounds)
    ([0, 1, 2, 3], [0, 2, 4])
    """
    if n_sides >= MANY:
        small = np.uint16 if n_sides <= 2**16 else np.int64  # small numbers sort in one pass
        return _peeled(home.astype(small), away.astype(small))
    last = [0] * n_sides
    levels: list[int] = []
    add = levels.append
    for one, other in zip(home.tolist(), away.tolist(), strict=True):
        level, theirs = last[one], last[other]
        if theirs > level:
            level = theirs
        add(level)
        last[one] = last[other] = level + 1
    return _in_order(np.array(levels, dtype=np.int64))


def _peeled(home: NDArray[Any], away: NDArray[Any]) -> Waves:
    """Take away, again and again, the matches that are the next of both their sides.

    The same waves as match by match; quick where each holds hundreds.  A match has two slots,
    2 i and 2 i + 1; one is ready where its side has no earlier match left.
    """
    n = len(home)
    side = np.stack([home, away], axis=1).ravel()
    order = np.argsort(side, kind="stable")
    same = side[order[1:]] == side[order[:-1]]
    following = np.full(2 * n, -1)
    following[order[:-1][same]] = order[1:][same]
    ready = np.ones(2 * n, dtype=bool)
    ready[order[1:][same]] = False
    wave = np.flatnonzero(ready[0::2] & ready[1::2])
    found, bounds = [], [0]
    stamp = np.empty(n, dtype=np.int64)
    while len(wave):
        found.append(np.sort(wave))
        bounds.append(bounds[-1] + len(wave))
        slots = np.concatenate([following[2 * wave], following[2 * wave + 1]])
        slots = slots[slots >= 0]
        ready[slots] = True
        free = slots[ready[slots ^ 1]] >> 1
        stamp[free] = np.arange(len(free))  # both slots may have become ready at once
        wave = free[stamp[free] == np.arange(len(free))]
    return Waves(np.concatenate(found) if found else np.empty(0, dtype=np.int64), bounds)


def of_groups(*, member: Ints, starts: Ints, n_members: int) -> Waves:
    """Return the waves of groups (races) given in order of time, each from ``starts[i]`` on.

    >>> found = of_groups(member=np.array([0, 1, 2, 3, 1, 3]), starts=np.array([0, 2, 4]),
    ...                   n_members=4)
    >>> found.order.tolist(), list(found.bounds)
    ([0, 1, 2], [0, 2, 3])
    """
    last = [0] * n_members
    members = member.tolist()
    ends = [*starts[1:].tolist(), len(members)]
    levels = []
    for first, end in zip(starts.tolist(), ends, strict=True):
        group = members[first:end]
        level = max([last[i] for i in group], default=0)
        levels.append(level)
        for i in group:
            last[i] = level + 1
    return _in_order(np.array(levels, dtype=np.int64))


def _in_order(levels: Ints) -> Waves:
    if not len(levels):
        return Waves(levels, [0])
    order = np.argsort(levels, kind="stable")
    return Waves(order, [0, *np.cumsum(np.bincount(levels)).tolist()])


def run(
    *,
    home: Ints,
    away: Ints,
    state: Floats,
    step: Step,
    columns: Sequence[NDArray[Any]],
    carries: tuple[Bools, Bools] | None = None,
    carried: Callable[[Floats], Floats] | None = None,
) -> Floats:
    """Play matches in order of time and return every side's state after each, ``(k, 2, n)``.

    ``state`` is ``(k, n_sides)`` and is changed in place.  Where ``carries`` says so, a side's
    state is ``carried`` over (to a new season) before the match.
    """
    found = of_matches(home=home, away=away, n_sides=state.shape[1])
    order = found.order
    at_home, away_from_home = home[order], away[order]
    sorted_columns = [column[order] for column in columns]
    after = np.empty((len(state), 2, len(order)))
    carry = _carrying(carries, found)
    for wave, (first, end) in enumerate(zip(found.bounds[:-1], found.bounds[1:], strict=True)):
        hosts, guests = at_home[first:end], away_from_home[first:end]
        ours, theirs = state.take(hosts, axis=1), state.take(guests, axis=1)
        if carry is not None and carried is not None and carry[2][wave]:
            ours = np.where(carry[0][first:end], carried(ours), ours)
            theirs = np.where(carry[1][first:end], carried(theirs), theirs)
        ours, theirs = step(ours, theirs, *[column[first:end] for column in sorted_columns])
        after[:, 0, first:end], after[:, 1, first:end] = ours, theirs
        state[:, hosts], state[:, guests] = after[:, 0, first:end], after[:, 1, first:end]
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return after.take(place, axis=2)


def _carrying(
    carries: tuple[Bools, Bools] | None, found: Waves
) -> tuple[Bools, Bools, list[bool]] | None:
    """Return who is carried over, in order of waves, and in which waves anybody is."""
    if carries is None or not len(found.order):
        return None
    ours, theirs = carries[0][found.order], carries[1][found.order]
    anybody = np.logical_or.reduceat(ours | theirs, np.array(found.bounds[:-1]))
    return ours, theirs, anybody.tolist()
