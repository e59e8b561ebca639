"""Offering what is left of a waiting order at another price: taken back, then placed anew.

The venue is asked to take the order back first.  Only once it is known to be over is the other
one written, as a bet of its own, held to every rule, and sent.  Whoever dies in between leaves
either the order that was, or nothing of the rest.  A venue that does not answer is asked again by
the reconciler, and nothing is placed meanwhile.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from betting import queries
from betting.domain import compliance, orders, price_ladder
from betting.domain.halts import Effect
from betting.models import Bankroll, Bet, Replacement, Strategy
from betting.services import answering, breaking, complying, heartbeats, holding, placing
from betting.venues import VENUES
from betting.venues.base import Cancelling, Venue
from markets.models import Book
from monitoring.errors import OutsideFailed, Refused
from monitoring.services import audit

LONGEST_REASON = 250
HIGHEST = Decimal("1000")
_RELATED = ("bankroll", "book", "strategy__pipeline", "selection__market__event__competition")


class ReplaceRefused(Refused):
    """This order cannot be replaced so; ``is_over``: it was taken back all the same."""

    def __init__(self, message: str, *, is_over: bool = False) -> None:
        self.is_over = is_over
        super().__init__(f"{message}; the order was taken back" if is_over else message)


def replace(
    *,
    bet_id: int,
    price: Decimal,
    reason: str,
    actor: str,
    now: datetime,
    venues: Mapping[str, Venue] | None = None,
) -> Bet:
    """Take a waiting order back and place what is left of it at another price; return the new bet.

    Must not be called inside a transaction.

    Raises:
        ReplaceRefused: it does not wait, a rule forbids the new one, or nobody knows whether the
            venue took it back.
    """
    why = " ".join(reason.split())
    if not why or len(why) > LONGEST_REASON or not why.isprintable():
        raise ReplaceRefused(f"reason: plain text of 1 to {LONGEST_REASON} characters")
    known = VENUES if venues is None else venues
    former = _waiting(bet_id)
    venue = known.get(former.venue)
    _check(former, price, venue, now=now)
    with transaction.atomic():
        bankroll = Bankroll.objects.select_for_update(of=("self",)).get(pk=former.bankroll_id)
        _hold(_rest_of(former, price, now=now), bankroll, former, now=now, is_over=False)
    assert isinstance(venue, Cancelling)  # asked before
    _take_back(former, venue, actor=actor, now=now)
    bet = _write(bet_id, price, reason=why, actor=actor, now=now)
    recorded = placing.send(bets=[bet], venue=venue, as_of=now, actor=actor, now=now)
    breaking.note_answers(bankroll_id=bankroll.pk, states=recorded.statuses, now=now)
    bet.refresh_from_db()
    return bet


def _waiting(bet_id: int) -> Bet:
    bet = Bet.objects.waiting().select_related(*_RELATED).filter(pk=bet_id).first()
    if bet is None:
        raise ReplaceRefused("only an order of ours that waits at its venue is replaced")
    return bet


def _check(bet: Bet, price: Decimal, venue: Venue | None, *, now: datetime) -> None:
    """Ask what needs no lock: venue, price, event, phase."""
    if venue is None or not isinstance(venue, Cancelling):
        raise ReplaceRefused(f"{bet.venue} takes no order back")
    if heartbeats.is_silent(name=bet.venue, venue=venue, now=now):
        raise ReplaceRefused(f"VENUE_SILENT: {bet.venue} did not hear of us in time")
    if not (price.is_finite() and 1 < price <= HIGHEST) or price == bet.requested_price:
        raise ReplaceRefused(f"price: another one above 1, at most {HIGHEST}")
    if bet.book.kind == Book.Kind.EXCHANGE:
        try:
            price_ladder.place_of(price, kind=price_ladder.kind_for(bet.selection.market.kind))
        except price_ladder.OffLadder as off:
            raise ReplaceRefused(f"price: {off}") from off
    event = bet.selection.market.event
    if min(event.starts_at, event.started_at or event.starts_at) <= now:
        raise ReplaceRefused("the event has begun")
    if bet.strategy is not None and bet.strategy.phase == Strategy.Phase.DRY_RUN:
        raise ReplaceRefused(f"{bet.strategy} is in a dry run: it stakes nothing")


def _take_back(bet: Bet, venue: Cancelling, *, actor: str, now: datetime) -> None:
    """Have the venue take the order back, and write down what it says."""
    try:
        answers = venue.cancel([bet.client_ref], now=now)
    except OutsideFailed as fault:
        said = str(fault) or type(fault).__name__
        raise ReplaceRefused(f"{bet.venue} did not say that it took it back: {said}") from fault
    answering.record(answers=answers, actor=actor, now=now)


@transaction.atomic(durable=True)
def _write(bet_id: int, price: Decimal, *, reason: str, actor: str, now: datetime) -> Bet:
    """Write the bet that takes an order's place, once the order is over, under the lock."""
    bankroll_id = Bet.objects.values_list("bankroll_id", flat=True).get(pk=bet_id)
    bankroll = Bankroll.objects.select_for_update(of=("self",)).get(pk=bankroll_id)
    rows = Bet.objects.select_for_update(of=("self",)).select_related(*_RELATED)
    former = rows.get(pk=bet_id)
    if former.order_state not in orders.OVER:
        raise ReplaceRefused("nobody knows whether the venue took it back: it is asked again")
    if Replacement.objects.filter(former=former).exists():
        raise ReplaceRefused("it was replaced already")
    bet = _rest_of(former, price, now=now)
    if bet.stake <= 0 or former.order_state != orders.State.CANCELLED:
        raise ReplaceRefused(f"nothing of it is left: it is {former.get_order_state_display()}")
    _hold(bet, bankroll, former, now=now, is_over=True)
    bet.save(force_insert=True)
    row = Replacement.objects.create(
        former=former, bet=bet, reason=reason, asked_by=actor, asked_at=now
    )
    audit.record(
        actor=actor, action="bet.replaced", subject=bet, at=now, reason=reason,
        former=row.former_id, stake=str(bet.stake), price=str(bet.price),
        before=str(former.requested_price),
    )  # fmt: skip
    return bet


