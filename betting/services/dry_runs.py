"""What a dry run would have staked: written when it is decided, told how it would have ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import connection

from betting.models import Decision, DryBet


@dataclass(frozen=True, slots=True)
class DryResult:
    """How one dry bet would have ended; ``profit`` is net and signed."""

    dry_bet_id: int
    outcome: str
    profit: Decimal


def note(*, decisions: Sequence[Decision]) -> None:
    """Write the bets that decisions of a dry run, which are saved, would have been."""
    DryBet.objects.bulk_create(
        DryBet(decision=decision, stake=Decimal(decision.chain["would_stake"]))
        for decision in decisions
        if "would_stake" in decision.chain
    )


def mark(*, rows: Sequence[DryResult], at: datetime) -> int:
    """Write how dry bets would have ended, in one statement; return how many."""
    columns: list[list[object]] = [
        [row.dry_bet_id for row in rows],
        [row.outcome for row in rows],
        [row.profit for row in rows],
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            "update betting_drybet b set outcome = n.outcome, profit = n.profit, settled_at = %s"
            " from unnest(%s::bigint[], %s::text[], %s::numeric[]) as n(id, outcome, profit)"
            " where b.id = n.id",
            [at, *columns],
        )
        return cursor.rowcount
