"""Writing into bets what settlements found: the face that the app above calls down."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

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


def mark_charged(*, bets: Ints, commission: Ints) -> None:
    """Change what was taken of settled bets; their profit moves by the difference.

    ``commission``, in minor units, stands from now on in place of what was taken.  The caller
    holds the bets' locks and the transaction that moves the money.

    Raises:
        RuntimeError: no transaction is open, or one of the bets is not settled.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("bets are charged only inside the transaction that moves the money")
    if not len(bets):
        return
    charged = columns.run(
        "update betting_bet b set profit = b.profit + b.commission - c.cents * 0.01,"
        " commission = c.cents * 0.01 from unnest(%s::bigint[], %s::bigint[]) as c(id, cents)"
        " where b.id = c.id and b.status = 'SETTLED'",
        [bets, commission],
    )
    if charged != len(bets):
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