def _rest_of(former: Bet, price: Decimal, *, now: datetime) -> Bet:
    """Return what is left of an order at another price, as a bet that is not saved."""
    return Bet(
        bankroll=former.bankroll,
        strategy=former.strategy,
        selection=former.selection,
        book=former.book,
        venue=former.venue,
        client_ref=next_ref(former.client_ref),
        side=former.side,
        price=price,
        stake=former.requested_stake - former.matched_stake,
        probability=former.probability,
        placed_at=now,
        reserved_at=now,
    )


def _matched_of(former: Bet) -> Bet:
    """Return the part of an order that stands whatever becomes of the rest, as a bet."""
    assert former.matched_price is not None  # asked of what is matched alone
    return Bet(
        strategy=former.strategy,
        selection=former.selection,
        book=former.book,
        side=former.side,
        price=former.matched_price,
        stake=former.matched_stake,
        placed_at=former.placed_at,
    )


def next_ref(client_ref: str) -> str:
    """Return our reference of the order that takes another one's place.

    >>> next_ref("d9ix"), next_ref("d9ix.1")
    ('d9ix.1', 'd9ix.2')
    """
    base, _, number = client_ref.partition(".")
    return f"{base}.{int(number or 0) + 1}"


def _hold(bet: Bet, bankroll: Bankroll, former: Bet, *, now: datetime, is_over: bool) -> None:
    """Hold the rest to halts, compliance and limits; while the former waits, it does not count."""
    instead_of = None if is_over else former.pk
    competition = bet.selection.market.event.competition
    effect = queries.halted(at=now).effect(
        strategy_id=bet.strategy_id or 0,
        bankroll_id=bankroll.pk,
        pipeline_id=bet.strategy.pipeline_id if bet.strategy else 0,
        sport_id=competition.sport_id,
        competition_id=competition.pk,
        book_id=bet.book_id,
        live=True,
    )
    held = holding.Held(bankroll=bankroll, at=now, instead_of=instead_of)
    if not is_over and former.matched_stake:
        held.take(_matched_of(former))
    if effect is Effect.STOP or (effect is Effect.REDUCE_ONLY and not held.lowers(bet)):
        raise ReplaceRefused("a halt stands: nothing is staked", is_over=is_over)
    rules = complying.Compliance(bankroll=bankroll, as_of=now, now=now, instead_of=instead_of)
    at_risk = bet.stake * (bet.price - 1) if bet.side == Bet.Side.LAY else bet.stake
    if code := rules.forbids(book_id=bet.book_id, amount=at_risk):
        raise ReplaceRefused(f"{code}: {compliance.SAID[code]}", is_over=is_over)
    if broken := held.broken(bet):
        raise ReplaceRefused("; ".join(holding.in_words(broken)), is_over=is_over)
