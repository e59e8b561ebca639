"""Keeping what the world looked like when a version learned: drift is measured against it."""

from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from models_ml.domain import drift, scoring
from models_ml.domain.estimators import words
from models_ml.domain.features import FeatureSet
from models_ml.models import DriftReference, ModelVersion
from models_ml.services.learning import Learned

PLACES = 6  # decimals of a kept Brier score


def remember(*, version: ModelVersion, learned: Learned, feature_set: FeatureSet) -> None:
    """Keep the reference of a version, inside the caller's transaction.

    A replay's versions serve their replay alone, and nobody looks for drift there.
    """
    if version.replay_id is not None:
        return
    examples, test = learned.examples, learned.test
    kept = drift.reference(examples.values, feature_set.names, starts=examples.starts)
    kind = version.pipeline.market_kind
    said = words.words(learned.estimator, test, market_kind=kind)
    briers = scoring.briers(said.probabilities, said.outcomes) if len(said.row) else np.empty(0)
    gaps = market_gaps(said, words.of_market(said, test, market_kind=kind))
    DriftReference.objects.create(
        version=version,
        figures=kept.as_figures(),
        since=_moment(examples.starts[0]),
        until=_moment(examples.starts[-1]),
        n=len(examples),
        market_kind=kind,
        briers=briers.round(PLACES).tolist(),
        gap_n=len(gaps),
        gap_mean=float(gaps.mean()) if len(gaps) else 0.0,
        gap_sigma=float(gaps.std(ddof=1)) if len(gaps) > 1 else 0.0,
    )


def market_gaps(said: words.Words, market: NDArray) -> NDArray:
    """Return log loss less the market's, of the rows that have a market."""
    known = np.isfinite(market).all(axis=1)
    if not known.any():
        return np.empty(0)
    ours = scoring.log_losses(said.probabilities[known], said.outcomes[known])
    return ours - scoring.log_losses(market[known], said.outcomes[known])


def _moment(microseconds: int) -> datetime:
    return datetime.fromtimestamp(int(microseconds) / 1e6, tz=UTC)
