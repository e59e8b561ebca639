"""Holding a version beside the market and beside Elo, on matches whose results are known."""

from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models_ml.domain import boosting, feature_sets, features, scoring
from models_ml.domain.boosting import TrainingSet
from models_ml.domain.estimators.three_way import ThreeWay
from models_ml.domain.features import FeatureSet
from models_ml.models import ModelVersion, Pipeline
from models_ml.services import examples, loading
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
    rows = examples.examples(pipeline=pipeline, until=until, since=since)
    return TrainingSet(
        event_ids=rows.event, starts=rows.starts, values=rows.values, outcomes=rows.outcome
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
        estimator=loading.three_way(version=version),
        values=rows.values[inside],
        outcomes=rows.outcomes[inside],
        feature_set=feature_set,
    )


def score_cards(
    *, estimator: ThreeWay, values: NDArray, outcomes: NDArray, feature_set: FeatureSet
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
