"""Taking up orders that stand on our account and that we did not send.

They lose our money as ours do, so they count: as bets where their selection and their bankroll
are known, else by what they can lose, against every live bankroll.  They are never cancelled.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction

from betting.domain import orders
from betting.models import Bankroll, Bet, OutsideOrder
from betting.services import answering
from betting.venues import VENUES
from betting.venues.base import Answer, Foreign, State, Telling, Venue
from markets.models import Book, SelectionAlias
from monitoring.errors import OutsideFailed, Refused
from monitoring.services import audit

LOOKS_BACK = timedelta(days=2)  # at orders that were settled meanwhile
_TOLD = (
    "matched_price", "matched_stake", "waits", "at_risk", "told_at", "ended_at", "selection",
    "bet", "why_no_bet",
)  # fmt: skip


def adopt(
    *, now: datetime, actor: str = "task:adopt", venues: Mapping[str, Venue] | None = None
) -> dict[str, Any]:
    """Ask each venue we bet at for orders that are not ours, and take up what is new of them.

    The same answer twice changes nothing.  Returns how many are new, stand, have a bet, and by
    venue why one was not told.
    """
    found: Counter[str] = Counter()
    failed = {}
    for name, venue in sorted((venues or VENUES).items()):
        if not isinstance(venue, Telling) or not venue.is_on:
            continue
        try:
            told = venue.standing(since=now - LOOKS_BACK)
        except (OutsideFailed, Refused) as fault:
            failed[name] = str(fault) or type(fault).__name__
            continue
        found["new"] += _record(name, venue, _not_ours(name, told), actor=actor, now=now)
    standing = OutsideOrder.objects.filter(ended_at=None)
    return {
        "new": found["new"],
        "standing": standing.count(),
        "without_a_bet": standing.filter(bet=None).count(),
        "failed": failed,
    }


def _not_ours(name: str, told: Sequence[Foreign]) -> list[Foreign]:
    """Leave out what carries one of our references, or that we know by the venue's own."""
    refs = {each.told_ref for each in told if each.told_ref}
    ours = set(Bet.objects.filter(client_ref__in=refs).values_list("client_ref", flat=True))
    numbers = {each.venue_ref for each in told}
    known = Bet.objects.filter(venue=name, venue_ref__in=numbers)
    mine = set(known.values_list("venue_ref", flat=True))
    return [each for each in told if each.told_ref not in ours and each.venue_ref not in mine]


def _record(
    name: str, venue: Telling, told: Sequence[Foreign], *, actor: str, now: datetime
) -> int:
    """Write what a venue told; return how many orders are new."""
    with transaction.atomic(durable=True):
        rows = {
            row.venue_ref: row
            for row in OutsideOrder.objects.select_for_update(of=("self",)).filter(
                venue=name, ended_at=None
            )
        }
        seen = {each.venue_ref for each in told} - rows.keys()
        over = OutsideOrder.objects.filter(venue=name, venue_ref__in=seen)
        ended = set(over.values_list("venue_ref", flat=True))
        fresh = [each for each in told if each.venue_ref in seen - ended]
        for each in told:
            if each.venue_ref not in ended:
                row = rows.setdefault(each.venue_ref, _row(name, each, now=now))
                _tell(row, each, now=now)
        gone = rows.keys() - {each.venue_ref for each in told}
        for venue_ref in gone:
            _end(rows[venue_ref], now=now)
        made = _give_bets(name, venue, [row for row in rows.values() if row.bet_id is None])
        _write(list(rows.values()), made, actor=actor, now=now)
    _follow(rows.values(), actor=actor, now=now)
    return len(fresh)


def _row(name: str, told: Foreign, *, now: datetime) -> OutsideOrder:
    return OutsideOrder(
        venue=name,
        venue_ref=told.venue_ref,
        told_ref=told.told_ref[:60],
        market_ref=told.market_ref,
        runner_ref=told.runner_ref,
        side=told.side,
        price=told.price,
        stake=told.stake,
        placed_at=told.placed_at,
        seen_at=now,
    )


def _tell(row: OutsideOrder, told: Foreign, *, now: datetime) -> None:
    row.matched_stake, row.matched_price = min(told.matched, row.stake), told.matched_price
    row.waits, row.told_at = told.waits, now
    row.ended_at = None if told.stands else now
    row.at_risk = _liability(row) if told.stands else Decimal("0.00")


def _end(row: OutsideOrder, *, now: datetime) -> None:
    """Take an order for over that the venue no longer tells of; its bet keeps what was matched."""
    row.waits, row.told_at, row.ended_at, row.at_risk = False, now, now, Decimal("0.00")


def _liability(row: OutsideOrder) -> Decimal:
    order = _order(row)
    return order.stake * (order.price - 1) if order.is_lay else order.stake


