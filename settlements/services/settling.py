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

A bet on a player waits for a result that tells of players.

A later version always reverses the transfer of the settlement before and posts its own, also
when the profit stayed the same: one live settlement, one live transfer, and the pairs explain
every difference.  A settlement without profit (a push, a void) has no transfer.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
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
from settlements.services import ledger, statements

CHUNK = 2_000
UNSETTLEABLE = "settlements.unsettleable"
_OF_PLAYERS = "PLAYER_TOTAL"
_TOO_MUCH = 10**12  # minor units that a bet's profit cannot hold


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
class _Due:
    """A locked bet with what judging it takes; columns of ``statements.DUE``."""

    bet_id: int
    bankroll_id: int
    is_lay: bool
    stake: int  # minor units
    price: int  # thousandths
    market_id: int
    kind: str
    role: str
    quarters: float | None
    result_id: int
    status: str
    home: int | None
    away: int | None
    figure: float | None  # of the team or player whose total it is, times four
    has_figures: bool  # the result tells of players
    earlier_id: int | None  # the settlement that stands so far
    revision: int | None
    earlier_profit: Decimal | None
    transfer_id: int | None  # its transfer


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
    seen = 0
    for statement in (statements.LOCK_ACCEPTED, statements.LOCK_CORRECTED) if ids else ():
        after, size = 0, chunk
        while size == chunk and (limit is None or seen < limit):
            size = chunk if limit is None else min(chunk, limit - seen)
            locked = _settle_chunk(statement, after, size, ids, as_of, now, actor, tally)
            after, seen = (locked[-1] if locked else after), seen + len(locked)
            size = len(locked) if len(locked) < size else chunk
            _tell(progress, seen, bool(locked))
    _raise_incidents(tally.troubles, at=now)
    off = ledger.imbalance(bankroll_ids=bankroll_ids) if with_imbalance else None
    return SettleReport(tally.settled, tally.resettled, tally.void, tally.failed, off)


def _tell(progress: RunHandle | None, seen: int, moved: bool) -> None:
    if progress and moved:
        progress.progress(done=seen, message=f"{seen} bets looked at")
        progress.raise_if_cancelled()


@transaction.atomic
def _settle_chunk(
    statement: str,
    after: int,
    size: int,
    bankroll_ids: list[int],
    as_of: datetime,
    now: datetime,
    actor: str,
    tally: _Tally,
) -> list[int]:
    """Lock the next due bets, settle them, and return the locked ones' ids."""
    with connection.cursor() as cursor:
        cursor.execute(
            statement, {"as_of": as_of, "after": after, "ids": bankroll_ids, "size": size}
        )
        locked = [row[0] for row in cursor.fetchall()]
        if not locked:
            return []
        # A second look with the locks held: another worker may have settled one meanwhile.
        cursor.execute(statements.DUE, {"as_of": as_of, "bets": locked})
        due = [_Due(*row) for row in cursor.fetchall()]
    if due:
        _write(due, as_of=as_of, now=now, actor=actor, tally=tally)
    return locked


def _write(due: list[_Due], *, as_of: datetime, now: datetime, actor: str, tally: _Tally) -> None:
    outcomes, profits = judge(due)
    rows = []
    for bet, code, cents in zip(due, outcomes.tolist(), profits.tolist(), strict=True):
        if code == rules.UNKNOWN or abs(cents) >= _TOO_MUCH:
            tally.failed += 1
            tally.troubles[f"markets.Market:{bet.market_id}"] = _trouble(bet, code)
        else:
            rows.append((bet, rules.OUTCOMES[code].value, Decimal(cents).scaleb(-2)))
    if not rows:
        return
    ids = _insert_settlements(rows, at=as_of)
    ledger.post(movements=list(_movements(rows, ids, at=as_of)))
    marks = [SettledBet(bet.bet_id, outcome, profit, as_of) for bet, outcome, profit in rows]
    if settled.mark_settled(rows=marks) != len(rows):
        raise RuntimeError("a locked bet changed under its lock")
    _record(rows, now=now, actor=actor, tally=tally)


def judge(due: Sequence[_Due]) -> tuple[rules.Ints, rules.Ints]:
    """Return outcome codes (``rules.UNKNOWN`` where no rule covers the bet) and profits."""
    judgeable = np.array([bet.status in rules.VOIDING or _is_told(bet) for bet in due])
    integers = [(bet.stake, bet.price, bet.home or 0, bet.away or 0) for bet in due]
    stake, price, home, away = np.array(integers, dtype=np.int64).T
    outcomes = rules.judge_many(
        kinds=[bet.kind for bet in due],
        roles=[bet.role for bet in due],
        quarters=np.array([bet.quarters for bet in due], dtype=np.float64),
        home=home,
        away=away,
        figures=np.array([bet.figure for bet in due], dtype=np.float64),
        voided=np.array([bet.status in rules.VOIDING for bet in due]),
    )
    outcomes = np.where(judgeable, outcomes, rules.UNKNOWN)
    profits = rules.profit_many(
        is_lay=np.array([bet.is_lay for bet in due]),
        outcome=np.maximum(outcomes, 0),
        stake=stake,
        price=price,
    )
    return outcomes, profits


