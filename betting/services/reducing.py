"""Whether a bet that was placed elsewhere lowers what its market can cost."""

from datetime import datetime

from betting.domain import exposure, limits, selecting
from betting.domain.limits import Dimension
from betting.models import Bankroll, Bet
from betting.queries import risk


def lowers(*, bankroll: Bankroll, bet: Bet, as_of: datetime) -> bool:
    """Tell whether a bet, not saved yet, makes the worst loss on its market smaller."""
    market = bet.selection.market
    event = market.event
    asked = limits.Bet(
        position=exposure.Position(
            bet.selection_id, is_lay=bet.side == Bet.Side.LAY, price=bet.price, stake=bet.stake
        ),
        event_id=event.pk,
        market_id=market.pk,
        selections=selecting.SELECTIONS_OF.get(market.kind),
        participants=None,
        book_id=bet.book_id,
        strategy_id=None,
        sport_id=event.competition.sport_id,
        competition_id=event.competition_id,
    )
    usage = risk.usage(bankroll=bankroll, as_of=as_of, dimensions=[Dimension.MARKET])
    standing = usage.net(Dimension.MARKET, market.pk, asked)
    return exposure.lowers(standing=standing, position=asked.position)
