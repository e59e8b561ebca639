"""What halts let through.  Pure.

Halts are hierarchical by what they cover, not by rank: whichever of the scopes that a bet lies in
is halted, the strictest effect holds.
"""

import enum
from dataclasses import dataclass


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
        pipeline_id: int | None,
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
