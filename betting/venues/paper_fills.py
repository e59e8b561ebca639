"""What a cost model makes of paper tickets: orders that remember when and how they are filled."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from betting.domain import costs as model
from betting.models import CostModel, PaperOrder
from betting.venues.base import Answer, State, Ticket
from markets.models import Event

TURNED_DOWN = "turned down, or the price was gone"
BEGUN = "the event had begun when it arrived"
Prices = Callable[[Sequence[Ticket]], Mapping[tuple[datetime, int, int], Decimal]]


def models_of(book_ids: Collection[int]) -> dict[int, CostModel]:
    """Return the cost models that are switched on, by book."""
    rows = CostModel.objects.filter(book_id__in=set(book_ids), is_enabled=True)
    return {row.book_id: row for row in rows}


def costs_of(row: CostModel) -> model.Costs:
    """Read a row as the numbers of the model."""
    return model.Costs(
        latency=row.latency_ms / 1000,
        delay=row.delay_ms / 1000,
        rejection=row.rejection,
        slippage=row.slippage,
        spread=row.spread,
        depth=row.depth,
        queue=row.queue,
        flow=float(row.flow_per_minute) / 60,
        patience=float(row.patience_seconds),
        commission=row.commission,
    )


def orders(
    tickets: Sequence[Ticket], *, models: Mapping[int, CostModel], prices: Prices
) -> list[PaperOrder]:
    """Return an order for each ticket, at the prices shown when it arrives.

    A replay's order is known to its end at once: in a replay that time is past.
    """
    if not tickets:
        return []
    drawn = {
        ticket.client_ref: model.draws(seed=models[ticket.book_id].seed, words=_words(ticket))
        for ticket in tickets
    }
    arriving = []
    for ticket in tickets:
        numbers = costs_of(models[ticket.book_id])
        waited = model.delay_seconds(costs=numbers, drawn=drawn[ticket.client_ref])
        arriving.append(replace(ticket, asked_at=ticket.asked_at + timedelta(seconds=waited)))
    shown = prices(arriving)
    starts = Event.objects.filter(pk__in={ticket.event_id for ticket in tickets}).values_list(
        "pk", "starts_at"
    )
    starts_at = dict(starts)
    return [
        _order(
            ticket,
            arrives_at=late.asked_at,
            costs=costs_of(models[ticket.book_id]),
            drawn=drawn[ticket.client_ref],
            shown=shown.get((late.asked_at, ticket.selection_id, ticket.book_id)),
            starts_at=starts_at[ticket.event_id],
        )
        for ticket, late in zip(tickets, arriving, strict=True)
    ]


def answer(order: PaperOrder, *, now: datetime | None) -> Answer:
    """Say what became of an order by now; None: the moment it arrived."""
    terms: dict[str, Any] = order.fill or {}
    known = Answer(
        order.client_ref,
        State(order.state),
        f"paper-{order.pk}",
        reason=order.reason,
        latency_ms=terms.get("latency_ms"),
    )
    if order.state != State.ACCEPTED:
        return known
    fill = _fill(terms)
    passed = 0.0 if now is None else _seconds(terms, now)
    matched = fill.matched(passed)
    return replace(known, price=fill.average(matched), matched=matched, waits=fill.waits(passed))


def end(orders: Collection[PaperOrder], *, now: datetime) -> set[str]:
    """End what waits of orders; return the references of those of which something did."""
    ended = []
    for order in orders:
        if order.fill and order.state == State.ACCEPTED:
            passed = _seconds(order.fill, now)
            if _fill(order.fill).waits(passed):
                order.fill = {**order.fill, "patience": max(0.0, passed)}
                ended.append(order)
    PaperOrder.objects.bulk_update(ended, ["fill"])
    return {order.client_ref for order in ended}


def _words(ticket: Ticket) -> str:
    """Return what a ticket asks, without our reference: the same bet is as lucky each time."""
    asked = (
        ticket.event_id, ticket.selection_id, ticket.book_id, ticket.side, ticket.price,
        ticket.stake, ticket.asked_at.isoformat(),
    )  # fmt: skip
    return "|".join(map(str, asked))


def _order(
    ticket: Ticket,
    *,
    arrives_at: datetime,
    costs: model.Costs,
    drawn: model.Draws,
    shown: Decimal | None,
    starts_at: datetime,
) -> PaperOrder:
    left = (starts_at - arrives_at).total_seconds()
    fill = None
    if left > 0 and shown is not None and shown.is_finite():
        fill = model.arrive(
            costs=replace(costs, patience=min(costs.patience, left)),
            drawn=drawn,
            stake=ticket.stake,
            asked=ticket.price,
            shown=shown,
            is_lay=ticket.side == "LAY",
        )
    latency = round((arrives_at - ticket.asked_at).total_seconds() * 1000)
    terms: dict[str, Any] = {"latency_ms": latency, "arrives_at": arrives_at.isoformat()}
    if fill is not None:
        if ticket.is_replay:
            fill = _to_its_end(fill)
        terms |= {
            "at_once": str(fill.at_once),
            "price": str(fill.price),
            "asked": str(fill.asked),
            "stake": str(fill.stake),
            "ahead": fill.ahead,
            "per_second": fill.per_second,
            "patience": fill.patience,
        }
    reason = "" if fill else BEGUN if left <= 0 else TURNED_DOWN
    return PaperOrder(
        client_ref=ticket.client_ref,
        state=State.ACCEPTED if fill else State.REJECTED,
        reason=reason,
        price=fill.price if fill else ticket.price,
        stake=ticket.stake,
        received_at=ticket.asked_at,
        fill=terms,
    )


def _to_its_end(fill: model.Fill) -> model.Fill:
    matched = fill.matched(fill.patience)
    price = fill.average(matched) or fill.asked
    return replace(fill, at_once=matched, price=price, patience=0.0)


def _fill(terms: Mapping[str, Any]) -> model.Fill:
    return model.Fill(
        stake=Decimal(terms["stake"]),
        at_once=Decimal(terms["at_once"]),
        price=Decimal(terms["price"]),
        asked=Decimal(terms["asked"]),
        ahead=terms["ahead"],
        per_second=terms["per_second"],
        patience=terms["patience"],
    )


def _seconds(terms: Mapping[str, Any], now: datetime) -> float:
    return (now - datetime.fromisoformat(terms["arrives_at"])).total_seconds()
