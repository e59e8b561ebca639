"""What a source owes: what must have happened by now and was not told, though it was read well.

A look that finds nothing new is well while nothing is due.  It is not when events began long
ago and have no result, or when a league that always has matches ahead has none.
"""

from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Count, Exists, Min, OuterRef

from markets.domain import levels, simulation
from markets.models import Event, EventAlias, Fetch, LatestPrice, Result, Source
from markets.queries import sources
from markets.queries.sources import SourceHealth
from monitoring import thresholds

_EMPTY = {Fetch.State.NOTHING_NEW, Fetch.State.EMPTY}
OPEN = (Event.Status.SCHEDULED, Event.Status.LIVE)

_LEAGUE = """
    select c.time_scale, e.starts_at,
           (select max(l.confirmed_at)
            from markets_market m
            join markets_selection s on s.market_id = m.id
            join markets_latestprice l on l.selection_id = s.id
            where m.event_id = e.id)
    from markets_event e join markets_competition c on c.id = e.competition_id
    where c.is_simulated and e.status in ('SCHEDULED', 'LIVE')
      and e.starts_at <= %(now)s + make_interval(secs => %(opening)s * 3600 / c.time_scale)
"""
_LAST_OF_A_LEAGUE = """
    select c.time_scale, max(e.starts_at)
    from markets_competition c join markets_event e on e.competition_id = c.id
    where c.is_simulated and not exists (
        select from markets_source s
        where s.is_simulated and s.options #>> array['sports', c.code::text, 'stopped'] = 'true')
    group by c.id
"""


def owed_by(*, source: SourceHealth, now: datetime) -> str:
    """Return what a source should have told by now, in words; "" where it owes nothing."""
    patience = sources.patience(cadence_seconds=source.cadence_seconds)
    if source.is_simulated:
        return _owed_by_the_simulator(now=now, patience=patience)
    if not _was_empty_each_time(source_id=source.pk):
        return ""
    return _results_owed(source_id=source.pk, now=now, patience=patience) or _prices_owed(
        source_id=source.pk, now=now
    )


def _was_empty_each_time(*, source_id: int) -> bool:
    ended = Fetch.objects.filter(source_id=source_id).exclude(state=Fetch.State.RUNNING)
    at_most = thresholds.whole(levels.EMPTY_LOOKS)
    states = ended.order_by("-started_at").values_list("state", flat=True)[:at_most]
    return len(states) == at_most and set(states) <= _EMPTY


def _results_owed(*, source_id: int, now: datetime, patience: timedelta) -> str:
    """Tell of events without a result in the competitions whose results this source brings."""
    brings = Result.objects.filter(source_id=source_id, event__competition=OuterRef("competition"))
    owed = Event.objects.filter(
        Exists(brings),
        status__in=OPEN,
        starts_at__range=(now - thresholds.span(levels.GIVEN_UP_AFTER), now - patience),
    ).aggregate(n=Count("pk"), first=Min("starts_at"))
    return _no_result(owed["n"], owed["first"]) if owed["n"] else ""


def _prices_owed(*, source_id: int, now: datetime) -> str:
    """Tell of events about to begin without a price where a source that brings prices plays.

    Its competitions are those whose events carry its ids, or whose results it told.
    """
    brought = Fetch.objects.filter(
        source_id=source_id,
        started_at__gt=now - thresholds.span(levels.BROUGHT_WITHIN),
        counts__prices__new__gt=0,
    )
    if not brought.exists():
        return ""
    source = Source.objects.get(pk=source_id)
    of_these = {"event__competition": OuterRef("competition")}
    owed = Event.objects.filter(
        Exists(EventAlias.objects.filter(namespace=source.ids_of, **of_these))
        | Exists(Result.objects.filter(source_id=source_id, **of_these)),
        ~Exists(LatestPrice.objects.filter(selection__market__event=OuterRef("pk"))),
        status=Event.Status.SCHEDULED,
        starts_at__range=(now, now + thresholds.span(levels.PRICED_AHEAD)),
    ).aggregate(n=Count("pk"), first=Min("starts_at"))
    if not owed["n"]:
        return ""
    return f"no prices of {owed['n']} events, the first begins {_moment(owed['first'])}"


def _owed_by_the_simulator(*, now: datetime, patience: timedelta) -> str:
    """Hold the league against its own calendar: results, prices, matches ahead."""
    with connection.cursor() as cursor:
        cursor.execute(_LEAGUE, {"now": now, "opening": float(simulation.STEPS[0])})
        rows = cursor.fetchall()
        cursor.execute(_LAST_OF_A_LEAGUE)
        last = cursor.fetchall()
    by = now - patience
    over = [starts_at for scale, starts_at, _ in rows if _over_at(starts_at, scale) <= by]
    if over:
        return _no_result(len(over), min(over))
    unpriced = [
        starts_at
        for scale, starts_at, told_until in rows
        if starts_at > now and _is_untold(starts_at, told_until, scale, by)
    ]
    if unpriced:
        return f"no prices of {len(unpriced)} events, the first begins {_moment(min(unpriced))}"
    if any(_over_at(starts_at, scale) <= by for scale, starts_at in last):
        return "no event ahead"
    return ""


def _over_at(starts_at: datetime, time_scale: float) -> datetime:
    return starts_at + simulation.duration(simulation.RESULT_AFTER, time_scale=time_scale)


def _is_untold(
    starts_at: datetime, told_until: datetime | None, time_scale: float, by: datetime
) -> bool:
    """Say whether prices of a step before ``by`` are missing."""
    hour = simulation.duration(1.0, time_scale=time_scale)
    left = (starts_at - by) / hour
    passed = [step for step in simulation.STEPS.tolist() if step >= left]
    if not passed:
        return False
    latest = starts_at - min(passed) * hour
    return told_until is None or told_until < latest - timedelta(milliseconds=1)


def _no_result(count: int, first: datetime) -> str:
    return f"no result of {count} events, the first began {_moment(first)}"


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
