"""Participants that hang together: conferences, divisions, groups that somebody named.  Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from betting.domain.limits import Dimension

#: The factor on a stake beside an open bet that shares nothing closer than such a group.
DISCOUNTS = {Dimension.DIVISION: 0.85, Dimension.CONFERENCE: 0.9, Dimension.GROUP: 0.9}


@dataclass(frozen=True, slots=True)
class Group:
    """A group as the risk engine sees it."""

    id: int
    dimension: Dimension
    discount: float


Groups = Mapping[int, frozenset[Group]]
"""Of each participant, the groups that it belongs to at a moment."""


def by_dimension(groups: Groups) -> dict[int, dict[Dimension, frozenset[int]]]:
    """Return the groups of each participant as limits count them: ids by dimension."""
    return {
        participant: {
            dimension: frozenset(group.id for group in found if group.dimension is dimension)
            for dimension in {group.dimension for group in found}
        }
        for participant, found in groups.items()
    }


def of(groups: Groups, sides: Collection[int]) -> frozenset[Group]:
    """Return the groups that any of these belongs to."""
    return frozenset(group for side in sides for group in groups.get(side, ()))


def discount(groups: Groups, mine: Collection[int], other: Collection[int]) -> float | None:
    """Return the factor of the closest group that two bets' participants share; None: they do not.

    >>> east = Group(1, Dimension.CONFERENCE, 0.9)
    >>> north = Group(2, Dimension.DIVISION, 0.85)
    >>> groups = {10: frozenset({east, north}), 11: frozenset({east}), 12: frozenset({north})}
    >>> discount(groups, {10}, {11}), discount(groups, {10}, {12}), discount(groups, {11}, {12})
    (0.9, 0.85, None)
    """
    shared = of(groups, mine) & of(groups, other)
    return min((group.discount for group in shared), default=None)
