"""What can be lost at worst, and by how much stakes shrink when bets hang together or money ran
down.  Pure: amounts and shares in, amounts and factors out.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
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

    def profit(self, *, wins: bool) -> Decimal:
        """Return what it pays, net, where its selection wins or does not."""
        backed = self.stake * (self.price - 1) if wins else -self.stake
        return -backed if self.is_lay else backed


@dataclass(slots=True)
class Net:
    """What the bets on one market come to together, by who wins it.

    Only selections that are bet on are kept: all others come to ``others``, where every back
    loses and every lay wins.  ``selections`` is how many the market has, None where nobody
    knows: one that is not bet on may then always win.  A push pays nothing and a half win or
    loss half of a whole one, so neither is worse than the outcomes that are looked at.
    """

    selections: int | None = None
    others: Decimal = NOTHING
    if_won: dict[int, Decimal] = field(default_factory=dict)  # beyond ``others``

    def add(self, selection_id: int, *, won: Decimal, lost: Decimal) -> None:
        """Count what bets on a selection pay where it wins, and where it does not."""
        self.others += lost
        self.if_won[selection_id] = self.if_won.get(selection_id, NOTHING) + won - lost

    def results(self) -> Iterator[tuple[int | None, Decimal]]:
        """Yield who may win, None for any that is not bet on, with what that comes to."""
        for selection_id, more in self.if_won.items():
            yield selection_id, self.others + more
        if self.selections is None or len(self.if_won) < self.selections:
            yield None, self.others

    def worst(self) -> Decimal:
        """Return the most that can be lost, never below zero and rounded up to the cent."""
        lost = -min((result for _, result in self.results()), default=NOTHING)
        return max(lost, NOTHING).quantize(_CENT, rounding=ROUND_CEILING)

    def room(self, *, bet: Position, allowed: Decimal) -> Decimal:
        """Return the greatest stake of a bet after which no more than ``allowed`` can be lost.

        Of the bet only selection, side and price count.  Below zero where too much can be lost
        already by a winner that the bet loses on.

        Ten backed at 2.5 bring 15 or cost 10; 25 laid at 2.0 turn that over: 15 - 25 = -10.

        >>> net = Net(selections=3)
        >>> net.add(1, won=Decimal(15), lost=Decimal(-10))
        >>> lay = Position(1, is_lay=True, price=Decimal("2.0"), stake=Decimal(0))
        >>> net.room(bet=lay, allowed=Decimal(10))
        Decimal('25.00')
        """
        one = Position(bet.selection_id, bet.is_lay, bet.price, Decimal(1))
        reached = Net(self.selections, self.others, dict(self.if_won))
        reached.add(bet.selection_id, won=NOTHING, lost=NOTHING)
        rooms = [
            (allowed + result) / -pays
            for winner, result in reached.results()
            if (pays := one.profit(wins=winner == bet.selection_id)) < 0
        ]
        return min(rooms, default=allowed).quantize(_CENT, rounding=ROUND_FLOOR)


def net(*, positions: Iterable[Position], selections: int | None) -> Net:
    """Return what bets on one market come to together.

    Ten laid at 2.0 and eight backed at 2.5 on the same selection: -10 + 12 if it wins, 10 - 8
    if not, so nothing can be lost.

    >>> both = [
    ...     Position(1, is_lay=True, price=Decimal("2.0"), stake=Decimal(10)),
    ...     Position(1, is_lay=False, price=Decimal("2.5"), stake=Decimal(8)),
    ... ]
    >>> net(positions=both, selections=3).worst()
    Decimal('0.00')
    >>> net(positions=both[:1], selections=3).worst()
    Decimal('10.00')
    """
    found = Net(selections)
    for position in positions:
        found.add(
            position.selection_id,
            won=position.profit(wins=True),
            lost=position.profit(wins=False),
        )
    return found


def lowers(*, standing: Net, position: Position) -> bool:
    """Tell whether a bet makes the worst that its market can cost smaller.

    >>> back = Position(1, False, Decimal("2"), Decimal("10"))
    >>> lay = Position(1, True, Decimal("2"), Decimal("4"))
    >>> lowers(standing=net(positions=[back], selections=3), position=lay)
    True
    >>> lowers(standing=net(positions=[], selections=3), position=back)
    False
    """
    after = Net(standing.selections, standing.others, dict(standing.if_won))
    after.add(
        position.selection_id, won=position.profit(wins=True), lost=position.profit(wins=False)
    )
    return after.worst() < standing.worst()


#: The factor on a stake beside an open bet on the same event, or of which a side is the same.
SAME_EVENT, SAME_SIDE = 0.5, 0.7
LEAST_DISCOUNT = 0.1


def discount(factors: Iterable[float]) -> float:
    """Return the factor on a stake that has these ties to open bets, the closest of each.

    One factor per open bet it hangs together with; never below a tenth.

    >>> round(discount([SAME_SIDE, 0.9]), 4)
    0.63
    >>> discount([SAME_EVENT] * 9)
    0.1
    """
    return max(LEAST_DISCOUNT, prod(factors))


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
