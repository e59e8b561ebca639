"""What a pipeline says of an event now, and nothing of it is stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from markets.models import Competition
from models_ml import queries
from models_ml.domain import feature_sets
from models_ml.domain.features import FeatureSet
from models_ml.models import ModelVersion, Pipeline
from models_ml.queries import asked_now, selections
from models_ml.queries.asked_now import AskedEvent, Look, ToServe
from models_ml.services import answering, asking, predicting, questioning, serving
from models_ml.services.asking import Made, Subject
from models_ml.services.predicting import PredictionRefused

FRESH = "now"  # the stage of features that are made for the asking


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
    pipeline: Pipeline,
    event_id: int,
    now: datetime,
    as_of: datetime | None = None,
    is_fresh: bool = False,
    standing: ToServe | None = None,
) -> Forecast:
    """Return what the serving version says of an event to come.

    From the newest row that a look brought, where there is one; features are made anew where
    they are asked for ``as_of`` a moment, or ``is_fresh``.  ``standing`` is what may serve the
    pipeline, where the caller has just read it.

    Raises:
        PredictionRefused: nothing serves, the event is not the pipeline's or has started, it has
            no such market, or nothing is known of it.
        NoFeatures: ``as_of`` lies in the future or after the start.
        UnsoundAnswers: the estimator says what can be no probabilities.
    """
    looks: list[Look] = []
    if is_fresh or as_of:
        event = asked_now.event(pk=event_id)
    else:
        event, looks = _looked_at(event_id, pipeline)
    return _forecast(
        pipeline, _existing(event, event_id), looks, now=now, as_of=as_of, standing=standing
    )


def forecasts(*, event_id: int, now: datetime) -> tuple[list[Forecast], dict[str, str]]:
    """Return what every pipeline in service says of an event, and why another says nothing.

    Raises:
        PredictionRefused: there is no such event.
    """
    event = _existing(asked_now.event(pk=event_id), event_id)
    rows = queries.served_pipelines().filter(
        sport_id=event.sport_id,
        is_simulated=event.is_simulated,
        is_enabled=True,
    )
    found, refused = [], {}
    for pipeline in rows:
        try:
            looks = _looked_at(event_id, pipeline)[1]
            found.append(_forecast(pipeline, event, looks, now=now))
        except (PredictionRefused, asking.NoFeatures, questioning.UnsoundAnswers) as error:
            refused[pipeline.code] = str(error)
    return found, refused


def _existing(event: AskedEvent | None, event_id: int) -> AskedEvent:
    if event is None:
        raise PredictionRefused(f"event {event_id} is unknown")
    return event


def _forecast(
    pipeline: Pipeline,
    event: AskedEvent,
    looks: Sequence[Look],
    *,
    now: datetime,
    as_of: datetime | None = None,
    standing: ToServe | None = None,
) -> Forecast:
    event_id, moment = event.pk, as_of or now
    version = _version(pipeline, event, moment, now, standing)
    feature_set = feature_sets.named(pipeline.feature_set)
    if looks:
        made, stage = _of_looks(event_id, pipeline, looks), looks[0].stage
    else:
        made = _made(event_id, pipeline, feature_set, moment, now)
        stage = FRESH
    said = _said(version, made, feature_set)
    answering.flush(now=now)
    return Forecast(pipeline.code, version.number, event_id, stage, made.as_of[0], said)


def _version(
    pipeline: Pipeline,
    event: AskedEvent,
    as_of: datetime,
    now: datetime,
    standing: ToServe | None,
) -> ModelVersion:
    if (event.sport_id, event.is_simulated) != (pipeline.sport_id, pipeline.is_simulated):
        competition = Competition.objects.get(pk=event.competition_id)
        raise PredictionRefused(f"{pipeline} does not foretell events of {competition}")
    if event.starts_at <= as_of:
        raise PredictionRefused(f"event {event.pk} has started by {as_of:%Y-%m-%d %H:%M}")
    version = serving.serving_version(pipeline=pipeline, now=now, standing=standing)
    if version is None:
        raise PredictionRefused(f"nothing serves {pipeline}")
    if event.starts_at < version.trained_until:
        raise PredictionRefused(f"{version} may know the result of event {event.pk}")
    return version


def _looked_at(event_id: int, pipeline: Pipeline) -> tuple[AskedEvent | None, list[Look]]:
    return asked_now.looked_at(
        event_id=event_id, feature_set=pipeline.feature_set, statistic=pipeline.statistic
    )


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


def _said(version: ModelVersion, made: Made, feature_set: FeatureSet) -> list[Said]:
    kind = version.pipeline.market_kind
    asked = questioning.asked(
        subjects=made.subjects,
        values=made.values,
        feature_set=feature_set,
        kind=kind,
        answers=selections.answers(event_ids=set(made.events()), market_kind=kind),
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
