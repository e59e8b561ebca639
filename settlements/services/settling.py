"""Settling bets by the results known, in chunks: judge, write, move the money, once.

A bet is due when it is ACCEPTED, nothing of it waits at its venue and its event has a result, or
when it is SETTLED and a later version of the result is known than the one it was settled by; one
that only adds to the version before (the half-time score, figures of players) tells nothing
otherwise and does not count.  Each chunk is one transaction that holds the locks of its bets, so a
worker killed anywhere leaves whole chunks or none, and workers beside each other take different
bets.  Three things each forbid paying
twice: the lock with its second look, the unique keys of settlements and transfers, the statuses.

While a result is disputed (an open ``ResultDispute``) nothing of its event is due, neither a first
payment nor a correction.  A match that is interrupted, or whose result was taken back, has no
result to settle by: accepted bets wait, settled ones stay as they are until the next result.

A bet on a player waits for a result that tells of players.  A bet that a file told, with its
outcome and under a rule set that its mapping names, is settled by what the file says.

What an account's net winnings on a market cost is charged in a transaction of its own, after the
bets of it settled: ``commissions`` says why nothing of it is lost.

A later version always reverses the transfers of the settlement before and posts its own, also
when the profit stayed the same: one live settlement, one live transfer, and the pairs explain
every difference.  A settlement without profit (a push, a void) has no transfer.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection, transaction

from betting.services import settled
from betting.services.settled import SettledBet
from monitoring.domain.findings import Severity
from monitoring.domain.progress import RunHandle
from monitoring.models import Incident
from monitoring.services import audit, incidents
from settlements import queries
from settlements.domain import rules
from settlements.models import LedgerAccount, LedgerTransfer
from settlements.services import commissions, judging, ledger, settlement_rows, statements
from settlements.services.judging import Due, Judged, Trouble
from settlements.services.rule_sets import Rules

CHUNK = 2_000
UNSETTLEABLE = "settlements.unsettleable"
_PASSES = (
    (statements.LOCK_TOLD, statements.TOLD),
    (statements.LOCK_ACCEPTED, statements.DUE),
    (statements.LOCK_CORRECTED, statements.DUE),
)


@dataclass(frozen=True, slots=True)
class SettleReport:
    """What one call did.  ``void`` counts those of the settled and re-settled that were void."""

    settled: int = 0
    resettled: int = 0
    void: int = 0
    failed: int = 0
    ledger_imbalance: Decimal | None = None  # None: was not asked for

    def as_dict(self) -> dict[str, Any]:
        off = self.ledger_imbalance
        return {**asdict(self), "ledger_imbalance": None if off is None else f"{off:.2f}"}


@dataclass(slots=True)
class _Tally:
    settled: int = 0
    resettled: int = 0
    void: int = 0
    failed: int = 0
    troubles: dict[str, str] = field(default_factory=dict)  # subject -> what is wrong


@dataclass(frozen=True, slots=True)
class _Asked:
    """What one call is for, the same for all its chunks."""

    as_of: datetime
    now: datetime
    actor: str
    bankroll_ids: list[int]
    rule_sets: Rules


def settle_due(
    *,
    as_of: datetime,
    now: datetime,
    actor: str,
    bankroll_ids: Sequence[int] | None = None,
    limit: int | None = None,
    chunk: int = CHUNK,
    with_imbalance: bool = True,
    progress: RunHandle | None = None,
) -> SettleReport:
    """Settle what is due by the results known at ``as_of``; calling it again changes nothing.

    Without ``bankroll_ids`` every bankroll is settled but those of a replay under way, which
    lives at another time.  A bet that no rule covers is left as it is, counted as failed, and
    opens an incident for its market.
    """
    ids = queries.bankrolls_to_settle() if bankroll_ids is None else list(bankroll_ids)
    tally = _Tally()
    asked = _Asked(as_of, now, actor, ids, Rules.load())
    seen = 0
    for lock, read in _PASSES if ids else ():
        after, size = 0, chunk
        while size == chunk and (limit is None or seen < limit):
            size = chunk if limit is None else min(chunk, limit - seen)
            locked = _settle_chunk(lock, read, after, size, asked, tally)
            after, seen = (locked[-1] if locked else after), seen + len(locked)
            size = len(locked) if len(locked) < size else chunk
            _tell(progress, seen, bool(locked))
    if ids and asked.rule_sets.charges_markets:
        commissions.charge_due(bankroll_ids=ids, rule_sets=asked.rule_sets, at=as_of)
    _raise_incidents(tally.troubles, at=now)
    off = ledger.imbalance(bankroll_ids=bankroll_ids) if with_imbalance else None
    return SettleReport(tally.settled, tally.resettled, tally.void, tally.failed, off)


def _tell(progress: RunHandle | None, seen: int, moved: bool) -> None:
    if progress and moved:
        progress.progress(done=seen, message=f"{seen} bets looked at")
        progress.raise_if_cancelled()


@transaction.atomic
def _settle_chunk(
    lock: str, read: str, after: int, size: int, asked: _Asked, tally: _Tally
) -> list[int]:
    """Lock the next due bets, settle them, and return the locked ones' ids."""
    about: dict[str, Any] = {
        "as_of": asked.as_of,
        "after": after,
        "ids": asked.bankroll_ids,
        "size": size,
    }
    with connection.cursor() as cursor:
        cursor.execute(lock, about)
        locked = [row[0] for row in cursor.fetchall()]
    # A second look with the locks held: another worker may have settled one meanwhile.
    due = _read(read, locked, as_of=asked.as_of)
    if due:
        _write(due, asked, tally)
    return locked


