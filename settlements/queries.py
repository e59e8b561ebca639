"""What was settled, what money moved, how well it went.

Live figures leave replays out.  Simulated and real money, paper and live, and different
currencies are never added up: ``groups`` keeps them apart, ``performance`` refuses a mixture.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
from django.db import connection
from django.db.models import Q, QuerySet

from betting.models import Bankroll
from monitoring.errors import Refused
from settlements.domain import performance as figures
from settlements.domain.performance import EventSums, Performance, Steps
from settlements.models import BetValue, LedgerTransfer, Settlement

ZERO = Decimal("0.00")


class MixedFigures(Refused):
    """Simulated and real, paper and live, or two currencies: no sum of them means anything."""


@dataclass(frozen=True, slots=True)
class Group:
    """Bankrolls whose money may be added up."""

    kind: str
    is_simulated: bool
    currency: str
    bankroll_ids: tuple[int, ...]

    @property
    def title(self) -> str:
        label = f"{Bankroll.Kind(self.kind).label}, {self.currency}"
        return f"{label} (SIMULATED)" if self.is_simulated else label


@dataclass(frozen=True, slots=True)
class Totals:
    """The plain sums of a group, cheap enough for every scrape of the metrics page."""

    bets: int
    turnover: Decimal
    profit: Decimal
    clv: float | None  # mean, margin-free


@dataclass(frozen=True, slots=True)
class EquityPoint:
    at: datetime
    equity: Decimal
    profit: Decimal  # of this moment's settlements


@dataclass(frozen=True, slots=True)
class Overdue:
    """An accepted bet that a known result should have settled."""

    bet_id: int
    bankroll_id: int
    market_id: int
    known_at: datetime


def settlements() -> QuerySet[Settlement]:
    """Return settlements, newest first, with what a list shows of them."""
    return Settlement.objects.select_related(
        "bet__bankroll", "bet__book", "bet__selection__market__event", "result"
    ).order_by("-settled_at", "-pk")


def transfers() -> QuerySet[LedgerTransfer]:
    """Return ledger transfers, newest first, with both accounts."""
    return LedgerTransfer.objects.select_related(
        "debit__bankroll",
        "debit__book",
        "credit__bankroll",
        "credit__book",
        "settlement",
        "reverses",
    ).order_by("-at", "-pk")


def values() -> QuerySet[BetValue]:
    """Return bets held against their close, latest valued first."""
    return BetValue.objects.select_related(
        "bet__bankroll", "bet__book", "bet__selection__market__event"
    ).order_by("-valued_at", "-pk")


def bankrolls_to_settle() -> list[int]:
    """Return the ids of all bankrolls but those of a replay under way."""
    not_replaying = Q(replay__isnull=True) | Q(replay__finished_at__isnull=False)
    return list(Bankroll.objects.filter(not_replaying).values_list("pk", flat=True))


def overdue(*, as_of: datetime, limit: timedelta, most: int = 500) -> list[Overdue]:
    """Return accepted bets whose result was known for longer than ``limit``, oldest first.

    Those whose result is disputed wait for a person, and those on a match put off for the longest
    time that any rule set gives it; neither is overdue.
    """
    ids = bankrolls_to_settle()
    with connection.cursor() as cursor:
        cursor.execute(_OVERDUE, {"before": as_of - limit, "ids": ids, "most": most})
        return [Overdue(*row) for row in cursor.fetchall()]


def groups(*, simulated: bool | None = None) -> list[Group]:
    """Return the live bankrolls by what may be added up: real before simulated."""
    live = Bankroll.objects.exclude(kind=Bankroll.Kind.REPLAY)
    if simulated is not None:
        live = live.filter(is_simulated=simulated)
    found: dict[tuple[bool, str, str], list[int]] = {}
    for bankroll in live.order_by("is_simulated", "kind", "currency", "pk"):
        key = (bankroll.is_simulated, bankroll.kind, bankroll.currency)
        found.setdefault(key, []).append(bankroll.pk)
    return [
        Group(kind, is_simulated, currency, tuple(ids))
        for (is_simulated, kind, currency), ids in found.items()
    ]


def performance(
    *,
    bankroll_ids: Sequence[int] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    seed: int = 0,
) -> Performance:
    """Return the figures of the bets settled in [since, until).

    Without ``bankroll_ids``: all real bankrolls, no replays.

    Raises:
        MixedFigures: the bankrolls' figures do not add up to anything.
    """
    ids = compatible(bankroll_ids)
    window = {"ids": ids, "since": since, "until": until}
    opening = _opening(window)
    with connection.cursor() as cursor:
        cursor.execute(_BY_EVENT, window)
        rows = np.array(cursor.fetchall(), dtype=np.float64).reshape(-1, 12).T
        cursor.execute(_BY_MOMENT, window)
        moments = cursor.fetchall()
    steps = Steps(
        profit=np.array([cents for _, cents, _ in moments], dtype=np.int64),
        day=np.array([day for _, _, day in moments], dtype=np.int64),
    )
    return figures.measure(events=_event_sums(rows), steps=steps, opening=opening, seed=seed)


def of(
    group: Group, *, since: datetime | None = None, until: datetime | None = None
) -> Performance:
    """Return the figures of one group."""
    return performance(bankroll_ids=group.bankroll_ids, since=since, until=until)


def totals(group: Group) -> Totals:
    """Return the plain sums of a group's betting days, all of them; void bets are in none."""
    with connection.cursor() as cursor:
        cursor.execute(_TOTALS, {"ids": list(group.bankroll_ids)})
        return Totals(*cursor.fetchone())


