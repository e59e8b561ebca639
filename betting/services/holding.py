"""Holding bets that no venue of ours is sent to the limits and breakers of their bankroll."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from betting import queries
from betting.domain import exposure, limits, rules, selecting
from betting.domain.limits import Dimension
from betting.domain.rules import Broken
from betting.models import Bankroll, Bet
from betting.queries import risk
from betting.services import breaking
from markets.models import Event, Selection

_OF_THE_DAY = frozenset({Dimension.DAY, Dimension.DAY_BETS})
_OF_THE_WEEK = frozenset({Dimension.WEEK})
BREAKER = "another bet tries the circuit breaker already"


class Held:
    """The limits of one bankroll as they stand at a moment, read under its lock.

    The day and the week are those of ``at``.  ``instead_of``: a bet that is replaced, which does
    not count.
    """

    def __init__(self, *, bankroll: Bankroll, at: datetime, instead_of: int | None = None) -> None:
        rows = risk.in_force([bankroll])[bankroll.pk]
        bounds = risk.bounds_of(rows)
        self.limits = {dimension: (bound,) for dimension, bound in bounds.items()}
        self.usage = risk.usage(
            bankroll=bankroll, as_of=at, dimensions={*rows, Dimension.MARKET}, without=instead_of
        )
        scale, zone = queries.time_scale(bankroll), bankroll.time_zone
        self._day, _ = queries.betting_day(at=at, time_zone=zone, time_scale=scale)
        self._week, _ = risk.betting_week(at=at, time_zone=zone, time_scale=scale)

    def broken(self, bet: Bet) -> list[Broken]:
        """Return every limit that a bet breaks; those of a day or week where it is of this one."""
        unasked = frozenset() if bet.placed_at >= self._day else _OF_THE_DAY
        if bet.placed_at < self._week:
            unasked |= _OF_THE_WEEK
        return rules.broken(usage=self.usage, limits=self.limits, bet=bet_of(bet), unasked=unasked)

    def take(self, bet: Bet) -> None:
        """Count a bet that goes on, so that the next one sees it."""
        asked, is_today = bet_of(bet), bet.placed_at >= self._day
        position, liability = asked.position, asked.position.liability
        won, lost = position.profit(wins=True), position.profit(wins=False)
        self.usage.open(asked, won=won, lost=lost, liability=liability)
        self.usage.stake(
            strategy_id=asked.strategy_id,
            day=liability if is_today else exposure.NOTHING,
            week=liability if bet.placed_at >= self._week else exposure.NOTHING,
            bets=int(is_today),
        )

    def lowers(self, bet: Bet) -> bool:
        """Tell whether a bet makes the worst loss on its market smaller."""
        asked = bet_of(bet)
        standing = self.usage.net(Dimension.MARKET, asked.market_id, asked)
        return exposure.lowers(standing=standing, position=asked.position)


def tried(*, bankroll: Bankroll, now: datetime) -> list[Broken]:
    """Return the breaker that is half open and tried by another bet, if one is."""
    found = breaking.Breakers(bankroll=bankroll, now=now)
    return [Broken(breaking.HALF_OPEN, BREAKER)] if found.refuses() else []


def in_words(broken: Sequence[Broken]) -> list[str]:
    """Return what is broken, each with its code and its numbers."""
    return [str(each)[:250] for each in broken]


def bet_of(bet: Bet) -> limits.Bet:
    """Return a bet as the limits see it: what it counts towards."""
    selection = bet.selection
    market, event = selection.market, selection.market.event
    return limits.Bet(
        position=exposure.Position(
            selection.pk,
            is_lay=bet.side == Bet.Side.LAY,
            price=Decimal(bet.price),
            stake=Decimal(bet.stake),
        ),
        event_id=event.pk,
        market_id=market.pk,
        selections=selecting.SELECTIONS_OF.get(market.kind),
        participants=_sides(event, selection),
        book_id=bet.book_id,
        strategy_id=bet.strategy_id,
        sport_id=event.competition.sport_id,
        competition_id=event.competition_id,
    )


def _sides(event: Event, selection: Selection) -> frozenset[int] | None:
    """Return who takes part: both sides; in a race, the runner; None where nobody knows."""
    sides = {event.home_id, event.away_id, selection.participant_id} - {None}
    if None in (event.home_id, event.away_id) and selection.participant_id is None:
        return None
    return frozenset(sides)  # type: ignore[arg-type]