def _order(row: OutsideOrder) -> orders.Order:
    """Return an outside order as one of ours."""
    sent = orders.Order(
        orders.State.SUBMITTED, row.stake, row.price, is_lay=row.side == OutsideOrder.Side.LAY
    )
    return orders.after(sent, _said(row))


def _said(row: OutsideOrder) -> orders.Said:
    return orders.Said(State.ACCEPTED, row.matched_stake, row.matched_price, row.waits)


def _give_bets(name: str, venue: Telling, rows: Collection[OutsideOrder]) -> list[OutsideOrder]:
    """Give a bet to each order whose selection and bankroll are known; say why to the others."""
    refs = {row.market_ref for row in rows}
    aliases = SelectionAlias.objects.filter(namespace=venue.namespace, market_ref__in=refs)
    selections = {
        (market_ref, ref): selection_id
        for market_ref, ref, selection_id in aliases.values_list(
            "market_ref", "ref", "selection_id"
        )
    }
    live = list(Bankroll.objects.filter(kind=Bankroll.Kind.LIVE, is_simulated=False)[:2])
    book = Book.objects.filter(code=venue.book_code).first()
    given = []
    for row in rows:
        known = (row.market_ref, row.runner_ref), (row.market_ref, f"{row.runner_ref}:0")
        row.selection_id = next((selections[ref] for ref in known if ref in selections), None)
        row.why_no_bet = _why_not(row, live=live, book=book)
        if not row.why_no_bet and (row.matched_stake or row.waits) and book is not None:
            row.bet = _bet(row, bankroll=live[0], book=book)
            given.append(row)
    return given


def _why_not(row: OutsideOrder, *, live: Sequence[Bankroll], book: Book | None) -> str:
    if row.selection_id is None:
        return "no source has told of this market and runner"
    if book is None:
        return "the venue's book is not known"
    if len(live) != 1:
        return "there is no live bankroll" if not live else "there are several live bankrolls"
    if row.ended_at is not None and row.placed_at < live[0].created_at:
        return "it was over, and placed before the bankroll was opened"
    return ""


def _bet(row: OutsideOrder, *, bankroll: Bankroll, book: Book) -> Bet:
    order = _order(row)
    assert row.selection_id is not None  # asked before
    return Bet(
        bankroll=bankroll,
        selection_id=row.selection_id,
        book=book,
        venue=Bet.OUTSIDE,
        venue_ref=row.venue_ref,
        client_ref=f"o-{row.venue_ref}"[:32],
        side=row.side,
        price=order.price,
        stake=order.stake,
        order_state=str(order.state),
        requested_price=row.price,
        requested_stake=row.stake,
        matched_price=order.matched_price,
        matched_stake=order.matched_stake,
        status=order.status,
        status_reason=f"placed outside at {row.venue}",
        placed_at=row.placed_at,
        reserved_at=row.seen_at,
        answered_at=row.seen_at,
    )


def _write(
    rows: Sequence[OutsideOrder], made: Sequence[OutsideOrder], *, actor: str, now: datetime
) -> None:
    Bet.objects.bulk_create([row.bet for row in made if row.bet is not None])
    for row in made:
        row.bet_id = row.bet.pk if row.bet is not None else None
    new = [row for row in rows if row.pk is None]
    OutsideOrder.objects.bulk_create(new)
    OutsideOrder.objects.bulk_update([row for row in rows if row not in new], _TOLD)
    audit.record_all(
        actor=actor,
        action="bet.outside_seen",
        at=now,
        details={audit.label(row): {"order": str(row), "why": row.why_no_bet} for row in new},
    )
    audit.record_all(
        actor=actor,
        action="bet.outside_adopted",
        at=now,
        details={
            audit.label(row.bet): {"order": str(row), "venue_ref": row.venue_ref}
            for row in made
            if row.bet is not None
        },
    )


def _follow(rows: Collection[OutsideOrder], *, actor: str, now: datetime) -> None:
    """Tell the bets of orders what became of them since."""
    answers = [
        Answer(
            f"o-{row.venue_ref}"[:32], State.ACCEPTED, row.venue_ref, row.matched_price,
            f"placed outside at {row.venue}", row.matched_stake, row.waits,
        )
        for row in rows
        if row.bet_id is not None
    ]  # fmt: skip
    answering.record(answers=answers, actor=actor, now=now)


def standing_by_venue() -> Iterator[tuple[str, int, int, Decimal]]:
    """Yield venue, how many outside orders stand there, how many without a bet, and their risk."""
    found: dict[str, list[OutsideOrder]] = {}
    for row in OutsideOrder.objects.filter(ended_at=None).order_by("venue", "pk"):
        found.setdefault(row.venue, []).append(row)
    for venue, rows in found.items():
        loose = [row for row in rows if row.bet_id is None]
        yield venue, len(rows), len(loose), sum((row.at_risk for row in rows), Decimal("0.00"))
