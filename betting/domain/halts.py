"""What halts let through, and which bets lower what a market can cost.  Pure.

Halts are hierarchical by what they cover, not by rank: whichever of the scopes that a bet lies in
is halted, the strictest effect holds.
"""

import enum
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import Decimal

NOTHING = Decimal("0")


class Effect(enum.IntEnum):
    """What a halt does to a bet; of several the greatest holds."""

    NONE = 0
    REDUCE_ONLY = 1
    STOP = 2


Scope = tuple[str, int | None]


@dataclass(frozen=True, slots=True)
class Halted:
    """The scopes that stand halted: those where nothing is staked, and those only reduced.

    A replay risks no money, so of all halts it heeds only one on its own strategy or bankroll;
    otherwise what it finds would depend on when it ran.
    """

    stopped: frozenset[Scope] = frozenset()
    reduced: frozenset[Scope] = frozenset()

    @property
    def everything(self) -> bool:
        return ("ALL", None) in self.stopped

    @property
    def books(self) -> frozenset[int]:
        """Return the books at which nothing is staked."""
        return frozenset(id_ for scope, id_ in self.stopped if scope == "BOOK" and id_ is not None)

    def effect(
        self,
        *,
        strategy_id: int,
        bankroll_id: int,
        pipeline_id: int,
        sport_id: int,
        competition_id: int,
        book_id: int | None,
        live: bool,
    ) -> Effect:
        """Return what the halts do to a bet of this strategy, at this book, on this event.

        >>> about = dict(strategy_id=1, bankroll_id=2, pipeline_id=3, sport_id=4,
        ...              competition_id=5, book_id=None)
        >>> Halted(reduced=frozenset({("COMPETITION", 5)})).effect(**about, live=True).name
        'REDUCE_ONLY'
        >>> Halted(stopped=frozenset({("ALL", None)})).effect(**about, live=False).name
        'NONE'
        """
        scopes: set[Scope] = {("STRATEGY", strategy_id), ("BANKROLL", bankroll_id)}
        if live:
            scopes |= {
                ("ALL", None),
                ("MODEL", pipeline_id),
                ("SPORT", sport_id),
                ("COMPETITION", competition_id),
                ("BOOK", book_id),
            }
        if scopes & self.stopped:
            return Effect.STOP
        return Effect.REDUCE_ONLY if scopes & self.reduced else Effect.NONE


@dataclass(frozen=True, slots=True)
class Position:
    """One bet as it stands on a market."""

    selection_id: int
    is_lay: bool
    price: Decimal
    stake: Decimal

    def profit(self, winner: int | None) -> Decimal:
        """Return what it pays if this selection wins (None: one that is not listed)."""
        backed = self.stake * (self.price - 1) if winner == self.selection_id else -self.stake
        return -backed if self.is_lay else backed


def worst_loss(*, positions: Iterable[Position], outcomes: Collection[int | None]) -> Decimal:
    """Return the most that the positions of one market can lose together; never below zero.

    Exactly one of ``outcomes`` happens.  A push pays nothing and a half win or loss half of a
    whole one, so neither can be worse than the outcomes that are looked at.

    >>> over, under = (Position(1, False, Decimal("2.1"), Decimal("10")),
    ...                Position(2, False, Decimal("2.1"), Decimal("5")))
    >>> worst_loss(positions=[over], outcomes=[1, 2])
    Decimal('10')
    >>> worst_loss(positions=[over, under], outcomes=[1, 2])
    Decimal('4.5')
    """
    standing = list(positions)
    totals = (sum((p.profit(winner) for p in standing), NOTHING) for winner in outcomes)
    return max(NOTHING, -min(totals, default=NOTHING))


def lowers(
    *, bet: Position, positions: Collection[Position], outcomes: Collection[int | None]
) -> bool:
    """Tell whether a bet makes the worst that its market can cost smaller.

    >>> back = Position(1, False, Decimal("2"), Decimal("10"))
    >>> lay = Position(1, True, Decimal("2"), Decimal("4"))
    >>> lowers(bet=lay, positions=[back], outcomes=[1, 2, 3])
    True
    >>> lowers(bet=back, positions=[], outcomes=[1, 2, 3])
    False
    """
    before = worst_loss(positions=positions, outcomes=outcomes)
    return worst_loss(positions=[*positions, bet], outcomes=outcomes) < before
