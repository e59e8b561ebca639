"""Writing into bets what settlements found: the face that the app above calls down."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import connection


@dataclass(frozen=True, slots=True)
class SettledBet:
    """What became of one bet: ``profit`` is net of ``commission``, in the bankroll's currency."""

    bet_id: int
    outcome: str
    profit: Decimal
    settled_at: datetime
    commission: Decimal = Decimal("0.00")


@dataclass(frozen=True, slots=True)
class ChargedBet:
    """What is taken of one settled bet's winnings from now on, in place of what was."""

    bet_id: int
    commission: Decimal


def mark_charged(*, rows: Sequence[ChargedBet]) -> None:
    """Change what was taken of settled bets; their profit moves by the difference.

    The caller holds the bets' locks and the transaction that moves the money.

    Raises:
        RuntimeError: no transaction is open, or one of the bets is not settled.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("bets are charged only inside the transaction that moves the money")
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "update betting_bet b set profit = b.profit + b.commission - c.commission,"
            " commission = c.commission"
            " from unnest(%s::bigint[], %s::numeric[]) as c(id, commission)"
            " where b.id = c.id and b.status = 'SETTLED'",
            [[row.bet_id for row in rows], [row.commission for row in rows]],
        )
        if cursor.rowcount != len(rows):
            raise RuntimeError("a bet that is not settled cannot be charged")


def mark_settled(*, rows: Sequence[SettledBet]) -> int:
    """Set status, outcome, profit and time of many bets in one statement; return how many.

    Only ACCEPTED bets, and SETTLED ones whose result was corrected, are touched.  The caller
    holds the transaction that moves the money and compares the count with its rows.

    Raises:
        RuntimeError: no transaction is open.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("bets are settled only inside the transaction that moves the money")
    if not rows:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            "update betting_bet b set status = 'SETTLED', outcome = s.outcome,"
            " profit = s.profit, commission = s.commission, settled_at = s.settled_at"
            " from unnest(%s::bigint[], %s::text[], %s::numeric[], %s::numeric[],"
            "             %s::timestamptz[]) as s(id, outcome, profit, commission, settled_at)"
            " where b.id = s.id and b.status in ('ACCEPTED', 'SETTLED')",
            [
                [row.bet_id for row in rows],
                [row.outcome for row in rows],
                [row.profit for row in rows],
                [row.commission for row in rows],
                [row.settled_at for row in rows],
            ],
        )
        return int(cursor.rowcount)
