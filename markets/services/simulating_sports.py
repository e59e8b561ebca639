"""Run the simulated leagues of other sports beside the soccer league, once somebody asks for them.

Their state is small and lies in the options of the source ``simulator``: per league the season,
where its calendar begins, and up to when was told.  All else follows from the seed, so a process
that was away goes on with the same leagues.  The soccer league (``simulating``) knows nothing of
them.  ``chaos`` makes the source fail for spans of time, as real ones do.
"""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F

from markets.connectors.simulator import CODE
from markets.connectors.simulator_sports import Teller
from markets.domain import simulation, simulation_sports
from markets.domain.simulation_sports import League
from markets.models import Fetch, Source
from markets.services import recording, simulating
from monitoring.errors import Refused, TemporarilyFailed
from monitoring.services import audit

SPORTS, CHAOS = "sports", "chaos"  # keys of the source's options
STOPPED = "stopped"  # of a league's state: it stands still until somebody resumes it
LOCK = "hashtext('markets.simulating_sports')"
FIRST_START_HOURS = 1.5
KEPT_FAILURES_APART = timedelta(seconds=30)


class NoSimulator(Refused):
    """The simulated soccer league is not founded, or the simulator is off."""


def found_leagues(*, now: datetime, actor: str) -> dict[str, Any]:
    """Begin every league of the other sports; those that stand are left alone.

    Raises:
        NoSimulator: there is no simulated source to tell them.
    """
    with transaction.atomic():
        source = simulator(lock=True)
        if source is None:
            raise NoSimulator("found the simulated soccer league first: manage.py seed")
        begun: dict[str, Any] = dict(source.options.get(SPORTS, {}))
        new = [league for league in simulation_sports.LEAGUES if league.code not in begun]
        for league in new:
            begun[league.code] = begin(league, number=1, now=now)
        if new:
            source.options = {**source.options, SPORTS: begun}
            source.creates_players = True
            source.save(update_fields=["options", "creates_players"])
            audit.record(
                actor=actor,
                action="markets.found_simulated_leagues",
                subject=source,
                at=now,
                leagues=[league.code for league in new],
            )
    return {"leagues": sorted(begun), "new": [league.code for league in new]}


def set_chaos(*, on: bool, actor: str, now: datetime) -> bool:
    """Let the simulated source fail now and then, or not any more; return whether that is new.

    Raises:
        NoSimulator: there is no simulated source.
    """
    with transaction.atomic():
        source = simulator(lock=True)
        if source is None:
            raise NoSimulator("found the simulated soccer league first: manage.py seed")
        if bool(source.options.get(CHAOS)) == on:
            return False
        source.options = {**source.options, CHAOS: on}
        source.save(update_fields=["options"])
        audit.record(
            actor=actor, action="markets.set_simulated_chaos", subject=source, at=now, on=on
        )
    return True


def tick(*, now: datetime) -> dict[str, Any]:
    """Move every simulated league on: the soccer league, then the others that were begun.

    During an outage nothing is told: the source counts as failed, with a look that says why.
    """
    source = simulator()
    if source is not None and source.options.get(CHAOS):
        try:
            answer(source=source, now=now)
        except TemporarilyFailed as failed:
            _note_outage(source, error=str(failed), now=now)
            return {**_nothing(), "outage": str(failed)}
    counts: dict[str, Any] = dict(simulating.tick(now=now))
    if source is None or not source.is_enabled or not source.options.get(SPORTS):
        return counts
    for name, count in _tick_sports(now=now).items():
        counts[name] += count
    return counts


def answer(*, source: Source, now: datetime) -> None:
    """Answer as a feed does: mostly at once.

    Raises:
        TemporarilyFailed: this is one of the spans in which it does not.
    """
    reason = simulation_sports.outage(seed=simulating.seed_of(source), at=now.timestamp())
    if reason:
        raise TemporarilyFailed(f"the simulated feed {reason}")


