"""Giving a bankroll a rest that loses too much: in a day, since its best, or bet after bet.

What is lost is what settlements moved, corrections by their difference; open bets do not count
yet.  Looked at after settling, and again by every later run, so a worker that dies between the
two delays a halt by one run at most.  Each rule sets one halt, on the bankroll alone.  Once that
halt is lifted or over, its rule counts anew from there: who lifts it gives the limit once more.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import connection
from django.db.models import Q

from betting import queries as betting
from betting.domain.limits import Bound, Dimension
from betting.models import Bankroll, Bet, TradingHalt
from betting.services import breaking, halting, limiting
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
WEEKLY_LOSS = declare(
    "settlements.weekly-loss", 0, "share",
    "A bankroll that loses this share of its money in one betting week stakes nothing until the"
    " next one begins, on Monday in its own zone; 0: never.",
    lowest=0, highest=1,
)  # fmt: skip
DRAWDOWN = declare(
    "settlements.drawdown", 0, "share",
    "A bankroll that is this share below its best is left to cool down; 0: never.",
    lowest=0, highest=1,
)  # fmt: skip
DRAWDOWN_COOL_DOWN = declare(
    "settlements.drawdown-cool-down", 30, "min",
    "A bankroll that fell too far below its best stakes nothing for so long, shorter in a league"
    " that runs faster than the calendar, then one bet tries; 0: until somebody lifts it.",
    lowest=0, highest=10_080,
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
    "weekly-loss": WEEKLY_LOSS,
    "drawdown": DRAWDOWN,
    "losing-streak": LOSING_STREAK,
}
"""The names that halts bear as their rule, and the number that decides where no row does."""
_ROWS = {
    "daily-loss": Dimension.DAILY_LOSS,
    "weekly-loss": Dimension.WEEKLY_LOSS,
    "drawdown": Dimension.DRAWDOWN,
    "losing-streak": Dimension.LOSING_STREAK,
}

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


@dataclass(frozen=True, slots=True)
class Rest:
    """When a bankroll's last halt by a rule was over, and whether it was by the clock."""

    over: datetime
    is_by_clock: bool


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

    Without a limit, by threshold or row, no bet is read.  Replays are left alone.
    """
    bankrolls = {row.pk: row for row in Bankroll.objects.filter(replay=None).order_by("pk")}
    limits = _limits(bankrolls.values())
    if not any(limits.values()):
        return
    standing = set(
        betting.active_halts(at=now)
        .filter(scope=TradingHalt.Scope.BANKROLL)
        .values_list("rule", "scope_id")
    )
    for rule, bounds in limits.items():
        asked = {id_: bound for id_, bound in bounds.items() if (rule, id_) not in standing}
        if asked:
            rested = _rested(rule=rule, bankroll_ids=asked)
            yield from _BREACHES[rule]([bankrolls[id_] for id_ in asked], rested, asked, now)


def _limits(bankrolls: Iterable[Bankroll]) -> dict[str, dict[int, Bound]]:
    """Return what each bankroll may lose, by rule: its row's word, else the threshold's."""
    rows = limiting.rests(bankrolls=bankrolls)
    found: dict[str, dict[int, Bound]] = {}
    for rule, threshold in RULES.items():
        value = thresholds.value(threshold)
        counts = threshold is LOSING_STREAK
        general = Bound(number=Decimal(str(value))) if counts else Bound(share=value)
        found[rule] = {
            id_: bound
            for id_, row in rows.items()
            if (bound := row.get(_ROWS[rule], general if value else None)) is not None
        }
    return found


def _rested(*, rule: str, bankroll_ids: Collection[int]) -> dict[int, Rest]:
    """Return when the last halt of a rule was over, and whether the clock ended it."""
    over = (
        TradingHalt.objects.filter(
            scope=TradingHalt.Scope.BANKROLL, rule=rule, scope_id__in=list(bankroll_ids)
        )
        .exclude(lifted_at=None)
        .order_by("scope_id", "-lifted_at", "-pk")
        .distinct("scope_id")
    )
    return {
        halt.scope_id: Rest(halt.lifted_at, halt.lifted_by == halting.CLOCK)
        for halt in over
        if halt.scope_id is not None and halt.lifted_at is not None
    }


Bounds = Mapping[int, Bound]
Rested = Mapping[int, Rest]


def _daily_losses(
    bankrolls: Sequence[Bankroll], rested: Rested, bounds: Bounds, now: datetime
) -> Iterator[Breach]:
    days = {row.pk: betting.day_of(bankroll=row, at=now) for row in bankrolls}
    for row, lost in _lost_in(days, bankrolls, rested, bounds):
        reason = f"{_lost(row, lost)} in its betting day; {_allowed(bounds[row.pk])}"
        yield Breach(row, "daily-loss", reason, days[row.pk][1])


def _weekly_losses(
    bankrolls: Sequence[Bankroll], rested: Rested, bounds: Bounds, now: datetime
) -> Iterator[Breach]:
    weeks = {row.pk: limiting.week_of(bankroll=row, at=now) for row in bankrolls}
    for row, lost in _lost_in(weeks, bankrolls, rested, bounds):
        reason = f"{_lost(row, lost)} in its betting week; {_allowed(bounds[row.pk])}"
        yield Breach(row, "weekly-loss", reason, weeks[row.pk][1])


def _lost_in(
    spans: Mapping[int, tuple[datetime, datetime]],
    bankrolls: Sequence[Bankroll],
    rested: Rested,
    bounds: Bounds,
) -> Iterator[tuple[Bankroll, Decimal]]:
    """Yield the bankrolls that lost too much since their span began, or since the last rest."""
    instant = timedelta(microseconds=1)  # a span includes its first moment
    after = {
        id_: max(begins - instant, rested[id_].over if id_ in rested else begins - instant)
        for id_, (begins, _) in spans.items()
    }
    lost = _by_bankroll(_LOST_SINCE, after)
    for row in bankrolls:
        if _is_reached(row, lost[row.pk], bounds[row.pk]):
            yield row, lost[row.pk]


def _drawdowns(
    bankrolls: Sequence[Bankroll], rested: Rested, bounds: Bounds, now: datetime
) -> Iterator[Breach]:
    """Yield who is too far below its best; after a cool-down, who lost at all until a win."""
    lost = _by_bankroll(_LOST_SINCE_BEST, _since(bankrolls, rested))
    trying, rest = _trying(rested, now=now), thresholds.span(DRAWDOWN_COOL_DOWN)
    for row in bankrolls:
        is_tried = row.pk in trying and lost[row.pk] > 0
        if is_tried or _is_reached(row, lost[row.pk], bounds[row.pk]):
            reason = f"{_lost(row, lost[row.pk])} since its best; {_allowed(bounds[row.pk])}"
            until = now + rest / betting.time_scale(row) if rest else None
            yield Breach(row, "drawdown", reason, until)


def _streaks(
    bankrolls: Sequence[Bankroll], rested: Rested, bounds: Bounds, now: datetime
) -> Iterator[Breach]:
    """Yield who lost too many in a row; after a cool-down one is, until a win closes it."""
    in_a_row = _by_bankroll(_LOST_IN_A_ROW, _since(bankrolls, rested))
    trying = _trying(rested, now=now)
    for row in bankrolls:
        number = bounds[row.pk].number or Decimal(0)
        if in_a_row[row.pk] >= (1 if row.pk in trying else number):
            rest = thresholds.span(COOL_DOWN) / betting.time_scale(row)
            reason = f"{row} lost {in_a_row[row.pk]} bets in a row; {number:.0f} give it a rest"
            yield Breach(row, "losing-streak", reason, now + rest)


def _trying(rested: Rested, *, now: datetime) -> set[int]:
    """Return the bankrolls whose breaker is half open: cooled down, nothing won since."""
    since = now - breaking.LONGEST
    cooled = {id_: rest.over for id_, rest in rested.items() if rest.is_by_clock}
    cooled = {id_: over for id_, over in cooled.items() if over > since}
    if not cooled:
        return set()
    asked = Q(pk__in=[])
    for id_, over in cooled.items():
        asked |= Q(bankroll=id_, settled_at__gt=over)
    won = Bet.objects.filter(asked, profit__gt=0).values_list("bankroll_id", flat=True)
    return set(cooled) - set(won)


def _since(bankrolls: Sequence[Bankroll], rested: Rested) -> dict[int, datetime | None]:
    return {row.pk: rested[row.pk].over if row.pk in rested else None for row in bankrolls}


_BREACHES = {
    "daily-loss": _daily_losses,
    "weekly-loss": _weekly_losses,
    "drawdown": _drawdowns,
    "losing-streak": _streaks,
}


def _is_reached(bankroll: Bankroll, lost: Decimal, bound: Bound) -> bool:
    return domain.is_reached(
        lost=lost, balance=bankroll.balance, limit=bound.share, amount=bound.amount
    )


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


def _allowed(bound: Bound) -> str:
    parts = [] if bound.share is None else [f"{bound.share:.1%}"]
    if bound.amount is not None:
        parts.append(f"{bound.amount:.2f}")
    return f"{' or '.join(parts)} give it a rest"
