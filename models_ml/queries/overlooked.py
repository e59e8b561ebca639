"""Which looks were not taken: events whose stage closed, or has long been open, without one."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from models_ml.queries import ladders

LOOK_BACK = timedelta(minutes=30)  # an event that has started is told of for so long
RECENT = timedelta(hours=1)

_OVERLOOKED = f"""
WITH {ladders.SERVED}
SELECT served.sport_id, served.is_simulated, served.feature_set, e.id, t.stage, t.closes = 0,
       coalesce(l.why, '')
FROM served
JOIN steps t ON t.sport_id = served.sport_id AND t.is_simulated = served.is_simulated
JOIN markets_competition c ON c.sport_id = served.sport_id
    AND c.is_simulated = served.is_simulated
JOIN markets_event e ON e.competition_id = c.id
    AND e.status IN ('SCHEDULED', 'LIVE', 'FINISHED')
    AND e.starts_at > %(since)s
    AND e.starts_at <= %(now)s + make_interval(secs => t.opens / c.time_scale)
    AND CASE WHEN served.feature_set = ANY(%(of_races)s)
        THEN e.race_number IS NOT NULL ELSE e.home_id IS NOT NULL END
LEFT JOIN models_ml_stagelook l ON l.event_id = e.id AND l.feature_set = served.feature_set
    AND l.stage = t.stage
WHERE e.starts_at - make_interval(secs => t.opens / c.time_scale) >= served.promoted_at
  AND e.starts_at - make_interval(secs => t.opens / c.time_scale)
      < %(now)s - make_interval(secs => t.grace_seconds)
  AND e.starts_at - make_interval(secs => t.closes / c.time_scale) > %(since)s
  AND coalesce(l.state, CASE WHEN t.closes = 0 THEN 'DUE' ELSE 'SKIPPED' END)
      IN ('DUE', 'MISSED')
ORDER BY e.starts_at, e.id, t.opens DESC
"""
_TAKEN = """
SELECT c.sport_id, l.feature_set, count(*)
FROM models_ml_stagelook l
JOIN markets_event e ON e.id = l.event_id
JOIN markets_competition c ON c.id = e.competition_id AND c.is_simulated
WHERE l.closes_at > %(since)s AND l.closes_at <= %(now)s AND l.state IN ('DONE', 'LATE')
GROUP BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class Overlooked:
    """A look that should have been taken by now and was not."""

    sport_id: int
    is_simulated: bool
    feature_set: str
    event_id: int
    stage: str
    is_final: bool
    why: str


def overlooked(*, now: datetime) -> list[Overlooked]:
    """Return looks that opened more than a grace ago and were not taken, the first event first.

    Of stages that opened since the serving version was promoted; events that have started in
    the meantime count until ``LOOK_BACK`` has passed.  Of the final stage also where no look
    was ever planned; of the others only where one was.
    """
    with connection.cursor() as cursor:
        cursor.execute(_OVERLOOKED, {**ladders.asked(now), "since": now - LOOK_BACK})
        return [Overlooked(*row) for row in cursor.fetchall()]


def taken_lately(*, now: datetime) -> dict[tuple[int, str], int]:
    """Return how many looks at simulated events were taken in the last hour, by sport and set."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKEN, {"now": now, "since": now - RECENT})
        return {(sport, feature_set): n for sport, feature_set, n in cursor.fetchall()}
