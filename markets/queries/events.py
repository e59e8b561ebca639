"""Events and their results, as they were known at a moment."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import pandas as pd
from django.db import connection
from django.db.models import QuerySet
from django.db.models.functions import Coalesce

from markets.models import Event
from markets.queries.frames import MOMENT, frame

HISTORY = {
    "event_id": "int64",
    "competition_id": "int64",
    "season_id": "int64",
    "home_id": "int64",
    "away_id": "int64",
    "starts_at": MOMENT,
    "known_at": MOMENT,
    "home_score": "int64",
    "away_score": "int64",
}

_HISTORY = """
SELECT e.id, e.competition_id, e.season_id, e.home_id, e.away_id, e.starts_at,
       r.known_at, r.home_score, r.away_score
FROM (
    SELECT DISTINCT ON (event_id) event_id, status, known_at, home_score, away_score
    FROM markets_result WHERE known_at <= %(as_of)s ORDER BY event_id, version DESC
) r
JOIN markets_event e ON e.id = r.event_id
JOIN markets_competition c ON c.id = e.competition_id
JOIN markets_sport s ON s.id = c.sport_id
WHERE r.status = 'FINAL' AND s.code = %(sport)s AND c.is_simulated = %(is_simulated)s
  AND (%(codes)s::text[] IS NULL OR c.code = ANY(%(codes)s::text[]))
ORDER BY e.starts_at, e.id
"""


def match_history(
    *,
    sport_code: str,
    as_of: datetime,
    is_simulated: bool,
    competition_codes: Collection[str] | None = None,
) -> pd.DataFrame:
    """Return the final results known at ``as_of``, in time order, in the version known then."""
    asked: dict[str, Any] = {
        "sport": sport_code,
        "as_of": as_of,
        "is_simulated": is_simulated,
        "codes": None if competition_codes is None else list(competition_codes),
    }
    with connection.cursor() as cursor:
        cursor.execute(_HISTORY, asked)
        return frame(cursor.fetchall(), HISTORY)


def events_starting(
    *,
    after: datetime,
    until: datetime,
    is_simulated: bool | None = None,
    competition_codes: Collection[str] | None = None,
    status: str | Collection[str] | None = None,
) -> QuerySet[Event]:
    """Return the events whose planned start is in ``[after, until)``; None means any."""
    events = Event.objects.filter(starts_at__gte=after, starts_at__lt=until)
    if is_simulated is not None:
        events = events.filter(competition__is_simulated=is_simulated)
    if competition_codes is not None:
        events = events.filter(competition__code__in=competition_codes)
    if status is not None:
        events = events.filter(status__in=[status] if isinstance(status, str) else status)
    return events


def events_awaiting_close(*, as_of: datetime) -> QuerySet[Event]:
    """Return the events that started by ``as_of`` and whose closing prices are not recorded."""
    return (
        Event.objects.alias(start=event_start())
        .filter(start__lte=as_of, close_recorded_for__isnull=True)
        .exclude(status__in=[Event.Status.POSTPONED, Event.Status.CANCELLED])
    )


def event_start() -> Coalesce:
    """Return the actual start where a source told it, else the planned one."""
    return Coalesce("started_at", "starts_at")
