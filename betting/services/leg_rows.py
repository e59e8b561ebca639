"""The rows of an arbitrage's bets: writing them as intents, reading them, ending what was not sent.

Everything here runs inside the transaction that locked the bankroll.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

import numpy as np
from django.db import connection

from betting import venues
from betting.domain.arbitrage import Offer
from betting.domain.legs import Leg
from betting.models import Arbitrage, ArbitrageLeg, Bankroll, Bet
from markets.domain import kinds
from markets.models import Selection
from monitoring.errors import Refused
from monitoring.services import audit

_RELEASE = """
    update betting_bet set status = 'CANCELLED', order_state = 'CANCELLED', status_reason = %s
    where id = any(%s) and order_state = 'CREATED' returning id
"""
_CUT = """
    update betting_bet b set stake = cut.stake
    from unnest(%s::bigint[], %s::numeric[]) as cut(id, stake)
    where b.id = cut.id and b.order_state = 'CREATED' returning b.id
"""


_RELATED = ("book", "bet__bankroll", "bet__selection__market")


class NoSuchArbitrage(Refused):
    """There is none of this number."""


def reserve(
    *,
    row: Arbitrage,
    bankroll: Bankroll,
    stakes: Mapping[Offer, Decimal],
    role: str,
    now: datetime,
) -> None:
    """Write bets of an arbitrage as intents, in the order of sending; the bankroll is locked."""
    rank = row.legs.count()
    bets = [
        Bet(
            bankroll=bankroll,
            strategy_id=row.strategy_id,
            selection_id=offer.selection_id,
            book_id=offer.book_id,
            venue=venues.name_for(bankroll.kind) or bankroll.kind.lower(),
            client_ref=client_ref(row.pk, rank + at),
            price=offer.price,
            stake=stake,
            placed_at=now,
            reserved_at=now,
        )
        for at, (offer, stake) in enumerate(stakes.items())
    ]
    Bet.objects.bulk_create(bets)
    ArbitrageLeg.objects.bulk_create(
        ArbitrageLeg(
            arbitrage=row,
            rank=rank + at,
            role=role,
            selection_id=offer.selection_id,
            book_id=offer.book_id,
            price=offer.price,
            commission=offer.commission,
            stake=stake,
            bet=bets[at],
        )
        for at, (offer, stake) in enumerate(stakes.items())
    )


def client_ref(arbitrage_id: int, rank: int) -> str:
    """Return our reference for a bet of an arbitrage: the same one, whoever sends it.

    >>> client_ref(12345, 1)
    'a9ix-1'
    """
    return f"a{np.base_repr(arbitrage_id, base=36).lower()}-{rank}"


def locked(arbitrage_id: int) -> Arbitrage:
    """Return an arbitrage, locked after its bankroll."""
    money = Arbitrage.objects.values_list("strategy__bankroll_id", flat=True)
    bankroll_id = money.filter(pk=arbitrage_id).first()
    if bankroll_id is None:
        raise NoSuchArbitrage(f"there is no arbitrage #{arbitrage_id}")
    bankroll = Bankroll.objects.select_for_update(of=("self",)).get(pk=bankroll_id)
    rows = Arbitrage.objects.select_for_update(of=("self",)).select_related(
        "strategy", "market__event__competition"
    )
    row = rows.get(pk=arbitrage_id)
    row.strategy.bankroll = bankroll
    return row


def of(row: Arbitrage) -> list[ArbitrageLeg]:
    """Return the legs in the order of sending, each with its bet as it is now."""
    return list(row.legs.select_related(*_RELATED).order_by("rank"))


def selections(row: Arbitrage) -> list[int]:
    """Return the answers of the market in their order."""
    found = dict(Selection.objects.filter(market=row.market_id).values_list("role", "pk"))
    return [found[role] for role in kinds.ROLES[row.market.kind]]


def as_leg(leg: ArbitrageLeg) -> Leg:
    bet = leg.bet
    price = bet.matched_price or bet.requested_price
    return Leg(
        bet_id=bet.pk,
        selection_id=leg.selection_id,
        state=bet.order_state,
        asked=bet.requested_stake,
        matched=bet.matched_stake,
        net=1 + (price - 1) * (1 - leg.commission),
        is_void=bet.outcome == Bet.Outcome.VOID or bet.status == Bet.Status.CANCELLED,
    )


def is_torn(held: Sequence[ArbitrageLeg]) -> bool:
    """Tell whether a book gave a stake back while another bet is open."""
    is_open = any(leg.bet.status in Bet.OPEN for leg in held)
    return is_open and any(leg.bet.outcome == Bet.Outcome.VOID for leg in held)


def release(about: Sequence[ArbitrageLeg], reason: str, *, actor: str, now: datetime) -> None:
    """End bets that were not sent; one that is being sent at this moment is left alone."""
    with connection.cursor() as cursor:
        cursor.execute(_RELEASE, [reason, [leg.bet_id for leg in about]])
        ended = [bet_id for (bet_id,) in cursor.fetchall()]
    _audit("bet.released", {bet_id: {"reason": reason} for bet_id in ended}, actor=actor, now=now)


def cut(
    about: Sequence[ArbitrageLeg], stakes: Sequence[Decimal], *, actor: str, now: datetime
) -> None:
    """Lower the stakes of bets that were not sent."""
    told = {leg.bet_id: stake for leg, stake in zip(about, stakes, strict=True)}
    with connection.cursor() as cursor:
        cursor.execute(_CUT, [list(told), list(told.values())])
        cut = [bet_id for (bet_id,) in cursor.fetchall()]
    details = {bet_id: {"stake": str(told[bet_id])} for bet_id in cut}
    _audit("bet.cut", details, actor=actor, now=now)


def _audit(
    action: str, details: Mapping[int, Mapping[str, object]], *, actor: str, now: datetime
) -> None:
    subjects = {f"{Bet._meta.label}:{bet_id}": detail for bet_id, detail in details.items()}
    audit.record_all(actor=actor, action=action, at=now, details=subjects)
