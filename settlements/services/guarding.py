"""Giving a bankroll a rest that loses too much: in a day, since its best, or bet after bet.

What is lost is what settlements moved, corrections by their difference; open bets do not count
yet.  Looked at after settling, and again by every later run, so a worker that dies between the
two delays a halt by one run at most.  Each rule sets one halt, on the bankroll alone.  Once that
halt is lifted or over, its rule counts anew from there: who lifts it gives the limit once more.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import connection
from django.db.models import Max

from betting import queries as betting
from betting.models import Bankroll, TradingHalt
from betting.services import halting
from monitoring import thresholds
from monitoring.domain.findings import Severity
from monitoring.domain.thresholds import Threshold, declare
from monitoring.services import audit, incidents
from settlements.domain import guarding as domain

DAILY_LOSS = declare(
    "settlements.daily-loss", 0, "share",
    "A bankroll that loses this share of its money in one betting day stakes nothing until the"
    " next one begins in its own zone; 0: never.",
    lowest=0, highest=1,
)  # fmt: skip
DRAWDOWN = declare(
    "settlements.drawdown", 0, "share",
    "A bankroll that is this share below its best stakes nothing until somebody lifts it; 0:"
    " never.",
    lowest=0, highest=1,
)  # fmt: skip
LOSING_STREAK = declare(
    "settlements.losing-streak", 0, "bets",
    "A bankroll that loses this many bets in a row is left to cool down; 0: never.",
    lowest=0, highest=1_000, is_whole=True,
)  # fmt: skip
COOL_DOWN = declare(
    "settlements.cool-down", 30, "min",
    "A bankroll that lost too many bets in a row stakes nothing for so long; in a league that runs"
    " faster than the calendar it is shorter by as much.",
    lowest=1, highest=10_080,
)  # fmt: skip
KIND = "settlements.loss-limit"
RULES: Mapping[str, Threshold] = {
    "daily-loss": DAILY_LOSS,
    "drawdown": DRAWDOWN,
    "losing-streak": LOSING_STREAK,
}
"""The names that halts bear as their rule, and the number that decides."""

_LONG_AGO = "-infinity"
_LOST_SINCE = """
select asked.bankroll_id, -sum(s.profit - coalesce(before.profit, 0))
from unnest(%s::bigint[], %s::timestamptz[]) as asked(bankroll_id, after)
join betting_bet b on b.bankroll_id = asked.bankroll_id
join settlements_settlement s on s.bet_id = b.id and s.settled_at > asked.after
left join settlements_settlement before
    on before.bet_id = s.bet_id and before.revision = s.revision - 1
group by asked.bankroll_id
"""
_LOST_SINCE_BEST = """
with moved as (
    select asked.bankroll_id, s.settled_at, s.id,
           sum(s.profit - coalesce(before.profit, 0)) over in_order as total
    from unnest(%s::bigint[], %s::timestamptz[]) as asked(bankroll_id, after)
    join betting_bet b on b.bankroll_id = asked.bankroll_id
    join settlements_settlement s on s.bet_id = b.id and s.settled_at > asked.after
    left join settlements_settlement before
        on before.bet_id = s.bet_id and before.revision = s.revision - 1
    window in_order as (partition by asked.bankroll_id order by s.settled_at, s.id)
)
select bankroll_id,
       greatest(0, max(total)) - (array_agg(total order by settled_at desc, id desc))[1]
from moved group by bankroll_id
"""
_LOST_IN_A_ROW = """
select asked.bankroll_id, count(b.id)
from unnest(%s::bigint[], %s::timestamptz[]) as asked(bankroll_id, after)
left join lateral (
    select won.settled_at, won.id from betting_bet won
    where won.bankroll_id = asked.bankroll_id and won.settled_at > asked.after and won.profit > 0
    order by won.settled_at desc, won.id desc limit 1) last on true
join betting_bet b on b.bankroll_id = asked.bankroll_id and b.profit < 0
    and b.settled_at > asked.after
    and (last.id is null or (b.settled_at, b.id) > (last.settled_at, last.id))
