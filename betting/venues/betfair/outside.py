"""Orders of the account as the exchange tells them, whoever placed them."""

from datetime import UTC, datetime
from decimal import Decimal

from betting.venues.base import Cleared, Ending, Foreign
from betting.venues.betfair import reading, wire

_LEAST = Decimal("1.01")


def of_current(order: wire.CurrentOrder) -> Foreign:
    """Read an order that stands; what it asked for is at least what it matched."""
    asked = order.priceSize or wire.PriceSize(0.0, 0.0)
    matched = reading.amount(order.sizeMatched)
    matched_price = reading.price_of(order.averagePriceMatched) if matched else None
    waits = order.status == reading.EXECUTABLE
    stake = max(reading.amount(asked.size), matched)
    return Foreign(
        venue_ref=order.betId,
        told_ref=order.customerOrderRef or "",
        market_ref=order.marketId,
        runner_ref=runner_ref(order.selectionId, order.handicap),
        side=order.side,
        price=reading.price_of(asked.price) or matched_price or _LEAST,
        stake=stake,
        matched=matched,
        matched_price=_paid(matched, matched_price, asked.price),
        waits=waits,
        placed_at=_moment(order.placedDate),
    )


def of_settled(order: wire.ClearedOrder) -> Foreign:
    """Read an order that the exchange has settled; its bet is settled by our own rules."""
    matched = reading.amount(order.sizeSettled)
    price = reading.price_of(order.priceMatched)
    return Foreign(
        venue_ref=order.betId,
        told_ref=order.customerOrderRef or "",
        market_ref=order.marketId,
        runner_ref=runner_ref(order.selectionId, order.handicap),
        side=order.side,
        price=reading.price_of(order.priceRequested) or price or _LEAST,
        stake=matched,
        matched=matched,
        matched_price=_paid(matched, price, order.priceRequested),
        waits=False,
        placed_at=_moment(order.placedDate),
        stands=False,
    )


def of_cleared(order: wire.ClearedOrder, *, status: str) -> Cleared:
    """Read an order that ended; of what was not settled the size is what was taken back."""
    is_settled = status == Ending.SETTLED
    return Cleared(
        venue_ref=order.betId,
        told_ref=order.customerOrderRef or "",
        market_ref=order.marketId,
        ending=Ending(status),
        size=reading.amount(order.sizeSettled if is_settled else order.sizeCancelled),
        price=reading.price_of(order.priceMatched),
        profit=reading.amount(order.profit) if is_settled else reading.amount(None),
        ended_at=_moment(order.settledDate),
        side=order.side,
        outcome=order.betOutcome,
        is_reduced=order.priceReduced,
    )


def runner_ref(selection_id: int, handicap: float | None) -> str:
    """Return a runner's id as sources keep it: with its line where it has one.

    >>> runner_ref(58805, -0.5), runner_ref(58805, 0.0), runner_ref(58805, None)
    ('58805:-0.5', '58805', '58805')
    """
    return f"{selection_id}:{handicap:g}" if handicap else str(selection_id)


def _paid(matched: Decimal, price: Decimal | None, asked: float | None) -> Decimal | None:
    """Return the matched price; the one asked for where the exchange does not tell."""
    return (price or reading.price_of(asked) or _LEAST) if matched else None


def _moment(placed: datetime | None) -> datetime:
    if placed is None:
        return datetime.fromtimestamp(0, tz=UTC)
    return placed if placed.tzinfo else placed.replace(tzinfo=UTC)