def _read(statement: str, bet_ids: Sequence[int], *, as_of: datetime) -> list[Due]:
    if not bet_ids:
        return []
    with connection.cursor() as cursor:
        cursor.execute(statement, {"as_of": as_of, "bets": list(bet_ids), "statuses": ["ACCEPTED"]})
        return [Due(*row) for row in cursor.fetchall()]


def _write(due: list[Due], asked: _Asked, tally: _Tally) -> None:
    rows = []
    judged = judging.judge(due, rule_sets=asked.rule_sets, as_of=asked.as_of)
    for bet, found in zip(due, judged, strict=True):
        if isinstance(found, Trouble):
            tally.failed += 1
            tally.troubles[f"markets.Market:{bet.market_id}"] = found.summary
        elif found is not None:
            rows.append((bet, found))
    if not rows:
        return
    ids = settlement_rows.insert(rows, at=asked.as_of)
    ledger.post(movements=list(_movements(rows, ids, at=asked.as_of)))
    marks = [
        SettledBet(bet.bet_id, one.outcome, one.profit, asked.as_of, one.commission)
        for bet, one in rows
    ]
    if settled.mark_settled(rows=marks) != len(rows):
        raise RuntimeError("a locked bet changed under its lock")
    if asked.rule_sets.charges_markets:
        commissions.note(rows)
    _record(rows, asked, tally)


def troubles(*, as_of: datetime, most: int = 500) -> dict[str, str]:
    """Return what is wrong with each market whose bets have an end and no rule, by subject."""
    late = queries.overdue(as_of=as_of, limit=timedelta(0), most=most)
    with connection.cursor() as cursor:
        cursor.execute(
            statements.ACCEPTED_TOLD, {"ids": queries.bankrolls_to_settle(), "most": most}
        )
        told = [row[0] for row in cursor.fetchall()]
    due = [
        *_read(statements.DUE, [bet.bet_id for bet in late], as_of=as_of),
        *_read(statements.TOLD, told, as_of=as_of),
    ]
    if not due:
        return {}
    judged = judging.judge(due, rule_sets=Rules.load(), as_of=as_of)
    return {
        f"markets.Market:{bet.market_id}": found.summary
        for bet, found in zip(due, judged, strict=True)
        if isinstance(found, Trouble)
    }


