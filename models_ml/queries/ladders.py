"""What is due of events to come: stages not looked at, rows not foretold."""

from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, QuerySet

from markets.models import Event
from models_ml.domain import stages
from models_ml.models import FeatureRow, ModelVersion, Pipeline, Prediction

GRACE = timedelta(seconds=60)  # a stage is late once it has been open for so long
LOOK_BACK = timedelta(minutes=30)


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
