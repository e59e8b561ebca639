"""Stopping one of the simulated leagues of other sports, and letting it play on.

What a stopped league has not played is cancelled, so that nobody waits for it: bets are given
back.  It goes on with its next season.  The soccer league stops with its source alone.
"""

from datetime import datetime
from typing import Any

from django.db import connection, transaction

from markets.connectors.base import ParsedResult
from markets.domain import simulation_sports
from markets.models import Event, Result, Source
from markets.services import holding, resulting, simulating_sports
from markets.services.simulating_sports import SPORTS, STOPPED, NoSimulator
from monitoring.errors import Refused
from monitoring.services import audit

_TO_COME = (Event.Status.SCHEDULED, Event.Status.LIVE, Event.Status.POSTPONED)


class CannotSteer(Refused):
    """No such league plays, it stands so already, or no reason was given."""


def state_of(*, code: str) -> str:
    """Return "PLAYING" or "STOPPED"; "" where it is no simulated league that can be steered."""
    source = simulating_sports.simulator()
    state = {} if source is None else source.options.get(SPORTS, {}).get(code, {})
    return "" if not state else "STOPPED" if state.get(STOPPED) else "PLAYING"


@transaction.atomic
def stop(*, code: str, reason: str, actor: str, now: datetime) -> dict[str, Any]:
    """Stop a league at once and cancel what it has not played.

    Raises:
        NoSimulator: there is no simulated source.
        CannotSteer: and nothing is changed.
    """
    source, state = _taken(code, reason, wanted="PLAYING")
    holding.hold(competitions={code})
    events = {
        str(event.pk): event
        for event in Event.objects.filter(competition__code=code, status__in=_TO_COME)
    }
    resulting.record_results(
        results=[ParsedResult(ref, Result.Status.CANCELLED, None, None) for ref in events],
        events=events,
        source=source,
        now=now,
        tell=lambda field, message, record=None, /: None,
    )
    _keep(source, code, {**state, STOPPED: True})
    audit.record(
        actor=actor,
        action="markets.stop_simulated_league",
        subject=source,
        at=now,
        league=code,
        reason=reason.strip(),
        cancelled=len(events),
    )
    return {"league": code, "state": "STOPPED", "cancelled": len(events)}


@transaction.atomic
def resume(*, code: str, reason: str, actor: str, now: datetime) -> dict[str, Any]:
    """Let a stopped league play on: its next season is laid from now.

    Raises:
        NoSimulator: there is no simulated source.
        CannotSteer: and nothing is changed.
    """
    source, state = _taken(code, reason, wanted="STOPPED")
    league = simulation_sports.BY_CODE[code]
    begun = simulating_sports.begin(league, number=state["season"] + 1, now=now)
    _keep(source, code, begun)
    audit.record(
        actor=actor,
        action="markets.resume_simulated_league",
        subject=source,
        at=now,
        league=code,
        reason=reason.strip(),
        season=begun["season"],
    )
    return {"league": code, "state": "PLAYING", "cancelled": 0}


def _taken(code: str, reason: str, *, wanted: str) -> tuple[Source, dict[str, Any]]:
    """Keep the leagues from moving, and return the source with the league's state."""
    if not reason.strip():
        raise CannotSteer("Say why: the reason is kept in the audit.")
    with connection.cursor() as cursor:
        cursor.execute(f"select pg_advisory_xact_lock({simulating_sports.LOCK})")
    source = simulating_sports.simulator(lock=True)
    if source is None:
        raise NoSimulator("there is no simulated source")
    leagues = source.options.get(SPORTS, {})
    if code not in leagues:
        known = ", ".join(sorted(leagues)) or "none has begun"
        raise CannotSteer(f"{code!r} is no league that can be steered: {known}")
    if state_of(code=code) != wanted:
        raise CannotSteer(f"{code} {'plays' if wanted == 'STOPPED' else 'is stopped'} already")
    return source, dict(leagues[code])


def _keep(source: Source, code: str, state: dict[str, Any]) -> None:
    leagues = {**source.options[SPORTS], code: state}
    source.options = {**source.options, SPORTS: leagues}
    source.save(update_fields=["options"])
