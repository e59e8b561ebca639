"""Run the simulated league on the wall clock: history once, then what is due at each tick.

The rows of the catalogue are the whole state.  Which season is on, which matches are still to
be played and how far their prices were told is read from them; all else follows from the seed,
so a process that was away for hours goes on with the same league: matches that should have
begun meanwhile get their results, and the next season is laid from now.

No clock is faked.  A league hour lasts ``3600 / Competition.time_scale`` seconds, in the
seasons of the past as in the live one: whoever needs hours between two of its matches
multiplies the difference of their starts by ``time_scale``.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max

from markets.connectors import simulator
from markets.connectors.simulator import Fixture
from markets.domain import simulation
from markets.models import (
    Competition,
    Event,
    Season,
    Source,
    Sport,
)
from markets.services import closing, planning, recording
from monitoring.domain.progress import RunHandle
from monitoring.errors import Refused
from monitoring.services import audit

FIRST_START_HOURS = 0.8  # league hours from laying a season to its first start …
FIRST_START_AT_LEAST = timedelta(seconds=8)  # … but time enough to predict and decide
SEEN_ALIVE_EVERY = timedelta(seconds=10)
SLICE = timedelta(hours=3)
MANY_PRICES = 1_000
OPEN = (Event.Status.SCHEDULED, Event.Status.LIVE)

# A row goes when the next one takes its place before any moment that is kept.  The millisecond
# forgives that Python and PostgreSQL round a fraction of an hour differently.
_RETIRE = """
    with moment as (
        select se.id as selection_id,
               array(select e.starts_at - make_interval(secs => h * 3600 / c.time_scale)
                            + interval '1 ms'
                     from unnest(%(hours)s::float8[]) h) as kept,
               e.starts_at - make_interval(secs => 48 * 3600 / c.time_scale) as not_before
        from markets_event e
        join markets_competition c on c.id = e.competition_id and c.is_simulated
        join markets_market m on m.event_id = e.id
        join markets_selection se on se.market_id = m.id
        where e.starts_at >= %(since)s and e.starts_at < %(until)s
    ), quoted as (
        select s.selection_id, s.book_id, s.seen_at, moment.kept,
               lead(s.seen_at) over (
                   partition by s.selection_id, s.book_id order by s.seen_at) as next_at
        from markets_pricesnapshot s join moment using (selection_id)
        where s.seen_at >= (select min(not_before) from moment) and s.seen_at < %(until)s
    )
    delete from markets_pricesnapshot p using quoted q
    where p.selection_id = q.selection_id and p.book_id = q.book_id and p.seen_at = q.seen_at
      and p.seen_at < %(until)s
      and q.next_at is not null
      and not exists (
          select from unnest(q.kept) k where k >= q.seen_at and k < q.next_at)
"""
# Nobody asks again for the order book of an invented race.
_RETIRE_LADDERS = """
    delete from markets_laddersnapshot l
    using markets_selection se, markets_market m, markets_event e, markets_competition c
    where l.selection_id = se.id and m.id = se.market_id and e.id = m.event_id
      and c.id = e.competition_id and c.is_simulated
      and e.starts_at >= %(since)s and e.starts_at < %(until)s
      and l.seen_at >= %(since)s - interval '3 days' and l.seen_at < %(until)s
