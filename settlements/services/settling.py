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

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
from django.db import connection, transaction

from betting.services import settled
from betting.services.settled import SettledBets
from monitoring import columns
from monitoring.columns import Ints
from monitoring.domain.findings import Severity
from monitoring.domain.progress import RunHandle
from monitoring.models import Incident
from monitoring.services import incidents
from settlements import queries
from settlements.domain.rules import OUTCOMES, Outcome
from settlements.services import (
    commissions,
    daily,
    judging,
    judging_many,
    ledger,
    posting,
    postings,
    reading,
    settlement_rows,
    statements,
    telling,
)
from settlements.services.judging import Due, Trouble
from settlements.services.judging_many import Chunk, Found
from settlements.services.rule_sets import Rules

CHUNK = 5_000  # bets in one transaction
AT_ONCE = 1_000_000  # bets that are looked for at once
LOOK = "10min"
UNSETTLEABLE = "settlements.unsettleable"


class _Pass(NamedTuple):
    """Which bets may be due, in which status they are, what they are, and all about one."""

    due: str
    status: str
    bets: str
    scalar: str
    is_told: bool = False


_PASSES = (
    _Pass(statements.DUE_TOLD, "ACCEPTED", reading.TOLD, statements.TOLD, is_told=True),
    _Pass(statements.DUE_ACCEPTED, "ACCEPTED", reading.ACCEPTED, statements.DUE),
    _Pass(statements.DUE_CORRECTED, "SETTLED", reading.CORRECTED, statements.DUE),
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
    seen: int = 0
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
    chunk: int
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
    asked = _Asked(as_of, now, actor, ids, chunk, Rules.load())
    for each in _PASSES if ids else ():
        _settle_all(each, asked, tally, limit=limit, progress=progress)
    if ids and asked.rule_sets.charges_markets:
        commissions.charge_due(bankroll_ids=ids, rule_sets=asked.rule_sets, at=as_of)
    _raise_incidents(tally.troubles, at=now)
    off = ledger.imbalance(bankroll_ids=bankroll_ids) if with_imbalance else None
    return SettleReport(tally.settled, tally.resettled, tally.void, tally.failed, off)


def _settle_all(
    each: _Pass, asked: _Asked, tally: _Tally, *, limit: int | None, progress: RunHandle | None
) -> None:
    """Look once for very many bets that are due, and settle those a chunk at a time."""
    after, most = 0, AT_ONCE
    while limit is None or tally.seen < limit:
        size = most if limit is None else min(most, limit - tally.seen)
        due = _due(each, after, size, asked)
        for at in range(0, len(due), asked.chunk):
            tally.seen += _settle_chunk(each, due[at : at + asked.chunk], asked, tally)
            if progress:
                progress.progress(done=tally.seen, message=f"{tally.seen} bets looked at")
                progress.raise_if_cancelled()
        if len(due) < size:
            return
        after = int(due[-1])


@transaction.atomic
def _due(each: _Pass, after: int, size: int, asked: _Asked) -> Ints:
    """Look for bets that may be due: a look at millions may take longer than a page may."""
    about = {"as_of": asked.as_of, "after": after, "ids": asked.bankroll_ids, "size": size}
    with connection.cursor() as cursor:
        cursor.execute(f"set local statement_timeout = '{LOOK}'")
    (found,) = columns.row(f"select coalesce(array_agg(id), '{{}}') from ({each.due}) due", about)
    due: Ints = found
    return due


@transaction.atomic
def _settle_chunk(each: _Pass, due: Ints, asked: _Asked, tally: _Tally) -> int:
    """Lock what nobody else has locked of these bets, settle them, and return how many those are.

    What is read once the locks are held is a second look: another worker may have settled one
    meanwhile, a result may have been disputed.
    """
    (held,) = columns.row(statements.HOLD, {"bets": due, "status": each.status})
    chunk = _read(each, held, asked) if len(held) else None
    if chunk is not None and len(chunk.bets.bet):
        found = judging_many.judge(chunk, rule_sets=asked.rule_sets)
        tally.failed += found.failed
        tally.troubles |= {f"markets.Market:{market}": why for market, why in found.troubles}
        _write(chunk, found, asked, tally)
    return len(held)


def _read(each: _Pass, held: Ints, asked: _Asked) -> Chunk:
    bets = reading.bets(each.bets, held)
    picks = reading.picks(np.unique(bets.pick), as_of=asked.as_of, is_told=each.is_told)
    at = np.searchsorted(picks.pick, bets.pick)
    at = np.minimum(at, max(len(picks.pick) - 1, 0))
    is_due = picks.pick[at] == bets.pick if len(picks.pick) else np.zeros(len(at), dtype=bool)
    bets, at = bets.taken(is_due), at[is_due]
    is_news = (bets.earlier == 0) | (bets.version < picks.changed[at])
    return Chunk(bets.taken(is_news), picks.taken(at[is_news]), each.scalar, asked.as_of)


def _write(chunk: Chunk, found: Found, asked: _Asked, tally: _Tally) -> None:
    """Write what was judged: settlements, transfers, bets, notes of markets, audit."""
    is_judged = found.is_judged
    if not is_judged.any():
        return
    bets, picks = chunk.bets.taken(is_judged), chunk.picks.taken(is_judged)
    ends = found.taken(is_judged)
    daily.note_settled(
        bankroll_ids=np.unique(bets.bankroll).tolist(),
        corrected_ids=bets.bet[bets.earlier > 0].tolist(),
        at=asked.as_of,
    )
    settlements = settlement_rows.insert(bets, ends, result=picks.result, at=asked.as_of)
    marks = SettledBets(
        bets.bet, ends.outcome + 1, ends.profit, ends.commission, [str(one) for one in OUTCOMES]
    )
    if settled.mark_settled(bets=marks, at=asked.as_of) != len(bets.bet):
        raise RuntimeError("a locked bet changed under its lock")
    if asked.rule_sets.charges_markets:
        charged = ends.is_charged_by_market
        commissions.note(
            bankroll=bets.bankroll[charged], book=bets.book[charged], market=picks.market[charged]
        )
    is_void = ends.outcome == OUTCOMES.index(Outcome.VOID)
    corrected = int((bets.earlier > 0).sum())
    tally.settled += len(bets.bet) - corrected
    tally.resettled += corrected
    tally.void += int(is_void.sum())
    telling.tell(bets=bets, picks=picks, found=ends, actor=asked.actor, now=asked.now)
    posting.post(postings.of(bets=bets, found=ends, settlements=settlements), at=asked.as_of)


def troubles(*, as_of: datetime, most: int = 500) -> dict[str, str]:
    """Return what is wrong with each market whose bets have an end and no rule, by subject."""
    late = queries.overdue(as_of=as_of, limit=timedelta(0), most=most)
    with connection.cursor() as cursor:
        cursor.execute(
            statements.ACCEPTED_TOLD, {"ids": queries.bankrolls_to_settle(), "most": most}
        )
        told = [row[0] for row in cursor.fetchall()]
    due = [
        *_all_about(statements.DUE, [bet.bet_id for bet in late], as_of=as_of),
        *_all_about(statements.TOLD, told, as_of=as_of),
    ]
    if not due:
        return {}
    judged = judging.judge(due, rule_sets=Rules.load(), as_of=as_of)
    return {
        f"markets.Market:{bet.market_id}": found.summary
        for bet, found in zip(due, judged, strict=True)
        if isinstance(found, Trouble)
    }


def _all_about(statement: str, bet_ids: Sequence[int], *, as_of: datetime) -> list[Due]:
    if not bet_ids:
        return []
    with connection.cursor() as cursor:
        cursor.execute(statement, {"as_of": as_of, "bets": list(bet_ids), "statuses": ["ACCEPTED"]})
        return [Due(*row) for row in cursor.fetchall()]


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
