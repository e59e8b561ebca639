"""Which limits count for a bankroll, and what stands in it."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from math import nan
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Count, Min, Q, Sum

from betting import queries
from betting.domain import groups as domain_groups
from betting.domain import limits, selecting
from betting.domain.exposure import Position
from betting.domain.limits import Bound, Dimension
from betting.models import Bankroll, Decision, Limit
from betting.queries import groups
from markets.models import Competition
from models_ml.models import Prediction

_SUM_TOLERATED = 0.005  # a whole percent would be an edge

_OPEN = """
    select b.bankroll_id, e.id, s.market_id, m.kind, e.home_id, e.away_id, e.competition_id,
           c.sport_id, b.selection_id, s.participant_id, b.book_id, b.strategy_id,
           case when a.id is not null then b.id end, count(*),
           sum(case b.side when 'BACK' then b.stake else -b.stake end * (b.price - 1)),
           sum(case b.side when 'BACK' then -b.stake else b.stake end),
           sum(b.liability)
    from betting_bet b
    join markets_selection s on s.id = b.selection_id
    join markets_market m on m.id = s.market_id
    join markets_event e on e.id = m.event_id
    join markets_competition c on c.id = e.competition_id
    left join betting_arbitrageleg l on l.bet_id = b.id
    left join betting_arbitrage a on a.id = l.arbitrage_id and a.state = 'PLACING'
    where b.bankroll_id = any(%s) and b.id is distinct from %s::bigint
      and b.status in ('RESERVED', 'UNKNOWN', 'ACCEPTED')
      and not exists (  -- its file told how it ended
          select from betting_trackedbet t where t.bet_id = b.id and t.told_outcome > '')
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13
"""  # a leg that may stand alone is netted with nothing
_STAKED = """
    select b.bankroll_id, b.strategy_id, count(*) filter (where is_today),
           coalesce(sum(b.liability) filter (where is_today), 0),
           coalesce(sum(b.liability) filter (where b.placed_at >= asked.week_from), 0)
    from unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[], %s::timestamptz[])
        as asked(id, day_from, day_until, week_from)
    join betting_bet b on b.bankroll_id = asked.id
        and b.placed_at >= least(asked.day_from, asked.week_from)
        and b.placed_at < asked.day_until
        and b.status not in ('REJECTED', 'CANCELLED') and b.id is distinct from %s::bigint
    cross join lateral (select b.placed_at >= asked.day_from as is_today) as told
    group by 1, 2
