"""Foretelling: from stored feature rows to probabilities, one per selection."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import structlog

from models_ml import queries
from models_ml.domain import boosting, feature_sets
from models_ml.domain.boosting import CLASSES
from models_ml.domain.features import FeatureSet
from models_ml.models import FeatureRow, ModelVersion, Pipeline, Prediction
from models_ml.services import featuring, loading, serving
from monitoring.errors import Refused

BATCH = 1000
logger = structlog.get_logger(__name__)
serving_version = serving.serving_version


class PredictionRefused(Refused):
    """This version may not foretell these rows."""


@dataclass(frozen=True, slots=True)
class Foretold:
    """What a batch brought: predictions, and the rows that got none, by event, with the reason."""

    predictions: list[Prediction] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)


def predict(
    *, feature_rows: Sequence[FeatureRow], version: ModelVersion, now: datetime
) -> list[Prediction]:
    """Return a version's predictions for these rows, one per selection of the market.

    Rows whose event has no such market yet, or that know nothing at all, bring none; see
    ``predict_batch`` for their reasons.

    Raises:
        PredictionRefused: the rows are of another feature set, another replay, or of events
            that the version may have learned from.
        DamagedArtefact: the version's file is not what was written.
    """
    return predict_batch(feature_rows=feature_rows, version=version, now=now).predictions


def predict_batch(
    *, feature_rows: Sequence[FeatureRow], version: ModelVersion, now: datetime
) -> Foretold:
    """Foretell a batch; the same batch again returns the stored predictions."""
    if not feature_rows:
        return Foretold()
    feature_set = feature_sets.named(version.pipeline.feature_set)
    _may_foretell(feature_rows, version, feature_set)
    selections = queries.market_selections(
        event_ids={row.event_id for row in feature_rows},
        market_kind=version.pipeline.market_kind,
    )
    refused = _refusals(feature_rows, feature_set, set(selections))
    usable = [row for row in feature_rows if row.pk not in refused]
    if usable:
        values = matrix(usable)
        found = loading.three_way(version=version).probabilities(values)
        market = boosting.market_of(values, feature_set)
        Prediction.objects.bulk_create(
            [
                _prediction(row, version, selections[row.event_id][role], p, m, now)
                for row, ps, ms in zip(usable, found, market, strict=True)
                for role, p, m in zip(CLASSES, ps, ms, strict=True)
            ],
            batch_size=BATCH,
            ignore_conflicts=True,
        )
    return Foretold(_stored(usable, version), refused)


def predict_due(*, now: datetime) -> int:
    """Open due stages and foretell every live row that awaits it; return how many predictions.

    A pipeline whose production artefact is damaged is served by its previous version, and an
    incident says so.
    """
    featuring.build_due(now=now)
    made = 0
    for pipeline in queries.served_pipelines().select_related("sport"):
        made += _predict_pipeline(pipeline, now)
    return made


def _predict_pipeline(pipeline: Pipeline, now: datetime) -> int:
    production = ModelVersion.objects.filter(
        pipeline=pipeline, stage=ModelVersion.Stage.PRODUCTION
    ).first()
    if production is None:
        return 0
    waiting = queries.rows_to_predict(pipeline=pipeline, version=production, now=now)
    if not waiting.exists():
        return 0
    version = serving_version(pipeline=pipeline, now=now)
    if version is None:
        return 0
    rows = list(queries.rows_to_predict(pipeline=pipeline, version=version, now=now)[:BATCH])
    foretold = predict_batch(feature_rows=rows, version=version, now=now)
    if foretold.refused:
        logger.info("rows_without_prediction", pipeline=pipeline.code, n=len(foretold.refused))
    return len(foretold.predictions)


def _may_foretell(
    rows: Sequence[FeatureRow], version: ModelVersion, feature_set: FeatureSet
) -> None:
    for row in rows:
        if row.feature_set != feature_set.name:
            raise PredictionRefused(f"{version} does not read rows of {row.feature_set}")
        if row.replay_id != version.replay_id:
            raise PredictionRefused(f"{version} and row {row.pk} are not of the same replay")
    latest = version.trained_until
    events = queries.planned(event_ids={row.event_id for row in rows})
    learned = [e.event_id for e in events.values() if e.starts_at < latest]
    if learned:
        raise PredictionRefused(
            f"{version} learned until {latest:%Y-%m-%d %H:%M} and may know the result of"
            f" event {learned[0]}"
        )


def _refusals(
    rows: Sequence[FeatureRow], feature_set: FeatureSet, with_market: set[int]
) -> dict[int, str]:
    silent = boosting.says_nothing(matrix(rows), feature_set)
    refused: dict[int, str] = {}
    for row, nothing in zip(rows, silent, strict=True):
        if row.event_id not in with_market:
            refused[row.pk] = f"event {row.event_id} has no such market yet"
        elif nothing:
            refused[row.pk] = f"event {row.event_id}: neither a market nor an earlier match"
    return refused


def matrix(rows: Sequence[FeatureRow]) -> np.ndarray:
    """Return the rows' values, (n_rows, n_features), NaN where not known."""
    return np.array([row.values for row in rows], dtype=float)


def _prediction(
    row: FeatureRow,
    version: ModelVersion,
    selection_id: int,
    probability: float,
    market: float,
    now: datetime,
) -> Prediction:
    return Prediction(
        feature_row=row,
        version=version,
        event_id=row.event_id,
        selection_id=selection_id,
        probability=float(probability),
        market_probability=None if np.isnan(market) else float(market),
        as_of=row.as_of,
        made_at=now,
    )


def _stored(rows: Sequence[FeatureRow], version: ModelVersion) -> list[Prediction]:
    place = {row.pk: index for index, row in enumerate(rows)}
    order = {role: index for index, role in enumerate(CLASSES)}
    found = Prediction.objects.filter(feature_row__in=list(place), version=version)
    return sorted(
        found.select_related("selection"),
        key=lambda p: (place[p.feature_row_id], order[p.selection.role]),
    )