def _tick_sports(*, now: datetime) -> dict[str, int]:
    """Tell what became due in each league since it was told last; of two at once one does."""
    counts = _nothing()
    with transaction.atomic():
        if not _lock_at_once():
            return counts
        source = simulator(lock=True)
        if source is None or not source.is_enabled:
            return counts
        leagues = dict(source.options.get(SPORTS, {}))
        for code, state in leagues.items():
            league = simulation_sports.BY_CODE[code]
            if state.get(STOPPED):
                continue
            leagues[code] = _move_on(league, state, source=source, now=now, to=counts)
        if leagues != source.options.get(SPORTS):
            source.options = {**source.options, SPORTS: leagues}
            source.save(update_fields=["options"])
    return counts


def _move_on(
    league: League, state: dict[str, Any], *, source: Source, now: datetime, to: dict[str, int]
) -> dict[str, Any]:
    """Tell one league's due messages; lay its next season where this one is over."""
    told_until = datetime.fromisoformat(state["told_until"]) if state["told_until"] else None
    if told_until is not None and now <= told_until:
        return state
    teller = _teller(league, state, source=source)
    _record(teller, since=told_until, until=now, source=source, to=to)
    if told_until is None:
        to["seasons"] += 1
    state = {**state, "told_until": now.isoformat()}
    if now < teller.over_at():
        return state
    state = begin(league, number=state["season"] + 1, now=now)
    _record(_teller(league, state, source=source), since=None, until=now, source=source, to=to)
    to["seasons"] += 1
    return {**state, "told_until": now.isoformat()}


def begin(league: League, *, number: int, now: datetime) -> dict[str, Any]:
    """Return the state of a season that is laid from now on; nothing of it is told yet."""
    time_scale = settings.ENVIRONMENT.simulator_speed
    lead = simulation.duration(FIRST_START_HOURS + league.number * 0.7, time_scale=time_scale)
    first_start = (now + lead).replace(microsecond=0)
    return {
        "season": number,
        "first_start": first_start.isoformat(),
        "time_scale": time_scale,
        "told_until": "",
    }


def _teller(league: League, state: dict[str, Any], *, source: Source) -> Teller:
    return Teller(
        league=league,
        seed=simulating.seed_of(source),
        number=state["season"],
        first_start=datetime.fromisoformat(state["first_start"]),
        time_scale=state["time_scale"],
    )


def _record(
    teller: Teller,
    *,
    since: datetime | None,
    until: datetime,
    source: Source,
    to: dict[str, int],
) -> None:
    told = teller.tell(since=since, until=until)
    for fetched_at, batch in [(until, told.batch), *told.late]:
        if batch.events:
            counts = recording.record(batch=batch, source=source, now=until, fetched_at=fetched_at)
            to["events"] += counts.events.new + counts.events.changed
            to["prices"] += counts.prices.new
            to["results"] += counts.results.new


def _nothing() -> dict[str, int]:
    return {"seasons": 0, "events": 0, "prices": 0, "results": 0, "closes": 0}


def simulator(*, lock: bool = False) -> Source | None:
    """Return the simulated source; None where there is none, or the simulator is off."""
    if not settings.ENVIRONMENT.simulator_enabled:
        return None
    rows = Source.objects.filter(code=CODE)
    return (rows.select_for_update() if lock else rows).first()


def _note_outage(source: Source, *, error: str, now: datetime) -> None:
    """Count the failure, and keep a look of it now and then."""
    Source.objects.filter(pk=source.pk).update(
        last_attempt_at=now, failures_in_a_row=F("failures_in_a_row") + 1
    )
    recent = Fetch.objects.filter(source=source, started_at__gt=now - KEPT_FAILURES_APART)
    if not recent.exists():
        Fetch.objects.create(
            source=source,
            state=Fetch.State.FAILED,
            started_at=now,
            finished_at=now,
            error=error,
            error_kind=Fetch.ErrorKind.TIMEOUT,
        )


def _lock_at_once() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"select pg_try_advisory_xact_lock({LOCK})")
        return bool(cursor.fetchone()[0])
