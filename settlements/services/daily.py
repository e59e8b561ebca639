"""Performance by the day: summing anew what settled, was charged, corrected or valued.

Whoever changes a settled bet notes its betting day in the same transaction; ``refresh_due`` takes
the notes and sums those days from their bets, in one statement for many days.  A day is claimed
by one worker at a time, its notes go before its bets are read, and all of it is one transaction:
what settles meanwhile leaves a note of its own, and a killed worker leaves everything as it was.
So the rows are what a full rebuild would write, value for value, however they came about.

Bets of a replay are in none of them; ``queries.performance`` reckons a replay from its bets.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db import connection, transaction

from monitoring.domain.progress import RunHandle
from monitoring.services import audit
from settlements.services import daily_statements as statements

AT_ONCE = 50  # days in one transaction


def note_settled(
    *, bankroll_ids: Sequence[int], at: datetime, corrected_ids: Sequence[int] = ()
) -> None:
    """Note the day of bets that settle at ``at``, and the days where corrected ones stood.

    In the transaction that settles them, before it does.
    """
    with connection.cursor() as cursor:
        cursor.execute(statements.NOTE_MOMENT, {"bankrolls": sorted(set(bankroll_ids)), "at": at})
        if corrected_ids:
            cursor.execute(statements.NOTE_BETS, {"bets": list(corrected_ids)})


def note_changed(*, bet_ids: Sequence[int]) -> None:
    """Note the days of settled bets that were charged or valued; others are none of ours."""
    if bet_ids:
        with connection.cursor() as cursor:
            cursor.execute(statements.NOTE_BETS, {"bets": list(bet_ids)})


def refresh_due(*, at_once: int = AT_ONCE, progress: RunHandle | None = None) -> int:
    """Sum the noted days anew, and return how many; safe beside other workers."""
    done = 0
    while found := _refresh(at_once):
        done += found
        if progress:
            progress.progress(done=done, message=f"{done} betting days summed")
            progress.raise_if_cancelled()
    return done


@transaction.atomic
def _refresh(most: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statements.CLAIM, {"most": most})
        claimed = cursor.fetchall()
        if not claimed:
            return 0
        bankrolls, days = (list(column) for column in zip(*claimed, strict=True))
        about = {"bankrolls": bankrolls, "days": days}
        cursor.execute("set local statement_timeout = '10min'")  # a day may hold a million bets
        for statement in (statements.TAKE, statements.FORGET, statements.SUM):
            cursor.execute(statement, about)
        return len(claimed)


def rebuild(
    *,
    actor: str,
    now: datetime,
    bankroll_ids: Sequence[int] | None = None,
    progress: RunHandle | None = None,
) -> int:
    """Sum every betting day anew, as after a bankroll changed its zone; return how many."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("set local statement_timeout = '10min'")
        ids = None if bankroll_ids is None else list(bankroll_ids)
        cursor.execute(statements.NOTE_ALL, {"bankrolls": ids})
        audit.record(
            actor=actor,
            action="settlements.performance-rebuilt",
            subject="settlements.PerformanceDay",
            at=now,
            bankrolls=ids,
        )
    return refresh_due(progress=progress)
