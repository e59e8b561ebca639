"""Writing into bets what settlements found: the face that the app above calls down."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import connection

from monitoring import columns
from monitoring.columns import Ints


@dataclass(frozen=True, slots=True)
class SettledBets:
    """What became of bets, in columns: ``outcome`` is a place in ``outcomes`` + 1.

    Amounts are in minor units of the bankroll's currency; ``profit`` is net of ``commission``.
    """

    bet: Ints
    outcome: Ints
    profit: Ints
    commission: Ints
    outcomes: Sequence[str]


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


def mark_settled(*, bets: SettledBets, at: datetime) -> int:
    """Set status, outcome, profit and time of many bets in one statement; return how many.

    Only ACCEPTED bets, and SETTLED ones whose result was corrected, are touched.  The caller
    holds the transaction that moves the money and compares the count with its rows.

    Raises:
        RuntimeError: no transaction is open.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("bets are settled only inside the transaction that moves the money")
    if not len(bets.bet):
        return 0
    return columns.run(
        "update betting_bet b set status = 'SETTLED', outcome = (%s::text[])[s.outcome],"
        " profit = s.profit * 0.01, commission = s.commission * 0.01, settled_at = %s"
        " from unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])"
        "      as s(id, outcome, profit, commission)"
        " where b.id = s.id and b.status in ('ACCEPTED', 'SETTLED')",
        [list(bets.outcomes), at, bets.bet, bets.outcome, bets.profit, bets.commission],
    )
