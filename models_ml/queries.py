"""What models ask of the tables: as-of history, fixtures, and what is due."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from markets import queries as markets_queries
from markets.models import Competition, Event, Selection
from models_ml.domain import stages
from models_ml.domain.boosting import CLASSES
from models_ml.domain.features import NAN, Fixture, Match, microseconds
from models_ml.models import FeatureRow, ModelVersion, Pipeline, Prediction

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
GRACE = timedelta(seconds=60)  # a stage is late once it has been open for so long
LOOK_BACK = timedelta(minutes=30)
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


@dataclass(frozen=True, slots=True)
class ServingFigures:
    """A pipeline on the dashboard: what serves it, how good that was on its test part."""

    pipeline: Pipeline
    version: ModelVersion | None
    log_loss: float | None
    market_log_loss: float | None
    n: int | None
    age: timedelta | None  # since the end of what it learned from
    candidates: int

    @property
    def against_market(self) -> float | None:
        """Return the version's log loss less the market's: under 0 is better."""
        if self.log_loss is None or self.market_log_loss is None:
            return None
        return self.log_loss - self.market_log_loss


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


def market_selections(
    *, event_ids: Iterable[int], market_kind: str
) -> dict[int, Mapping[str, int]]:
    """Return role -> selection id of each event's market of a kind, full time."""
    rows = Selection.objects.filter(
        market__event_id__in=list(event_ids), market__kind=market_kind, market__period="FULL"
    ).values_list("market__event_id", "role", "pk")
    found: dict[int, dict[str, int]] = {}
    for event_id, role, selection_id in rows:
        found.setdefault(event_id, {})[role] = selection_id
    return {event_id: roles for event_id, roles in found.items() if set(CLASSES) <= set(roles)}


def served_pipelines() -> QuerySet[Pipeline]:
    """Return pipelines that have a version in production."""
    return Pipeline.objects.filter(
        Exists(
            ModelVersion.objects.filter(
                pipeline=OuterRef("pk"), stage=ModelVersion.Stage.PRODUCTION
            )
        )
    ).order_by("pk")


def upcoming(*, pipeline: Pipeline, now: datetime, within: timedelta) -> QuerySet[Event]:
    """Return a pipeline's scheduled events that start within a real-time span from now."""
    return Event.objects.filter(
        competition__sport_id=pipeline.sport_id,
        competition__is_simulated=pipeline.is_simulated,
        status=Event.Status.SCHEDULED,
        starts_at__gt=now,
        starts_at__lte=now + within,
        home__isnull=False,
        away__isnull=False,
    )


def due_stages(*, pipeline: Pipeline, now: datetime) -> list[tuple[int, str]]:
    """Return (event, stage) of every open stage that has no feature row yet."""
    rows = list(
        upcoming(pipeline=pipeline, now=now, within=max(stages.STAGES.values()))
        .order_by("starts_at", "pk")
        .values_list("pk", "starts_at", "competition__time_scale")
    )
    due = [
        (event_id, stage)
        for event_id, starts_at, scale in rows
        for stage in stages.open_stages(starts_at, at=now, time_scale=scale)
    ]
    if not due:
        return []
    have = set(
        FeatureRow.objects.filter(
            event_id__in={event_id for event_id, _ in due},
            feature_set=pipeline.feature_set,
            replay__isnull=True,
        ).values_list("event_id", "stage")
    )
    return [pair for pair in due if pair not in have]


def rows_to_predict(
    *, pipeline: Pipeline, version: ModelVersion, now: datetime
) -> QuerySet[FeatureRow]:
    """Return the newest live rows of events not started that this version has not foretold."""
    newer = FeatureRow.objects.filter(
        event_id=OuterRef("event_id"),
        feature_set=OuterRef("feature_set"),
        replay__isnull=True,
        as_of__gt=OuterRef("as_of"),
    )
    foretold = Prediction.objects.filter(feature_row=OuterRef("pk"), version=version)
    return (
        FeatureRow.objects.filter(
            feature_set=pipeline.feature_set,
            replay__isnull=True,
            event__competition__sport_id=pipeline.sport_id,
            event__competition__is_simulated=pipeline.is_simulated,
            event__status=Event.Status.SCHEDULED,
            event__starts_at__gt=now,
        )
        .filter(~Exists(foretold), ~Exists(newer))
        .order_by("as_of", "pk")
    )


def versions(*, pipeline: Pipeline | None = None) -> QuerySet[ModelVersion]:
    """Return versions outside replays, newest first."""
    rows = ModelVersion.objects.exclude(stage=ModelVersion.Stage.REPLAY)
    if pipeline is not None:
        rows = rows.filter(pipeline=pipeline)
    return rows.select_related("pipeline").order_by("pipeline_id", "-number")


def serving_versions() -> QuerySet[ModelVersion]:
    """Return the versions that serve or would step in: production and previous."""
    return (
        ModelVersion.objects.filter(
            Q(stage=ModelVersion.Stage.PRODUCTION) | Q(stage=ModelVersion.Stage.PREVIOUS)
        )
        .select_related("pipeline")
        .order_by("pipeline_id", "stage")
    )


def serving_figures(*, now: datetime) -> list[ServingFigures]:
    """Return what the dashboard shows of each pipeline, served or not."""
    serving = {
        version.pipeline_id: version
        for version in serving_versions().filter(stage=ModelVersion.Stage.PRODUCTION)
    }
    waiting = dict(
        ModelVersion.objects.filter(stage=ModelVersion.Stage.CANDIDATE)
        .values_list("pipeline_id")
        .annotate(n=Count("pk"))
    )
    figures = []
    for pipeline in Pipeline.objects.order_by("is_simulated", "code"):
        version = serving.get(pipeline.pk)
        metrics = version.metrics if version else {}
        figures.append(
            ServingFigures(
                pipeline=pipeline,
                version=version,
                log_loss=(metrics.get("model") or {}).get("log_loss"),
                market_log_loss=(metrics.get("market") or {}).get("log_loss"),
                n=metrics.get("n"),
                age=now - version.trained_until if version else None,
                candidates=waiting.get(pipeline.pk, 0),
            )
        )
    return figures


def missed_stages(*, pipeline: Pipeline, now: datetime) -> list[int]:
    """Return events whose final stage should have been looked at by now and was not.

    It opened more than a grace ago and since the serving version was promoted; events that
    started in the meantime count until ``LOOK_BACK`` has passed.
    """
    promoted_at = (
        ModelVersion.objects.filter(pipeline=pipeline, stage=ModelVersion.Stage.PRODUCTION)
        .values_list("promoted_at", flat=True)
        .first()
    )
    if promoted_at is None:
        return []
    row = FeatureRow.objects.filter(
        event_id=OuterRef("pk"),
        feature_set=pipeline.feature_set,
        stage=stages.FINAL_STAGE,
        replay__isnull=True,
    )
    events = (
        Event.objects.filter(
            competition__sport_id=pipeline.sport_id,
            competition__is_simulated=pipeline.is_simulated,
            status__in=[Event.Status.SCHEDULED, Event.Status.LIVE, Event.Status.FINISHED],
            starts_at__gt=now - LOOK_BACK,
            starts_at__lte=now + stages.STAGES[stages.FINAL_STAGE],
            home__isnull=False,
            away__isnull=False,
        )
        .filter(~Exists(row))
        .order_by("starts_at", "pk")
        .values_list("pk", "starts_at", "competition__time_scale")
    )
    return [
        event_id
        for event_id, starts_at, scale in events
        if promoted_at <= stages.opens_at(starts_at, stages.FINAL_STAGE, scale) < now - GRACE
    ]