"""


class SimulatorOff(Refused):
    """The simulator is switched off in this installation."""


def create_history(
    *,
    seasons: int,
    seed: int,
    now: datetime,
    actor: str,
    progress: RunHandle | None = None,
) -> dict[str, int]:
    """Found the league with some finished seasons behind it; a league that stands is left alone.

    The seasons lie directly before ``now``, in the same compressed calendar as the live one.
    All of it is one transaction, so no half history is ever seen.

    Raises:
        SimulatorOff: SIMULATOR_ENABLED is false.
    """
    if not settings.ENVIRONMENT.simulator_enabled:
        raise SimulatorOff("SIMULATOR_ENABLED is false in this installation")
    counts = _nothing()
    with transaction.atomic():
        _lock_wait()
        if Competition.objects.filter(code=simulator.COMPETITION).exists():
            return counts
        source = _found(seed=seed)
        time_scale = settings.ENVIRONMENT.simulator_speed
        for number, fixtures in _past(seasons, seed=seed, time_scale=time_scale, now=now):
            _record(source, seed, {number: fixtures}, time_scale=time_scale, now=now, to=counts)
            counts["seasons"] += 1
            if progress:
                progress.progress(done=number, total=seasons, message=f"season {number}")
        _plan_anew(counts)
        counts["closes"] = closing.record_closes(as_of=now, now=now)
        audit.record(
            actor=actor,
            action="markets.create_simulated_history",
            subject=source,
            at=now,
            seed=seed,
            **counts,
        )
    return counts


def tick(*, now: datetime) -> dict[str, int]:
    """Record what became due in the league: calendar, prices, starts, results, closes.

    Idempotent, and of two ticks at once one does nothing.  Nothing is due while the simulator
    is switched off, its source disabled, or no league was founded.
    """
    counts = _nothing()
    if not settings.ENVIRONMENT.simulator_enabled:
        return counts
    with transaction.atomic():
        if not _lock_at_once():
            return counts
        league = Competition.objects.filter(code=simulator.COMPETITION).first()
        source = Source.objects.filter(code=simulator.CODE, is_enabled=True).first()
        if league is None or source is None:
            return counts
        seed = seed_of(source)
        due, starting = _due(league, seed, now=now)
        if not due and not Event.objects.filter(competition=league, status__in=OPEN).exists():
            due = _next_season(league, seed, now=now)
            counts["seasons"] = len(due)
        _record(source, seed, due, time_scale=league.time_scale, now=now, to=counts)
        _plan_anew(counts)
        if starting:
            counts["closes"] = closing.record_closes(as_of=now, now=now, event_ids=starting)
        _seen_alive(source, now=now)
    return counts


def retire(*, now: datetime, keep: timedelta, look_back: timedelta = timedelta(days=2)) -> int:
    """Thin out the prices of simulated matches that began before ``now - keep``.

    What stays per selection and book is the price in force at the opening, at the last stage
    of the features ladder and at the close, so features and closes come out the same again.
    Their order books go altogether.
    Only matches of the last ``look_back`` before that moment are looked at; return how many
    rows went.
    """
    until = now - keep
    hours = [float(simulation.STEPS[step]) for step in simulation.KEPT_STEPS]
    gone = 0
    with connection.cursor() as cursor:
        for since in _slices(until - look_back, until):
            span: dict[str, Any] = {
                "since": since,
                "until": min(since + SLICE, until),
                "hours": hours,
            }
            for statement in (_RETIRE, _RETIRE_LADDERS):
                cursor.execute(statement, span)
                gone += int(cursor.rowcount)
    return gone


def _slices(since: datetime, until: datetime) -> Iterator[datetime]:
    """Yield the beginnings of slices small enough for one statement."""
    while since < until:
        yield since
        since += SLICE


def _nothing() -> dict[str, int]:
    return {"seasons": 0, "events": 0, "prices": 0, "results": 0, "closes": 0}


def _past(
    seasons: int, *, seed: int, time_scale: float, now: datetime
) -> Iterator[tuple[int, list[Fixture]]]:
    """Yield each finished season's number and matches, the last one ending at ``now``."""
    length = simulation.duration(simulation.SEASON_LENGTH, time_scale=time_scale)
    for number in range(1, seasons + 1):
        first_start = _whole_second(now - (seasons + 1 - number) * length)
        yield (
            number,
            simulator.calendar(
                seed=seed, number=number, first_start=first_start, time_scale=time_scale
            ),
        )


