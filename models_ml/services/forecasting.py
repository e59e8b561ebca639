"""What a pipeline says of an event now, and nothing of it is stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from markets.models import Competition, Event
from models_ml.domain import feature_sets
from models_ml.domain.features import FeatureSet
from models_ml.models import ModelVersion, Pipeline
from models_ml.queries import asked_now
from models_ml.queries.asked_now import AskedEvent, AskedNow, Look
from models_ml.queries.selections import Answer
from models_ml.services import answering, asking, predicting, questioning, serving
from models_ml.services.asking import Made, Subject
from models_ml.services.predicting import PredictionRefused
from monitoring.errors import Refused

FRESH = "now"  # the stage of features that are made for the asking


class UnknownPipeline(Refused):
    """There is no such pipeline."""


@dataclass(frozen=True, slots=True)
class Said:
    """A probability for a selection, beside the margin-free market's at that time."""

    selection_id: int
    probability: float
    refund_probability: float
    market_probability: float | None


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a version says of an event, from what was known at ``as_of``."""

    pipeline: str
    version: int
    event_id: int
    stage: str
    as_of: datetime
    said: list[Said]


def forecast(
    *,
    pipeline_id: int,
    event_id: int,
    now: datetime,
    as_of: datetime | None = None,
    is_fresh: bool = False,
) -> Forecast:
    """Return what a pipeline's serving version says of an event to come.

    From the newest row that a look brought, where there is one; features are made anew where
    they are asked for ``as_of`` a moment, or ``is_fresh``.

    Raises:
        UnknownPipeline: there is none of this id.
        PredictionRefused: nothing serves, the event is not the pipeline's or has started, it has
            no such market, or nothing is known of it.
        NoFeatures: ``as_of`` lies in the future or after the start.
        UnsoundAnswers: the estimator says what can be no probabilities.
    """
    found = asked_now.of_pipeline(
        pipeline_id=pipeline_id, event_id=event_id, with_looks=not (is_fresh or as_of)
    )
    if found is None:
        raise UnknownPipeline(f"there is no pipeline {pipeline_id}")
    if found.event is None:
        raise PredictionRefused(f"event {event_id} is unknown")
    told = _forecast(found, found.event, now=now, as_of=as_of or now)
    answering.flush(now=now)
    return told


def forecasts(*, event_id: int, now: datetime) -> tuple[list[Forecast], dict[str, str]]:
    """Return what every pipeline in service says of an event, and why another says nothing.

    Raises:
        PredictionRefused: there is no such event.
    """
    asked = asked_now.of_event(event_id=event_id)
    if not asked and not Event.objects.filter(pk=event_id).exists():
        raise PredictionRefused(f"event {event_id} is unknown")
    told, refused = [], {}
    for found in asked:
        assert found.event is not None  # the pipelines are chosen by it
        try:
            told.append(_forecast(found, found.event, now=now, as_of=now))
        except (PredictionRefused, asking.NoFeatures, questioning.UnsoundAnswers) as error:
            refused[found.pipeline.code] = str(error)
    answering.flush(now=now)
    return told, refused


def _forecast(found: AskedNow, event: AskedEvent, *, now: datetime, as_of: datetime) -> Forecast:
    pipeline, looks = found.pipeline, found.looks
    version = _version(found, event, as_of, now)
    feature_set = feature_sets.named(pipeline.feature_set)
    if looks:
        made, stage = _of_looks(event.pk, pipeline, looks), looks[0].stage
    else:
        made = _made(event.pk, pipeline, feature_set, as_of, now)
        stage = FRESH
    said = _said(version, made, feature_set, found.answers)
    return Forecast(pipeline.code, version.number, event.pk, stage, made.as_of[0], said)


def _version(found: AskedNow, event: AskedEvent, as_of: datetime, now: datetime) -> ModelVersion:
    pipeline = found.pipeline
    if (event.sport_id, event.is_simulated) != (pipeline.sport_id, pipeline.is_simulated):
        competition = Competition.objects.get(pk=event.competition_id)
        raise PredictionRefused(f"{pipeline} does not foretell events of {competition}")
    if event.starts_at <= as_of:
        raise PredictionRefused(f"event {event.pk} has started by {as_of:%Y-%m-%d %H:%M}")
    version = serving.serving_version(pipeline=pipeline, now=now, standing=found.standing)
    if version is None:
        raise PredictionRefused(f"nothing serves {pipeline}")
    if event.starts_at < version.trained_until:
        raise PredictionRefused(f"{version} may know the result of event {event.pk}")
    return version


def _of_looks(event_id: int, pipeline: Pipeline, looks: Sequence[Look]) -> Made:
    return Made(
        subjects=[Subject(event_id, look.participant_id, pipeline.statistic) for look in looks],
        as_of=[look.as_of for look in looks],
        values=np.array([look.values for look in looks], dtype=float),
        sources=[look.sources for look in looks],
    )


def _made(
    event_id: int, pipeline: Pipeline, feature_set: FeatureSet, as_of: datetime, now: datetime
) -> Made:
    return asking.made(
        event_ids=[event_id],
        feature_set=feature_set,
        as_of={event_id: as_of},
        now=now,
        statistics=[pipeline.statistic] if pipeline.statistic else [],
    )


def _said(
    version: ModelVersion, made: Made, feature_set: FeatureSet, answers: Sequence[Answer]
) -> list[Said]:
    asked = questioning.asked(
        subjects=made.subjects,
        values=made.values,
        feature_set=feature_set,
        kind=version.pipeline.market_kind,
        answers=dict.fromkeys(made.events(), answers),
    )
    if not len(asked):
        raise PredictionRefused(next(iter(asked.refused.values())))
    said = answering.answer(version=version, values=made.values, questions=asked.questions)
    questioning.check(asked, said)
    market = predicting.market_of(
        asked=asked,
        values=made.values,
        feature_set=feature_set,
        as_of=dict(zip(made.events(), made.as_of, strict=True)),
    )
    return [
        Said(one.selection_id, float(p), float(refund), None if np.isnan(m) else float(m))
        for one, p, refund, m in zip(asked.answers, *said, market, strict=True)
    ]
