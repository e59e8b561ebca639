"""Holding a version beside the market and beside Elo, on matches whose results are known."""

from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models_ml import queries
from models_ml.domain import boosting, feature_sets, features, scoring, stages
from models_ml.domain.boosting import Estimator, TrainingSet
from models_ml.domain.features import FeatureSet
from models_ml.models import ModelVersion, Pipeline
from models_ml.services import loading
from monitoring.errors import Refused


class VersionNotFound(Refused):
    """The pipeline has no such version."""


class NothingToEvaluate(Refused):
    """No match with a known result lies in the window."""


def known_matches(
    *, pipeline: Pipeline, until: datetime, since: datetime | None = None
) -> TrainingSet:
    """Return every match known at ``until`` with its features as of its own final stage.

    In time order.  ``since`` cuts the rows returned, never the history they are made from.
    """
    feature_set = feature_sets.named(pipeline.feature_set)
    history = queries.result_versions(
        competition_ids=queries.competitions(pipeline=pipeline), until=until
    )
    outcomes = queries.outcomes(history=history)
    events = sorted(
        queries.planned(event_ids=outcomes).values(), key=lambda e: (e.starts_at, e.event_id)
    )
    events = [e for e in events if since is None or e.starts_at >= since]
    market = queries.market_at_stage(events=events, stage=stages.FINAL_STAGE)
    fixtures = [
        event.fixture(
            as_of=stages.opens_at(event.starts_at, stages.FINAL_STAGE, event.time_scale),
            market=market.get(event.event_id, queries.NO_MARKET),
        )
        for event in events
    ]
    rows = features.unfold(feature_set=feature_set, history=history, fixtures=fixtures)
    return TrainingSet(
        event_ids=np.array([e.event_id for e in events], dtype=np.int64),
        starts=np.array([f.starts_at for f in fixtures], dtype=np.int64),
        values=np.array(rows, dtype=float).reshape(-1, len(feature_set.features)),
        outcomes=np.array([outcomes[e.event_id] for e in events], dtype=np.int64),
    )


def evaluate(
    *, version: ModelVersion, since: datetime, until: datetime, now: datetime
) -> dict[str, Any]:
    """Return a version's scores on the matches that started in [since, until) and are known now.

    Raises:
        NothingToEvaluate: there are none, or the window begins before the version's training
            ended: on what it has seen a model always looks good.
    """
    if since < version.trained_until:
        raise NothingToEvaluate(
            f"{version} learned until {version.trained_until:%Y-%m-%d %H:%M}; choose a later window"
        )
    rows = known_matches(pipeline=version.pipeline, until=now, since=since)
    inside = rows.starts < features.microseconds(until)
    if not inside.any():
        raise NothingToEvaluate(f"no known result from {since:%Y-%m-%d} to {until:%Y-%m-%d}")
    feature_set = feature_sets.named(version.pipeline.feature_set)
    return score_cards(
        estimator=loading.load(version=version),
        values=rows.values[inside],
        outcomes=rows.outcomes[inside],
        feature_set=feature_set,
    )


def score_cards(
    *, estimator: Estimator, values: NDArray, outcomes: NDArray, feature_set: FeatureSet
) -> dict[str, Any]:
    """Return the scores of model, market and Elo on the same rows.

    All three on the rows with a market; where no row has one, the market's card is null.
    ``log_loss_difference`` is model less market, paired, with a 95 % normal interval.
    """
    market = boosting.market_of(values, feature_set)
    quoted = ~np.isnan(market).any(axis=1)
    chosen = quoted if quoted.any() else np.ones(len(values), dtype=bool)
    values, outcomes, market = values[chosen], outcomes[chosen], market[chosen]
    model = estimator.probabilities(values)
    return {
        "n": len(outcomes),
        "n_without_market": int((~quoted).sum()),
        "model": scoring.card(model, outcomes),
        "market": scoring.card(market, outcomes) if quoted.any() else None,
        "elo": scoring.card(boosting.elo_of(values, feature_set), outcomes),
        "log_loss_difference": _paired(model, market, outcomes) if quoted.any() else None,
    }


def _paired(model: NDArray, market: NDArray, outcomes: NDArray) -> dict[str, float]:
    gaps = scoring.log_losses(model, outcomes) - scoring.log_losses(market, outcomes)
    mean = float(gaps.mean())
    half = scoring.Z_95 * float(gaps.std(ddof=1)) / len(gaps) ** 0.5 if len(gaps) > 1 else 0.0
    return {"mean": mean, "low": mean - half, "high": mean + half}