def _found(*, seed: int) -> Source:
    """Make what the league stands on: its source and the league itself, marked as simulated."""
    sport, _ = Sport.objects.get_or_create(code="soccer", defaults={"name": "Soccer"})
    league = simulator.competition(time_scale=settings.ENVIRONMENT.simulator_speed)
    Competition.objects.create(
        sport=sport,
        code=league.code,
        name=league.name,
        is_simulated=True,
        time_scale=league.time_scale,
    )
    source, _ = Source.objects.get_or_create(
        code=simulator.CODE,
        defaults={
            "name": "Simulator",
            "location": f"simulator://{simulator.COMPETITION}?seed={seed}",
            "cadence_seconds": 60,
            "creates_names": True,
            "is_simulated": True,
        },
    )
    return source


def seed_of(source: Source) -> int:
    """Return the seed that the league was founded with; it stands in the source's address."""
    return int(parse_qs(urlsplit(source.location).query)["seed"][0])


def _due(
    league: Competition, seed: int, *, now: datetime
) -> tuple[dict[int, list[Fixture]], list[int]]:
    """Return matches with open prices or not over, by season number; and the events starting."""
    opening = simulation.duration(simulation.STEPS[0], time_scale=league.time_scale)
    rows = (
        Event.objects.filter(competition=league, status__in=OPEN, starts_at__lte=now + opening)
        .annotate(priced_until=Max("markets__selections__latest_prices__confirmed_at"))
        .values_list(
            "pk", "season__label", "home__name", "away__name", "starts_at", "status", "priced_until"
        )
    )
    due: dict[int, list[Fixture]] = defaultdict(list)
    starting: list[int] = []
    for event_id, label, home, away, starts_at, status, priced_until in rows:
        if status == Event.Status.SCHEDULED and starts_at <= now:
            starting.append(event_id)
        number = simulator.season_number(label)
        match = simulator.pairings(seed, number)[home, away]
        due[number].append(Fixture(match, starts_at, status, priced_until))
    return due, starting


def _next_season(league: Competition, seed: int, *, now: datetime) -> dict[int, list[Fixture]]:
    latest = Season.objects.filter(competition=league).aggregate(label=Max("label"))["label"]
    number = simulator.season_number(latest) + 1 if latest else 1
    lead = simulation.duration(FIRST_START_HOURS, time_scale=league.time_scale)
    fixtures = simulator.calendar(
        seed=seed,
        number=number,
        first_start=_whole_second(now + max(lead, FIRST_START_AT_LEAST)),
        time_scale=league.time_scale,
    )
    return {number: fixtures}


def _record(
    source: Source,
    seed: int,
    due: dict[int, list[Fixture]],
    *,
    time_scale: float,
    now: datetime,
    to: dict[str, int],
) -> None:
    """Record what is to be told of the matches, and add it to the counts."""
    for number, fixtures in due.items():
        batch = simulator.tell(
            seed=seed, number=number, fixtures=fixtures, at=now, time_scale=time_scale
        )
        if not batch.events:
            continue
        counts = recording.record(batch=batch, source=source, now=now)
        to["events"] += counts.events.new + counts.events.changed
        to["prices"] += counts.prices.new
        to["results"] += counts.results.new


def _plan_anew(counts: dict[str, int]) -> None:
    """Have the tables counted after much came at once: a history, or what a long absence left."""
    if counts["prices"] >= MANY_PRICES:
        planning.refresh_statistics()


def _whole_second(at: datetime) -> datetime:
    return at.replace(microsecond=0)


def _seen_alive(source: Source, *, now: datetime) -> None:
    """Say that the source was read, at most every few seconds: an idle tick writes nothing."""
    Source.objects.filter(pk=source.pk).exclude(last_success_at__gt=now - SEEN_ALIVE_EVERY).update(
        last_attempt_at=now, last_success_at=now, failures_in_a_row=0
    )


def _lock_at_once() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("select pg_try_advisory_xact_lock(hashtext('markets.simulating'))")
        return bool(cursor.fetchone()[0])


def _lock_wait() -> None:
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(hashtext('markets.simulating'))")
