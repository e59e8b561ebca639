"""Events and their results as models read them: fixtures, versions of results, the market."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from markets import queries as markets_queries
from markets.models import Competition, Event
from models_ml.domain import stages
from models_ml.domain.boosting import CLASSES
from models_ml.domain.features import NAN, Fixture, Match, microseconds
from models_ml.models import Pipeline

# The columns of ``features.Match``, in its order; times as whole microseconds.
_VERSIONS = """
SELECT e.id, e.competition_id, e.season_id, e.home_id, e.away_id,
       (extract(epoch FROM e.starts_at) * 1000000)::bigint,
       (extract(epoch FROM r.known_at) * 1000000)::bigint,
       r.version, r.status = 'FINAL', coalesce(r.home_score, 0), coalesce(r.away_score, 0)
FROM markets_result r
JOIN markets_event e ON e.id = r.event_id
WHERE e.competition_id = ANY(%s) AND r.known_at <= %s
  AND e.home_id IS NOT NULL AND e.away_id IS NOT NULL
"""
MarketView = tuple[tuple[float, float, float], float]  # (home, draw, away), overround
NO_MARKET: MarketView = ((NAN, NAN, NAN), NAN)
CHUNK = 2_500  # events whose prices are held in memory at a time
EVENT_FIELDS = ("competition_id", "season_id", "home_id", "away_id", "starts_at")


@dataclass(frozen=True, slots=True)
class Planned:
    """An event as the fixture list has it."""

    event_id: int
    competition_id: int
    season_id: int
    home_id: int
    away_id: int
    starts_at: datetime
    time_scale: float

    def fixture(self, *, as_of: datetime, market: MarketView = NO_MARKET) -> Fixture:
        return Fixture(
            event_id=self.event_id,
            competition_id=self.competition_id,
            season_id=self.season_id,
            home_id=self.home_id,
            away_id=self.away_id,
            starts_at=microseconds(self.starts_at),
            as_of=microseconds(as_of),
            time_scale=self.time_scale,
            market=market[0],
            overround=market[1],
        )


def result_versions(*, competition_ids: Iterable[int], until: datetime) -> list[Match]:
    """Return every version of every result of these competitions known at ``until``.

    All versions, because a correction changes what was known only from its own time on.  The
    final ones among the latest are what ``markets.queries.match_history`` returns.
    """
    with connection.cursor() as cursor:
        cursor.execute(_VERSIONS, [list(competition_ids), until])
        return [Match._make(row) for row in cursor.fetchall()]


def planned(*, event_ids: Iterable[int]) -> dict[int, Planned]:
    """Return events that have two sides, by id."""
    rows = Event.objects.filter(
        pk__in=list(event_ids), home__isnull=False, away__isnull=False
    ).values_list("pk", *EVENT_FIELDS, "competition__time_scale")
    return {row[0]: Planned(*row) for row in rows}


def starts(*, event_ids: Iterable[int]) -> dict[int, datetime]:
    """Return when events start, as the fixture list has it."""
    return dict(Event.objects.filter(pk__in=list(event_ids)).values_list("pk", "starts_at"))


def competitions(*, pipeline: Pipeline) -> list[int]:
    """Return the competitions that a pipeline learns from and serves."""
    return list(
        Competition.objects.filter(sport_id=pipeline.sport_id, is_simulated=pipeline.is_simulated)
        .order_by("pk")
        .values_list("pk", flat=True)
    )


def market_at(
    *, event_ids: Sequence[int], as_of: datetime | Mapping[int, datetime]
) -> dict[int, MarketView]:
    """Return the margin-free reference of each event that had a whole one at ``as_of``."""
    if not event_ids:
        return {}
    frame = markets_queries.reference_probabilities(event_ids=list(event_ids), as_of=as_of)
    return _views(
        zip(
            frame["event_id"],
            frame["role"],
            frame["fair_probability"],
            frame["overround"],
            strict=True,
        )
    )


def market_at_stage(*, events: Sequence[Planned], stage: str) -> dict[int, MarketView]:
    """Return each event's margin-free reference as it stood when its own stage opened."""
    found: dict[int, MarketView] = {}
    for first in range(0, len(events), CHUNK):
        moments = {
            event.event_id: stages.opens_at(event.starts_at, stage, event.time_scale)
            for event in events[first : first + CHUNK]
        }
        found.update(market_at(event_ids=list(moments), as_of=moments))
    return found


def outcomes(*, history: Iterable[Match]) -> dict[int, int]:
    """Return event -> class (0 home, 1 draw, 2 away) of the latest version that is final."""
    latest: dict[int, Match] = {}
    for match in history:
        if match.event_id not in latest or latest[match.event_id].version < match.version:
            latest[match.event_id] = match
    return {
        event_id: 0 if m.home_score > m.away_score else 1 if m.home_score == m.away_score else 2
        for event_id, m in latest.items()
        if m.is_final
    }


def _views(rows: Iterable[tuple[int, str, float, float]]) -> dict[int, MarketView]:
    found: dict[int, dict[str, float]] = {}
    overrounds: dict[int, float] = {}
    for event_id, role, probability, overround in rows:
        found.setdefault(int(event_id), {})[role] = float(probability)
        overrounds[int(event_id)] = float(overround)
    return {
        event_id: ((by_role["HOME"], by_role["DRAW"], by_role["AWAY"]), overrounds[event_id])
        for event_id, by_role in found.items()
        if all(by_role.get(role, NAN) > 0 for role in CLASSES)
    }