def _event_sums(rows: np.ndarray) -> EventSums:
    """Read the columns of ``_BY_EVENT``; money in minor units is exact in a double below 2**53."""
    whole = rows.astype(np.int64)
    return EventSums(*whole[:7], *rows[7:10], *whole[10:])


def equity(
    *,
    bankroll_ids: Sequence[int] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[EquityPoint]:
    """Return the money by moment of settlement, first the opening balance at ``since``.

    Deposits and withdrawals of the window count as there from its beginning, so that they make
    no peak and no fall.
    """
    window = {"ids": compatible(bankroll_ids), "since": since, "until": until}
    money = _opening(window)
    with connection.cursor() as cursor:
        cursor.execute(_BY_MOMENT, window)
        moments = cursor.fetchall()
    if not moments:
        return []
    points = [EquityPoint(since or moments[0][0], money, ZERO)]
    for at, cents, _ in moments:
        profit = Decimal(cents).scaleb(-2)
        money += profit
        points.append(EquityPoint(at, money, profit))
    return points


def compatible(bankroll_ids: Sequence[int] | None) -> list[int]:
    """Return bankrolls whose figures add up; without ids all real ones, no replays.

    Raises:
        MixedFigures: they are of different sorts.
    """
    if bankroll_ids is None:
        chosen = Bankroll.objects.filter(is_simulated=False).exclude(kind=Bankroll.Kind.REPLAY)
    else:
        chosen = Bankroll.objects.filter(pk__in=bankroll_ids)
    rows = list(chosen.values_list("pk", "kind", "is_simulated", "currency"))
    if len({row[1:] for row in rows}) > 1:
        raise MixedFigures(f"bankrolls {sorted(row[0] for row in rows)} are of different sorts")
    return [row[0] for row in rows]


def _opening(window: Mapping[str, Any]) -> Decimal:
    with connection.cursor() as cursor:
        cursor.execute(_OPENING, window)
        return Decimal(cursor.fetchone()[0])


_SETTLED = """
from betting_bet b
join betting_bankroll k on k.id = b.bankroll_id
where b.bankroll_id = any(%(ids)s) and b.status = 'SETTLED'
  and (%(since)s::timestamptz is null or b.settled_at >= %(since)s)
  and (%(until)s::timestamptz is null or b.settled_at < %(until)s)
"""
_BY_EVENT = f"""
with bets as (
    select b.id, b.selection_id, b.outcome <> 'VOID' as counts, (b.liability * 100)::bigint as base,
           (b.profit * 100)::bigint as profit
    {_SETTLED}
)
select count(*) filter (where counts), count(*) filter (where not counts),
       coalesce(sum(base) filter (where counts), 0)::bigint,
       coalesce(sum(profit) filter (where counts), 0)::bigint,
       count(*) filter (where counts and profit > 0), count(*) filter (where profit <> 0),
       count(v.clv), coalesce(sum(v.clv), 0), coalesce(sum(v.clv_raw), 0),
       coalesce(sum(v.clv * base), 0),
       coalesce(sum(base) filter (where v.clv is not null), 0)::bigint,
       count(*) filter (where v.clv > 0)
from bets
join markets_selection s on s.id = bets.selection_id
join markets_market m on m.id = s.market_id
left join settlements_betvalue v on v.bet_id = bets.id and bets.counts
group by m.event_id order by m.event_id
"""
_BY_MOMENT = f"""
select b.settled_at, (sum(b.profit) * 100)::bigint,
       (b.settled_at at time zone k.time_zone)::date - date '1970-01-01'
{_SETTLED}
group by b.settled_at, k.time_zone order by b.settled_at
"""
_TOTALS = """
select coalesce(sum(bets), 0)::bigint, coalesce(sum(turnover), 0), coalesce(sum(profit), 0),
       (sum(clv) / nullif(sum(valued), 0))::float8
from settlements_performanceday
where bankroll_id = any(%(ids)s) and cut = 'ALL' and strategy_id is null
"""
_OPENING = """
select coalesce(sum(k.balance - coalesce(made.profit, 0)), 0)
from betting_bankroll k
left join lateral (
    select sum(b.profit) as profit from betting_bet b
    where b.bankroll_id = k.id and b.status = 'SETTLED'
      and (%(since)s::timestamptz is null or b.settled_at >= %(since)s)
) made on true
where k.id = any(%(ids)s)
"""
_OVERDUE = """
select b.id, b.bankroll_id, m.id, min(r.known_at)
from betting_bet b
join markets_selection s on s.id = b.selection_id
join markets_market m on m.id = s.market_id
join markets_event e on e.id = m.event_id
join markets_result r on r.event_id = m.event_id and r.known_at <= %(before)s
  and r.status not in ('INTERRUPTED', 'WITHDRAWN')
  and (r.status <> 'POSTPONED' or e.starts_at + make_interval(hours => coalesce(
        (select max((terms->>'postponed_hours')::int) from settlements_ruleset), 0)) <= %(before)s)
where b.status = 'ACCEPTED' and b.bankroll_id = any(%(ids)s)
  and not exists (select 1 from markets_resultdispute d
                  where d.event_id = m.event_id and d.state = 'OPEN')
group by b.id, b.bankroll_id, m.id order by 4, b.id limit %(most)s
"""