group by asked.bankroll_id
"""


@dataclass(frozen=True, slots=True)
class Breach:
    """A limit that a bankroll has reached: the rule, in words, and until when it rests."""

    bankroll: Bankroll
    rule: str
    reason: str
    until: datetime | None


def halt_losing(*, now: datetime) -> int:
    """Halt every bankroll that has reached a limit, with an incident each; return how many."""
    halting.end_expired(now=now)  # a rule counts anew from the end of its last halt
    found = list(breaches(now=now))
    for breach in found:
        halt = halting.halt(
            reason=breach.reason,
            actor=f"rule:{breach.rule}",
            now=now,
            scope=TradingHalt.Scope.BANKROLL,
            scope_id=breach.bankroll.pk,
            expires_at=breach.until,
            rule=breach.rule,
        )
        incidents.open_incident(
            kind=KIND,
            severity=Severity.P1,
            summary=halt.reason,
            subject=audit.label(halt),
            at=now,
            actor=f"rule:{breach.rule}",
        )
    return len(found)


def breaches(*, now: datetime) -> Iterator[Breach]:
    """Yield the limits that bankrolls have reached and are not halted for.

    Without a limit nothing is read.  Replays are left alone.
    """
    limits = {rule: thresholds.value(threshold) for rule, threshold in RULES.items()}
    if not any(limits.values()):
        return
    bankrolls = {row.pk: row for row in Bankroll.objects.filter(replay=None).order_by("pk")}
    halts = TradingHalt.objects.filter(scope=TradingHalt.Scope.BANKROLL)
    standing = set(
        betting.active_halts(at=now)
        .filter(scope=TradingHalt.Scope.BANKROLL)
        .values_list("rule", "scope_id")
    )
    for rule, limit in limits.items():
        ids = [id_ for id_ in bankrolls if (rule, id_) not in standing]
        if not limit or not ids:
            continue
        rested = dict(
            halts.filter(rule=rule, scope_id__in=ids)
            .values_list("scope_id")
            .annotate(Max("lifted_at"))
            .order_by()
        )
        yield from _BREACHES[rule]([bankrolls[id_] for id_ in ids], rested, limit, now)


Rested = Mapping[int, datetime]


def _daily_losses(
    bankrolls: Sequence[Bankroll], rested: Rested, limit: float, now: datetime
) -> Iterator[Breach]:
    days = {row.pk: betting.day_of(bankroll=row, at=now) for row in bankrolls}
    instant = timedelta(microseconds=1)  # a day includes its first moment
    after = {
        id_: max(begins - instant, rested.get(id_, begins - instant))
        for id_, (begins, _) in days.items()
    }
    lost = _by_bankroll(_LOST_SINCE, after)
    for row in bankrolls:
        if domain.is_reached(lost=lost[row.pk], balance=row.balance, limit=limit):
            reason = f"{_lost(row, lost[row.pk])} in its betting day; {_allowed(limit)}"
            yield Breach(row, "daily-loss", reason, days[row.pk][1])


def _drawdowns(
    bankrolls: Sequence[Bankroll], rested: Rested, limit: float, now: datetime
) -> Iterator[Breach]:
    lost = _by_bankroll(_LOST_SINCE_BEST, {row.pk: rested.get(row.pk) for row in bankrolls})
    for row in bankrolls:
        if domain.is_reached(lost=lost[row.pk], balance=row.balance, limit=limit):
            reason = f"{_lost(row, lost[row.pk])} since its best; {_allowed(limit)}"
            yield Breach(row, "drawdown", reason, None)


def _streaks(
    bankrolls: Sequence[Bankroll], rested: Rested, limit: float, now: datetime
) -> Iterator[Breach]:
    in_a_row = _by_bankroll(_LOST_IN_A_ROW, {row.pk: rested.get(row.pk) for row in bankrolls})
    for row in bankrolls:
        if in_a_row[row.pk] >= limit:
            rest = thresholds.span(COOL_DOWN) / betting.time_scale(row)
            reason = f"{row} lost {in_a_row[row.pk]} bets in a row; {limit:.0f} give it a rest"
            yield Breach(row, "losing-streak", reason, now + rest)


_BREACHES = {
    "daily-loss": _daily_losses,
    "drawdown": _drawdowns,
    "losing-streak": _streaks,
}


def _by_bankroll(statement: str, after: Mapping[int, datetime | None]) -> dict[int, Decimal]:
    """Ask of each bankroll what came after a time; 0 where nothing did."""
    times = [_LONG_AGO if at is None else at.isoformat() for at in after.values()]
    with connection.cursor() as cursor:
        cursor.execute(statement, [list(after), times])
        found = dict(cursor.fetchall())
    return {id_: Decimal(found.get(id_) or 0) for id_ in after}


def _lost(bankroll: Bankroll, lost: Decimal) -> str:
    share = domain.share_lost(lost=lost, balance=bankroll.balance)
    return f"{bankroll} lost {lost:.2f} {bankroll.currency} ({share:.1%})"


def _allowed(limit: float) -> str:
    return f"{limit:.1%} give it a rest"
