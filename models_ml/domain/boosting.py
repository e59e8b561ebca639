"""Gradient-boosted trees that learn what the market does not know.

Every row enters with a base margin, the logarithm of the margin-free market (or of Elo where
there is no market); the trees learn the residual.  No trees at all means: the market.

xgboost is imported where it is used: a worker's parent must not load OpenMP before it forks.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models_ml.domain import calibrating, elo
from models_ml.domain.features import FeatureSet
from models_ml.domain.splitting import Split

CLASSES = ("HOME", "DRAW", "AWAY")
# Strong on purpose: a league has a few hundred matches a year, and the market knows nearly all
# that their results tell.  Weaker settings learn the noise of one season and lose it the next.
DEFAULTS: dict[str, Any] = {
    "objective": "multi:softprob",
    "num_class": 3,
    "eval_metric": "mlogloss",
    "tree_method": "hist",
    "nthread": 1,
    "eta": 0.01,
    "max_depth": 2,
    "min_child_weight": 60.0,
    "subsample": 0.7,
    "colsample_bytree": 0.5,
    "lambda": 200.0,
    "alpha": 1.0,
    "gamma": 0.5,
    "max_bin": 64,
}
ROUNDS, PATIENCE = 400, 40
FALLBACK_DRAW_RATE = 0.26
AfterRound = Callable[[int, int], None]  # (rounds done, rounds at most); may raise to cancel


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """Rows in time order: values (n, f) with NaN, outcomes (n,) 0 home 1 draw 2 away."""

    event_ids: NDArray
    starts: NDArray  # µs
    values: NDArray
    outcomes: NDArray

    def __len__(self) -> int:
        return len(self.outcomes)


@dataclass(frozen=True, slots=True)
class Estimator:
    """Loaded trees with their calibration, ready to foretell."""

    booster: Any
    feature_set: FeatureSet
    calibration: dict[str, Any]

    def margins(self, values: NDArray) -> NDArray:
        """Return the trees' logits incl. the base margin, (n, 3)."""
        base = base_margins(values, self.feature_set)
        return self.booster.inplace_predict(values, base_margin=base, predict_type="margin")

    def probabilities(self, values: NDArray) -> NDArray:
        """Return calibrated probabilities of home, draw and away, (n, 3), each in (0, 1)."""
        if len(values) == 0:
            return np.empty((0, len(CLASSES)))
        return calibrating.probabilities(self.margins(values), self.calibration)


def market_of(values: NDArray, feature_set: FeatureSet) -> NDArray:
    """Return the market's probabilities, (n, 3), NaN where there was none."""
    return np.asarray(values)[:, list(feature_set.market)]


def elo_of(values: NDArray, feature_set: FeatureSet) -> NDArray:
    """Return probabilities by Elo and the competition's share of draws, (n, 3)."""
    expected = np.nan_to_num(values[:, feature_set.expectation], nan=0.5)
    draws = values[:, feature_set.draw_rate]
    draws = np.where(np.isnan(draws), FALLBACK_DRAW_RATE, draws)
    rows = [elo.three_way(float(e), float(d)) for e, d in zip(expected, draws, strict=True)]
    return np.array(rows, dtype=float).reshape(-1, len(CLASSES))


def base_margins(values: NDArray, feature_set: FeatureSet) -> NDArray:
    """Return the logarithm of the market's probabilities, or of Elo's where there is none."""
    start = market_of(values, feature_set)
    missing = np.isnan(start).any(axis=1)
    if missing.any():
        start = start.copy()
        start[missing] = elo_of(values[missing], feature_set)
    return np.log(np.clip(start, 1e-6, 1.0))


def says_nothing(values: NDArray, feature_set: FeatureSet) -> NDArray:
    """Return which rows know neither a market nor a single earlier match, (n,) bool."""
    return np.isnan(values[:, list(feature_set.needed)]).all(axis=1)


def fit(
    *,
    rows: TrainingSet,
    split: Split,
    feature_set: FeatureSet,
    parameters: dict[str, Any],
    seed: int,
    after_round: AfterRound | None = None,
) -> tuple[bytes, dict[str, Any]]:
    """Grow trees on the train part, stopped by the validation part.

    Returns the model as UBJSON and how many trees were worth keeping: none, where the first
    already made the validation part worse.  Same rows, parameters and seed: same bytes.
    """
    import xgboost

    settings = {**DEFAULTS, **parameters, "seed": seed}
    rounds, patience = settings.pop("rounds", ROUNDS), settings.pop("patience", PATIENCE)
    matrices = [_matrix(rows, part, feature_set) for part in (split.train, split.validation)]
    before = _loss_of_base(rows, split.validation, feature_set)
    losses: dict[str, Any] = {}
    booster = xgboost.train(
        settings,
        matrices[0],
        num_boost_round=rounds,
        evals=[(matrices[1], "validation")],
        early_stopping_rounds=patience,
        evals_result=losses,
        verbose_eval=False,
        callbacks=[_after_each_round(after_round, rounds)],
    )
    kept = booster.best_iteration + 1
    if booster.best_score >= before:
        kept = 0
        booster = xgboost.train(settings, matrices[0], num_boost_round=0)
    else:
        booster = booster[:kept]
    for name in list(booster.attributes()):
        booster.set_attr(**{name: None})
    report = {
        "rounds_kept": kept,
        "rounds_tried": len(losses["validation"]["mlogloss"]),
        "validation_log_loss_of_base": before,
        "validation_log_loss": min(before, *losses["validation"]["mlogloss"]),
    }
    return bytes(booster.save_raw("ubj")), report


def load(*, content: bytes, feature_set: FeatureSet, calibration: dict[str, Any]) -> Estimator:
    """Return the estimator of an artefact whose hash has been checked already."""
    import xgboost

    booster = xgboost.Booster({"nthread": 1})
    booster.load_model(bytearray(content))
    booster.set_param({"nthread": 1})
    return Estimator(booster, feature_set, calibration)


def library_version() -> str:
    import xgboost

    return str(xgboost.__version__)


def _matrix(rows: TrainingSet, part: NDArray, feature_set: FeatureSet) -> Any:
    import xgboost

    values = rows.values[part]
    return xgboost.DMatrix(
        values,
        rows.outcomes[part],
        base_margin=base_margins(values, feature_set),
        feature_names=feature_set.names,
        nthread=1,
    )


def _loss_of_base(rows: TrainingSet, part: NDArray, feature_set: FeatureSet) -> float:
    from models_ml.domain import scoring

    base = calibrating.probabilities(
        base_margins(rows.values[part], feature_set), calibrating.IDENTITY
    )
    return scoring.log_loss(base, rows.outcomes[part])


def _after_each_round(after_round: AfterRound | None, rounds: int) -> Any:
    from xgboost.callback import TrainingCallback

    class AfterEachRound(TrainingCallback):
        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            if after_round is not None:
                after_round(epoch + 1, rounds)
            return False

    return AfterEachRound()