def _is_told(bet: _Due) -> bool:
    """Say whether the match was played to its end and what the bet hangs on is known."""
    has_score = bet.home is not None and bet.away is not None
    return bet.status == "FINAL" and (bet.has_figures if bet.kind == _OF_PLAYERS else has_score)


def _trouble(bet: _Due, code: int) -> str:
    if code == rules.UNKNOWN and bet.status not in rules.VOIDING and not _is_told(bet):
        missing = "figures of players" if bet.kind == _OF_PLAYERS else "a score"
        return f"no rule judges {bet.kind} by a result without {missing} ({bet.status.lower()})"
    if code == rules.UNKNOWN:
        line = "" if bet.quarters is None else f" {bet.quarters / 4:g}"
        return f"no rule judges {bet.kind} {bet.role}{line}: its bets stay unsettled"
    return f"the profit of bet {bet.bet_id} does not fit its column: check stake and price"


def troubles(*, as_of: datetime, most: int = 500) -> dict[str, str]:
    """Return what is wrong with each market whose bets have a result and no rule, by subject."""
    late = queries.overdue(as_of=as_of, limit=timedelta(0), most=most)
    with connection.cursor() as cursor:
        cursor.execute(statements.DUE, {"as_of": as_of, "bets": [bet.bet_id for bet in late]})
        due = [_Due(*row) for row in cursor.fetchall()]
    found = {}
    if due:
        outcomes, profits = judge(due)
        for bet, code, cents in zip(due, outcomes.tolist(), profits.tolist(), strict=True):
            if code == rules.UNKNOWN or abs(cents) >= _TOO_MUCH:
                found[f"markets.Market:{bet.market_id}"] = _trouble(bet, code)
    return found


def _insert_settlements(
    rows: Sequence[tuple[_Due, str, Decimal]], *, at: datetime
) -> dict[int, int]:
    """Write the settlements and return their ids by bet."""
    columns: list[list[Any]] = [
        [bet.bet_id for bet, _, _ in rows],
        [(bet.revision or 0) + 1 for bet, _, _ in rows],
        [bet.result_id for bet, _, _ in rows],
        [outcome for _, outcome, _ in rows],
        [profit for _, _, profit in rows],
        [at] * len(rows),
    ]
    with connection.cursor() as cursor:
        cursor.execute(statements.INSERT_SETTLEMENTS, columns)
        return dict(cursor.fetchall())


def _movements(
    rows: Sequence[tuple[_Due, str, Decimal]], ids: dict[int, int], *, at: datetime
) -> Iterator[ledger.Movement]:
    """Yield a reversal for each settlement that stood, then the new settlement's transfer."""
    account = LedgerAccount.Kind.PROFIT_AND_LOSS.value
    for bet, _, profit in rows:
        if bet.transfer_id is not None:
            yield ledger.Movement(
                bankroll_id=bet.bankroll_id,
                kind=LedgerTransfer.Kind.REVERSAL.value,
                against=account,
                cash=-(bet.earlier_profit or ledger.ZERO),
                reference=f"reverse:{bet.bet_id}:{bet.revision}",
                at=at,
                settlement_id=bet.earlier_id,
                reverses_id=bet.transfer_id,
            )
        if profit:
            yield ledger.Movement(
                bankroll_id=bet.bankroll_id,
                kind=LedgerTransfer.Kind.SETTLEMENT.value,
                against=account,
                cash=profit,
                reference=f"settle:{bet.bet_id}:{(bet.revision or 0) + 1}",
                at=at,
                settlement_id=ids[bet.bet_id],
            )


def _record(
    rows: Sequence[tuple[_Due, str, Decimal]], *, now: datetime, actor: str, tally: _Tally
) -> None:
    """Count the chunk and put it into the audit: one entry, and one per corrected bet."""
    corrected = [row for row in rows if row[0].revision is not None]
    void = sum(outcome == rules.Outcome.VOID for _, outcome, _ in rows)
    tally.settled += len(rows) - len(corrected)
    tally.resettled += len(corrected)
    tally.void += void
    bets = [bet.bet_id for bet, _, _ in rows]
    audit.record(
        actor=actor,
        action="settlements.settled",
        subject=f"betting.Bet:{bets[0]}" if len(bets) == 1 else "betting.Bet",
        at=now,
        bets=len(bets),
        corrected=len(corrected),
        void=void,
        first_bet=bets[0],
        last_bet=bets[-1],
        profit=str(sum((profit for _, _, profit in rows), ledger.ZERO)),
    )
    if corrected:
        audit.record_all(
            actor=actor,
            action="settlements.resettled",
            at=now,
            details={
                f"betting.Bet:{bet.bet_id}": {
                    "result": bet.result_id,
                    "outcome": outcome,
                    "profit": str(profit),
                    "profit_before": str(bet.earlier_profit),
                }
                for bet, outcome, profit in corrected
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
