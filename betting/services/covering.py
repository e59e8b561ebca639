"""Which bets would cover what stands alone of an arbitrage, at the best prices there are now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from betting.domain import arbitrage, legs, phases, selecting, splitting
from betting.domain.arbitrage import Offer
from betting.models import Arbitrage, ArbitrageLeg
from betting.services import affording, equating, leg_rows, quoting
from markets import queries as markets


@dataclass(frozen=True, slots=True)
class Cover:
    """Bets in the order of sending with what the worst outcome then brings, or why none."""

    reason: str
    stakes: dict[Offer, Decimal] = field(default_factory=dict)
    worst: Decimal = Decimal(0)


def find(*, row: Arbitrage, held: Sequence[ArbitrageLeg], now: datetime) -> Cover:
    """Return the bets of which the worst outcome brings the most, within what it may cost.

    The bankroll is locked: every limit is asked of them.
    """
    if row.strategy.phase == phases.DRY_RUN:  # put back into it meanwhile: it stakes nothing
        return Cover(selecting.DRY_RUN)
    stands = position(row, held)
    offers = _offers(row, held, now=now)
    best = {offer.selection_id: offer for offer in sorted(offers, key=lambda offer: offer.net)}
    top = max(stands.paid.values())
    lacking = [selection for selection, paid in stands.paid.items() if paid < top]
    slots = [
        _slot(row, paid, best.get(selection) if selection in lacking else None)
        for selection, paid in stands.paid.items()
    ]
    found = splitting.split(slots=slots, sunk=stands.sunk, total=top * len(slots))
    stakes = {
        best[selection]: stake
        for selection, stake in zip(stands.paid, found.stakes, strict=True)
        if stake
    }
    if not any(selection in best for selection in lacking):
        return Cover(arbitrage.NO_HEDGE)
    if not stakes or found.worst < -row.max_loss:
        return Cover(arbitrage.HEDGE_TOO_DEAR)
    if code := _refusal(row, stakes, lowers=found.worst > stands.worst, now=now):
        return Cover(code)
    order = arbitrage.in_order(legs=list(stakes), offers=offers)
    return Cover("", {offer: stakes[offer] for offer in order}, found.worst)


def position(row: Arbitrage, held: Sequence[ArbitrageLeg]) -> legs.Position:
    """Return what is matched, by who wins."""
    return legs.position(
        selections=leg_rows.selections(row), legs=[leg_rows.as_leg(leg) for leg in held]
    )


def asked(row: Arbitrage, *, now: datetime) -> affording.Affording:
    """Return the rules as they stand for the bets of an arbitrage."""
    return affording.Affording(
        strategy=row.strategy, bankroll=row.strategy.bankroll, market=row.market, now=now
    )


def _refusal(
    row: Arbitrage, stakes: Mapping[Offer, Decimal], *, lowers: bool, now: datetime
) -> str:
    """Return the first rule that forbids hedging so, or ""."""
    rules = asked(row, now=now)
    for offer in stakes:
        if code := rules.stopped(book_id=offer.book_id, lowers=lowers):
            return code
    return rules.refusal(stakes)


def _offers(row: Arbitrage, held: Sequence[ArbitrageLeg], *, now: datetime) -> list[Offer]:
    """Return the prices that may cover what stands: at books of the same terms as its own.

    A price at which a book took nothing is left out until the book shows another.
    """
    market = row.market
    board = markets.event_board(event_ids=[market.event_id], as_of=now, kinds=(market.kind,))
    board = board[board["market_id"] == market.pk]
    if board.empty:
        return []
    refused = {
        (leg.selection_id, leg.book_id): leg.bet.answered_at
        for leg in held
        if leg.bet.answered_at is not None and leg_rows.as_leg(leg).is_short
    }
    is_new = [
        refused.get((selection_id, book_id)) is None or seen_at > refused[selection_id, book_id]
        for selection_id, book_id, seen_at in zip(
            board["selection_id"], board["book_id"], board["seen_at"], strict=True
        )
    ]
    terms = equating.known().of(sport_id=market.event.competition.sport_id, kind=market.kind)
    alike = {terms.get(leg.book_id, "") for leg in held if leg_rows.as_leg(leg).stands}
    marks = quoting.Marks.of(row.strategy, now=now)
    return [
        offer
        for offer in marks.offers(board[is_new], kind=market.kind, is_hedge=True)
        if not offer.mark and {terms.get(offer.book_id, "")} == alike - {""}
    ]


def _slot(row: Arbitrage, paid: Decimal, offer: Offer | None) -> splitting.Slot:
    if offer is None:
        return splitting.Slot(paid=paid)
    strategy = row.strategy
    return splitting.Slot(
        net=offer.net, paid=paid, step=strategy.stake_step, least=strategy.min_stake
    )
