"""Practising a matchday: rows and predictions that feed nobody, and are removed again."""

from datetime import datetime, timedelta

from django.db import transaction

from markets.models import Event
from models_ml import queries
from models_ml.domain import feature_sets
from models_ml.models import FeatureRow, ModelVersion, Pipeline, Rehearsal
from models_ml.queries import drift
from models_ml.services import asking, featuring, in_turn, laddering, predicting, serving
from models_ml.services.featuring import Stamp
from monitoring.errors import Refused
from monitoring.services import audit

MATCHDAY = timedelta(hours=24)
MOST = 500  # events


class RehearsalRefused(Refused):
    """There is nothing to rehearse, or nothing to remove."""


def rehearse(*, pipeline: Pipeline, actor: str, now: datetime, name: str = "") -> Rehearsal:
    """Make rows and predictions of the next matchday, as its final stage would, as of now.

    The next matchday is every event that starts within a day of the next one.

    Raises:
        RehearsalRefused: no event is to come, or nothing serves.
        UnsoundAnswers: the estimator says what can be no probabilities.
    """
    events = _next_matchday(pipeline, now)
    version = serving.serving_version(pipeline=pipeline, now=now)
    if not events or version is None:
        what = "no event is to come" if not events else "nothing serves"
        raise RehearsalRefused(f"{pipeline}: {what}")
    feature_set = feature_sets.named(pipeline.feature_set)
    stage = queries.final_stage(sport=pipeline.sport, is_simulated=pipeline.is_simulated)
    parts, refused = asking.made_apart(
        event_ids=events,
        feature_set=feature_set,
        as_of=dict.fromkeys(events, now),
        now=now,
        statistics=[pipeline.statistic] if pipeline.statistic else [],
    )
    with transaction.atomic():
        row = Rehearsal.objects.create(
            pipeline=pipeline,
            name=name or f"Matchday of {now:%Y-%m-%d}",
            actor=actor,
            made_at=now,
        )
        for made in parts:
            stamps = dict.fromkeys(made.events(), Stamp(stage))
            featuring.keep(
                made=made, feature_set=feature_set, stamps=stamps, now=now, rehearsal=row
            )
        without = _foretell(row, version, now)
        audit.record(
            actor=actor, action="models_ml.rehearsed", subject=row, at=now,
            events=len(events), refused=len(refused) + without,
        )  # fmt: skip
    return row


def _foretell(row: Rehearsal, version: ModelVersion, now: datetime) -> int:
    """Foretell a rehearsal's rows and note how many there are; return how many got no word."""
    rows = list(FeatureRow.objects.filter(rehearsal=row).order_by("event_id", "participant_id"))
    foretold = predicting.predict_batch(feature_rows=rows, version=version, now=now)
    row.rows, row.predictions = len(rows), len(foretold.predictions)
    row.save(update_fields=["rows", "predictions"])
    return len(foretold.refused)


def remove(*, rehearsal_id: int, actor: str, now: datetime) -> Rehearsal:
    """Delete exactly the rows and predictions of a rehearsal; its own row stays.

    Raises:
        RehearsalRefused: there is no such rehearsal, or it was removed already.
        LookRefused: something refers to a prediction of it.
    """
    with transaction.atomic():
        row = Rehearsal.objects.select_for_update().filter(pk=rehearsal_id).first()
        if row is None:
            raise RehearsalRefused(f"no rehearsal #{rehearsal_id}")
        if row.removed_at is not None:
            raise RehearsalRefused(f"{row} was removed on {row.removed_at:%Y-%m-%d %H:%M}")
        rows, predictions = laddering.forget(FeatureRow.objects.filter(rehearsal=row))
        row.removed_at = now
        row.save(update_fields=["removed_at"])
        audit.record(
            actor=actor, action="models_ml.rehearsal_removed", subject=row, at=now,
            rows=rows, predictions=predictions,
        )  # fmt: skip
    return row


def rehearse_each(*, actor: str, now: datetime) -> dict[str, object]:
    """Rehearse the next matchday of every pipeline in service, and remove what was before it."""

    def one(pipeline: Pipeline) -> dict[str, object]:
        earlier = Rehearsal.objects.filter(pipeline=pipeline, actor=actor, removed_at=None)
        for row in list(earlier):
            remove(rehearsal_id=row.pk, actor=actor, now=now)
        return summary(rehearse(pipeline=pipeline, actor=actor, now=now))

    made, refused = in_turn.each(drift.pipelines_in_service(), one)
    return {"rehearsals": made, "refused": refused}


def summary(row: Rehearsal) -> dict[str, object]:
    """Return a rehearsal as commands and runs tell of it."""
    return {
        "id": row.pk,
        "pipeline": row.pipeline.code,
        "name": row.name,
        "rows": row.rows,
        "predictions": row.predictions,
        "removed": row.removed_at is not None,
    }


def _next_matchday(pipeline: Pipeline, now: datetime) -> list[int]:
    coming = Event.objects.filter(
        competition__sport_id=pipeline.sport_id,
        competition__is_simulated=pipeline.is_simulated,
        status=Event.Status.SCHEDULED,
        starts_at__gt=now,
    ).order_by("starts_at", "pk")
    if feature_sets.named(pipeline.feature_set).grain == asking.RUNNER:
        coming = coming.filter(race_number__isnull=False)
    else:
        coming = coming.filter(home__isnull=False)
    first = coming.values_list("starts_at", flat=True).first()
    if first is None:
        return []
    return list(coming.filter(starts_at__lte=first + MATCHDAY).values_list("pk", flat=True)[:MOST])