def _movements(
    rows: Sequence[tuple[Due, Judged]], ids: dict[int, int], *, at: datetime
) -> Iterator[ledger.Movement]:
    """Yield reversals for each settlement that stood, then the new settlement's transfers."""
    for bet, judged in rows:
        yield from _reversals(bet, at=at)
        revision = (bet.revision or 0) + 1
        about: dict[str, Any] = {"at": at, "settlement_id": ids[bet.bet_id]}
        if gross := judged.profit + judged.commission:
            yield ledger.Movement(
                bankroll_id=bet.bankroll_id,
                kind=LedgerTransfer.Kind.SETTLEMENT.value,
                against=LedgerAccount.Kind.PROFIT_AND_LOSS.value,
                cash=gross,
                reference=f"settle:{bet.bet_id}:{revision}",
                **about,
            )
        if judged.commission:
            yield ledger.Movement(
                bankroll_id=bet.bankroll_id,
                kind=LedgerTransfer.Kind.COMMISSION.value,
                against=LedgerAccount.Kind.COMMISSION.value,
                cash=-judged.commission,
                reference=f"commission:{bet.bet_id}:{revision}:1",
                **about,
            )


def _reversals(bet: Due, *, at: datetime) -> Iterator[ledger.Movement]:
    if bet.transfer_id is not None:
        yield ledger.Movement(
            bankroll_id=bet.bankroll_id,
            kind=LedgerTransfer.Kind.REVERSAL.value,
            against=LedgerAccount.Kind.PROFIT_AND_LOSS.value,
            cash=-(bet.moved or ledger.ZERO),
            reference=f"reverse:{bet.bet_id}:{bet.revision}",
            at=at,
            settlement_id=bet.earlier_id,
            reverses_id=bet.transfer_id,
        )
    if bet.commission_id is not None:
        yield commissions.reversal(
            bankroll_id=bet.bankroll_id,
            transfer_id=bet.commission_id,
            amount=bet.charged or ledger.ZERO,
            settlement_id=bet.earlier_id,
            at=at,
        )


def _record(rows: Sequence[tuple[Due, Judged]], asked: _Asked, tally: _Tally) -> None:
    """Count the chunk and put it into the audit: one entry, and one per corrected bet."""
    corrected = [row for row in rows if row[0].revision is not None]
    void = sum(one.outcome == rules.Outcome.VOID for _, one in rows)
    tally.settled += len(rows) - len(corrected)
    tally.resettled += len(corrected)
    tally.void += void
    bets = [bet.bet_id for bet, _ in rows]
    audit.record(
        actor=asked.actor,
        action="settlements.settled",
        subject=f"betting.Bet:{bets[0]}" if len(bets) == 1 else "betting.Bet",
        at=asked.now,
        bets=len(bets),
        corrected=len(corrected),
        void=void,
        first_bet=bets[0],
        last_bet=bets[-1],
        profit=str(sum((one.profit for _, one in rows), ledger.ZERO)),
    )
    if corrected:
        audit.record_all(
            actor=asked.actor,
            action="settlements.resettled",
            at=asked.now,
            details={
                f"betting.Bet:{bet.bet_id}": {
                    "result": bet.result_id,
                    "outcome": one.outcome,
                    "profit": str(one.profit),
                    "profit_before": str(bet.earlier_profit),
                }
                for bet, one in corrected
            },
        )


def _raise_incidents(troubles: dict[str, str], *, at: datetime) -> None:
    """Open an incident for each market that has none yet; the check keeps and resolves it."""
    if not troubles:
        return
    known = set(
        Incident.objects.filter(
            kind=UNSETTLEABLE, resolved_at__isnull=True, subject__in=troubles
        ).values_list("subject", flat=True)
    )
    for subject, summary in troubles.items():
        if subject not in known:
            incidents.open_incident(
                kind=UNSETTLEABLE, severity=Severity.P1, summary=summary, at=at, subject=subject
            )
