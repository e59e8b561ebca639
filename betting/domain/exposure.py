"""What can be lost at worst, and by how much stakes shrink when bets hang together or money ran
down.  Pure: amounts and shares in, amounts and factors out.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum
from math import prod

import numpy as np

_CENT = Decimal("0.01")
NOTHING = Decimal("0.00")


@dataclass(frozen=True, slots=True)
class Position:
    """A bet on one selection of a market; ``stake`` is the backer's."""

    selection_id: int
    is_lay: bool
    price: Decimal
    stake: Decimal

    @property
    def liability(self) -> Decimal:
        """What it can lose by itself."""
        return self.stake * (self.price - 1) if self.is_lay else self.stake


def worst_case(
    *, positions: Iterable[Position], selections: Collection[int], one_must_win: bool = True
) -> Decimal:
    """Return the most that bets on one market can lose together, rounded up to the cent.

    Every selection is let win in turn, and none of them unless ``one_must_win``; the worst of
    these counts, and 0 where each of them pays.  Lines that are met halfway or give stakes back
    lie between these ends, so no such case is worse.

    Ten laid at 2.0 and eight backed at 2.5 on the same selection: -10 + 12 if it wins, 10 - 8
    if not, so nothing can be lost.

    >>> both = [
    ...     Position(1, is_lay=True, price=Decimal("2.0"), stake=Decimal(10)),
    ...     Position(1, is_lay=False, price=Decimal("2.5"), stake=Decimal(8)),
    ... ]
    >>> worst_case(positions=both, selections=[1, 2, 3])
    Decimal('0.00')
    >>> worst_case(positions=both[:1], selections=[1, 2, 3])
    Decimal('10.00')

    Raises:
        ValueError: a position is on a selection that the market does not have.
    """
    held = list(positions)
    unknown = {position.selection_id for position in held} - set(selections)
    if unknown:
        raise ValueError(f"selections {sorted(unknown)} are none of this market's")
    winners: list[int | None] = [*sorted(selections)]
    if not one_must_win or not winners:
        winners.append(None)
    results = [sum((_result(each, winner) for each in held), NOTHING) for winner in winners]
    return max(-min(results), NOTHING).quantize(_CENT, rounding=ROUND_CEILING)


def _result(position: Position, winner: int | None) -> Decimal:
    won = position.selection_id == winner
    backed = position.stake * (position.price - 1) if won else -position.stake
    return -backed if position.is_lay else backed


class Relation(StrEnum):
    """How a bet hangs together with one that is open, the closest tie first."""

    GAME = "GAME"
    TEAM = "TEAM"
    DIVISION = "DIVISION"
    CONFERENCE = "CONFERENCE"


DISCOUNTS = {
    Relation.GAME: 0.5,
    Relation.TEAM: 0.7,
    Relation.DIVISION: 0.85,
    Relation.CONFERENCE: 0.9,
}
LEAST_DISCOUNT = 0.1


def correlation_discount(relations: Iterable[Relation]) -> float:
    """Return the factor on a stake that has these ties to open bets, the closest of each.

    One factor per open bet it hangs together with; never below a tenth.

    >>> round(correlation_discount([Relation.TEAM, Relation.CONFERENCE]), 4)
    0.63
    >>> correlation_discount([Relation.GAME] * 9)
    0.1
    """
    return max(LEAST_DISCOUNT, prod(DISCOUNTS[relation] for relation in relations))


DRAWDOWN_STEPS = ((0.10, 1.0), (0.15, 0.5), (0.25, 0.25), (0.30, 0.0))


def drawdown(*, peak: Decimal, equity: Decimal) -> float:
    """Return how far equity stands below its peak now, as a share of the peak.

    >>> drawdown(peak=Decimal("1200"), equity=Decimal("900"))
    0.25
    """
    if peak <= 0:
        return 1.0  # there is nothing: nothing may be staked
    return float(max(peak - equity, NOTHING) / peak)


def drawdown_scale(now: float) -> float:
    """Return the factor on stakes at a present drawdown: whole to 10 %, nothing from 30 %.

    Straight lines between the steps, so a cent more lost never halves a stake; it rises again
    as the money recovers.

    >>> [round(drawdown_scale(share), 3) for share in (0.0, 0.10, 0.125, 0.15, 0.25, 0.29, 0.4)]
    [1.0, 1.0, 0.75, 0.5, 0.25, 0.05, 0.0]
    """
    at, scale = zip(*DRAWDOWN_STEPS, strict=True)
    return float(np.interp(now, at, scale))
