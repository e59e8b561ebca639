"""Writing down what a venue said of our bets."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from betting.domain import orders
from betting.models import Bet
from betting.venues.base import Answer
from monitoring.services import audit

_SET = """
    update betting_bet b set
        status = a.status,
        order_state = a.order_state,
        status_reason = a.reason,
        venue_ref = case when a.venue_ref = '' then b.venue_ref else a.venue_ref end,
        price = a.price,
        stake = a.stake,
        matched_price = a.matched_price,
        matched_stake = a.matched_stake,
        latency_ms = coalesce(b.latency_ms, a.latency_ms),
        answered_at = case when a.status = 'UNKNOWN' then b.answered_at
                           else coalesce(b.answered_at, %s) end
    from unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::numeric[],
                %s::numeric[], %s::numeric[], %s::numeric[], %s::int[])
        as a(id, status, order_state, reason, venue_ref, price, stake, matched_price,
             matched_stake, latency_ms)
    where b.id = a.id
"""
_COLUMNS = (
    "client_ref", "pk", "status", "order_state", "requested_stake", "requested_price",
    "matched_stake", "matched_price", "side",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Changed:
    """A bet that an answer changed."""

    bet_id: int
    status: str  # before
    order: orders.Order
    answer: Answer

    @property
    def reason(self) -> str:
        said = self.answer.reason
        if orders.overfilled(self.order, _said(self.answer)):
            said = f"it says {self.answer.matched} of {self.order.asked_stake} are matched"
        return said[:250]


@dataclass(slots=True)
class Recorded:
    """How many bets answers changed, by their new status, and by their order's new state."""

    statuses: Counter[str] = field(default_factory=Counter)
    orders: Counter[str] = field(default_factory=Counter)


def record(*, answers: Sequence[Answer], actor: str, now: datetime) -> Recorded:
    """Write answers into the bets that they tell something new of; return how many by state.

    A bet whose order is over, or that another run told as much meanwhile, is left as it is.
    One transaction: the bets are locked, and written in one statement.
    """
    if not answers:
        return Recorded()
    given = {answer.client_ref: answer for answer in answers}
    with transaction.atomic(durable=True):
        changed = [*_changed(given)]
        _write(changed, now=now)
        for action, details in _details(changed).items():
            audit.record_all(actor=actor, action=action, at=now, details=details)
    return Recorded(
        statuses=Counter(found.order.status for found in changed),
        orders=Counter(str(found.order.state) for found in changed),
    )


def _changed(given: Mapping[str, Answer]) -> list[Changed]:
    rows = Bet.objects.filter(client_ref__in=list(given)).exclude(order_state__in=orders.OVER)
    locked = rows.order_by("pk").select_for_update().values_list(*_COLUMNS)
    found = []
    for ref, bet_id, status, state, stake, price, matched, matched_price, side in locked:
        order = orders.Order(
            orders.State(state), stake, price, matched, matched_price, side == Bet.Side.LAY
        )
        after = orders.after(order, _said(given[ref]))
        if after != order:
            found.append(Changed(bet_id, status, after, given[ref]))
    return found


def _said(answer: Answer) -> orders.Said:
    return orders.Said(str(answer.state), answer.matched, answer.price, answer.waits)


def _write(changed: Sequence[Changed], *, now: datetime) -> None:
    if not changed:
        return
    rows = [
        (
            found.bet_id, found.order.status, str(found.order.state), found.reason,
            found.answer.venue_ref, found.order.price, found.order.stake,
            found.order.matched_price, found.order.matched_stake, found.answer.latency_ms,
        )
        for found in changed
    ]  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_SET, [now, *map(list, zip(*rows, strict=True))])


def _details(changed: Sequence[Changed]) -> dict[str, dict[str, dict[str, Any]]]:
    """Return what is audited, by action and subject: a new status, or a step of an order."""
    details: dict[str, dict[str, dict[str, Any]]] = {}
    for found in changed:
        order = found.order
        is_step = found.status == order.status
        action = f"bet.order_{order.state.lower()}" if is_step else f"bet.{order.status.lower()}"
        told = {
            "client_ref": found.answer.client_ref,
            "why": found.reason,
            "price": str(order.price),
            "order": str(order.state),
            "matched": str(order.matched_stake),
        }
        details.setdefault(action, {})[f"{Bet._meta.label}:{found.bet_id}"] = told
    return details