"""


def betting_week(
    *, at: datetime, time_zone: str, time_scale: float = 1.0
) -> tuple[datetime, datetime]:
    """Return the start and end (exclusive) of the betting week that holds ``at``.

    It begins on Monday in the zone; a fast calendar's weeks are seven of its days.

    >>> from datetime import UTC
    >>> start, end = betting_week(
    ...     at=datetime(2026, 10, 25, 12, tzinfo=UTC), time_zone="Europe/London")
    >>> str(start.astimezone(UTC)), str(end.astimezone(UTC))
    ('2026-10-18 23:00:00+00:00', '2026-10-26 00:00:00+00:00')
    """
    if time_scale != 1.0:
        return queries.betting_day(at=at, time_zone=time_zone, time_scale=time_scale / 7)
    day = at.astimezone(ZoneInfo(time_zone)).date()
    monday = day - timedelta(days=day.weekday())
    return (
        queries.day_bounds(day=monday, time_zone=time_zone)[0],
        queries.day_bounds(day=monday + timedelta(days=7), time_zone=time_zone)[0],
    )


def time_scales(bankrolls: Iterable[Bankroll]) -> dict[int, float]:
    """Return how fast the days of each bankroll go by; one query, where one is simulated."""
    rows = list(bankrolls)
    slowest = None
    if any(row.is_simulated for row in rows):
        leagues = Competition.objects.filter(is_simulated=True)
        slowest = leagues.aggregate(scale=Min("time_scale"))["scale"]
    return {row.pk: (slowest or 1.0) if row.is_simulated else 1.0 for row in rows}


def in_force(bankrolls: Iterable[Bankroll]) -> dict[int, dict[Dimension, Limit]]:
    """Return the rows that count for each bankroll; one query.

    Its own stands in place of the one for all; a replay risks no money, so it heeds its own
    alone: what it finds must not depend on when it ran.
    """
    rows = list(bankrolls)
    own = Q(bankroll__in=[row.pk for row in rows])
    found = list(Limit.objects.filter(own | Q(bankroll=None), is_enabled=True).order_by("pk"))
    for_all = {Dimension(row.dimension): row for row in found if row.bankroll_id is None}
    return {
        bankroll.pk: {
            **({} if bankroll.kind == Bankroll.Kind.REPLAY else for_all),
            **{Dimension(r.dimension): r for r in found if r.bankroll_id == bankroll.pk},
        }
        for bankroll in rows
    }


def bounds_of(rows: Mapping[Dimension, Limit]) -> dict[Dimension, Bound]:
    """Read rows as the bounds of the pure domain."""
    return {
        dimension: Bound(share=row.share, amount=row.amount, number=row.number)
        for dimension, row in rows.items()
    }


def usage(
    *,
    bankroll: Bankroll,
    as_of: datetime,
    dimensions: Collection[Dimension] = (),
    without: int | None = None,
) -> limits.Usage:
    """Return what stands in a bankroll: open, and staked in this day and week; two queries.

    What every strategy has a cap on is counted always, the other dimensions where they are asked.
    ``without``: a bet that does not count, for it is to be replaced.
    """
    counted = {Dimension.EVENT, Dimension.OPEN, *dimensions}
    found = usages(bankrolls=[bankroll], at=as_of, dimensions=counted, without=without)
    return found[bankroll.pk]


def usages(
    *,
    bankrolls: Sequence[Bankroll],
    at: datetime,
    dimensions: Collection[Dimension],
    without: int | None = None,
) -> dict[int, limits.Usage]:
    """Return what stands in each of several bankrolls; as many queries as for one."""
    found = open_usages(bankrolls=bankrolls, dimensions=dimensions, at=at, without=without)
    since = _since(bankrolls, at=at, with_week=Dimension.WEEK in dimensions)
    with connection.cursor() as cursor:
        cursor.execute(_STAKED, [*since, without])
        for bankroll_id, strategy_id, bets, day, week in cursor.fetchall():
            found[bankroll_id].stake(strategy_id=strategy_id, day=day, week=week, bets=bets)
    return found


def open_usages(
    *,
    bankrolls: Sequence[Bankroll],
    dimensions: Collection[Dimension],
    at: datetime | None = None,
    without: int | None = None,
) -> dict[int, limits.Usage]:
    """Return what stands open in each of several bankrolls; what was staked is left out.

    Who belongs to which group is read where limits on groups are asked, which takes ``at``.
    """
    counted = tuple(each for each in limits.EXPOSED if each in dimensions)
    grouped = _grouped(at=at) if any(each in limits.GROUPED for each in counted) else {}
    found = {
        row.pk: limits.Usage(
            balance=row.balance, currency=row.currency, counted=counted, groups=grouped
        )
        for row in bankrolls
    }
    with connection.cursor() as cursor:
        cursor.execute(_OPEN, [list(found), without])
        for bankroll_id, *columns, bets, won, lost, liability in cursor.fetchall():
            bet = _bet(*columns)
            found[bankroll_id].open(bet, won=won, lost=lost, liability=liability, bets=bets)
    if live := [row.pk for row in bankrolls if row.kind == Bankroll.Kind.LIVE]:
        risk = queries.outside_risk()
        for bankroll_id in live:
            found[bankroll_id].open_outside(risk)
    return found


def _grouped(*, at: datetime | None) -> dict[int, dict[Dimension, frozenset[int]]]:
    assert at is not None, "who is in which group depends on the moment"
    return domain_groups.by_dimension(groups.standing(at=at))


def _since(bankrolls: Sequence[Bankroll], *, at: datetime, with_week: bool) -> list[list[object]]:
    scales = time_scales(bankrolls)
    ids: list[object] = []
    starts: list[object] = []
    ends: list[object] = []
    weeks: list[object] = []
    for row in bankrolls:
        zone, scale = row.time_zone, scales[row.pk]
        start, end = queries.betting_day(at=at, time_zone=zone, time_scale=scale)
        week, _ = betting_week(at=at, time_zone=zone, time_scale=scale)
        ids.append(row.pk)
        starts.append(start)
        ends.append(end)
        weeks.append(week if with_week else start)
    return [ids, starts, ends, weeks]


def _bet(
    event_id: int,
    market_id: int,
    kind: str,
    home_id: int | None,
    away_id: int | None,
    competition_id: int,
    sport_id: int,
    selection_id: int,
    runner_id: int | None,
    book_id: int,
    strategy_id: int | None,
    apart: int | None,
) -> limits.Bet:
    """Return where bets count that are alike; what they pay is told apart."""
    return limits.Bet(
        position=Position(selection_id, is_lay=False, price=Decimal(2), stake=Decimal(0)),
        event_id=event_id,
        market_id=market_id,
        selections=selecting.SELECTIONS_OF.get(kind),
        participants=frozenset({home_id, away_id, runner_id} - {None}),  # type: ignore[arg-type]
        book_id=book_id,
        strategy_id=strategy_id,
        sport_id=sport_id,
        competition_id=competition_id,
        apart=apart,
    )


def soundness(*, decisions: Sequence[Decision]) -> Callable[[Decision], bool]:
    """Return how to tell whether the probabilities behind a decision are those of one market.

    All selections of a market, by one version from one feature row, come to 1; some of them to
    no more.  One query.
    """
    rows = {decision.prediction.feature_row_id for decision in decisions}
    versions = {decision.prediction.version_id for decision in decisions}
    found = {
        tuple(key): (total, count)
        for *key, total, count in Prediction.objects.filter(
            feature_row__in=rows, version__in=versions
        )
        .values_list("feature_row_id", "version_id", "selection__market_id")
        .annotate(total=Sum("probability"), count=Count("pk"))
        .order_by()
    }

    def is_sound(decision: Decision) -> bool:
        made, market = decision.prediction, decision.selection.market
        key = (made.feature_row_id, made.version_id, market.pk)
        total, count = found.get(key, (nan, 0))
        if count == selecting.SELECTIONS_OF.get(market.kind):
            return abs(total - 1.0) <= _SUM_TOLERATED
        return 0.0 < total <= 1.0 + _SUM_TOLERATED

    return is_sound
