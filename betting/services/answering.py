"""Writing down what a venue said of our bets."""

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime

from django.db import connection, transaction

from betting.models import Bet
from betting.venues.base import Answer, State
from monitoring.services import audit

_SET = """
    update betting_bet b set
        status = a.state,
        status_reason = a.reason,
        venue_ref = case when a.venue_ref = '' then b.venue_ref else a.venue_ref end,
        price = coalesce(a.price, b.price),
        answered_at = case when a.state = 'UNKNOWN' then b.answered_at else %s end
    from unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::numeric[])
        as a(client_ref, state, venue_ref, reason, price)
    where b.client_ref = a.client_ref and b.status = any(%s) and b.status <> a.state
    returning b.id, b.status, b.client_ref, b.status_reason, b.price
"""


def record(
    *, answers: Sequence[Answer], waiting: Collection[str], actor: str, now: datetime
) -> Counter[str]:
    """Write answers into the bets that still wait for one; return how many by new status.

    ``waiting`` are the statuses an answer may change.  A bet that another run answered
    meanwhile is left as it is.  One transaction, two statements per state.
    """
    if not answers:
        return Counter()
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(
            _SET,
            [
                now,
                [answer.client_ref for answer in answers],
                [str(answer.state) for answer in answers],
                [answer.venue_ref for answer in answers],
                [answer.reason[:250] for answer in answers],
                [answer.price for answer in answers],
                [str(status) for status in waiting],
            ],
        )
        changed = cursor.fetchall()
        for state in State:
            audit.record_all(
                actor=actor,
                action=f"bet.{state.lower()}",
                at=now,
                details={
                    f"{Bet._meta.label}:{bet_id}": {
                        "client_ref": client_ref,
                        "why": reason,
                        "price": str(price),
                    }
                    for bet_id, status, client_ref, reason, price in changed
                    if status == state
                },
            )
    return Counter(status for _, status, *_ in changed)
