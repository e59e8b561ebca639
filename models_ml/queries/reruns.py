"""A past interval as it was served: its events, what was looked at, what was said of what."""

from collections.abc import Collection
from datetime import datetime

from markets.models import Event
from models_ml.models import FeatureRow, Pipeline, Prediction


def events(*, pipeline: Pipeline, since: datetime, until: datetime) -> dict[int, Event]:
    """Return a pipeline's events that started in [since, until), in order of start."""
    rows = Event.objects.filter(
        competition__sport=pipeline.sport_id,
        competition__is_simulated=pipeline.is_simulated,
        starts_at__gte=since,
        starts_at__lt=until,
    ).exclude(status__in=[Event.Status.POSTPONED, Event.Status.CANCELLED])
    return {row.pk: row for row in rows.select_related("competition").order_by("starts_at", "pk")}


def looked_at(
    *, pipeline: Pipeline, stage: str, event_ids: Collection[int]
) -> dict[tuple[int, int], FeatureRow]:
    """Return the live rows of a stage by event and participant, -1 for a match."""
    rows = FeatureRow.objects.filter(
        event__in=event_ids,
        feature_set=pipeline.feature_set,
        stage=stage,
        replay__isnull=True,
        rehearsal__isnull=True,
        statistic=pipeline.statistic,
    )
    return {(row.event_id, row.participant_id or -1): row for row in rows}


def served(
    *, pipeline: Pipeline, stage: str, event_ids: Collection[int]
) -> dict[int, tuple[float, int]]:
    """Return what was said live at a stage: selection -> probability and number of the version."""
    rows = Prediction.objects.filter(
        event__in=event_ids,
        version__pipeline=pipeline,
        feature_row__stage=stage,
        feature_row__replay__isnull=True,
        feature_row__rehearsal__isnull=True,
    ).order_by("made_at", "pk")
    return {
        selection: (probability, number)
        for selection, probability, number in rows.values_list(
            "selection_id", "probability", "version__number"
        )
    }
