"""Boosted trees that learn what a start does not know, kept only where they help.

xgboost is imported where it is used: a worker's parent must not load OpenMP before it forks.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models_ml.domain.estimators.base import AfterRound
from models_ml.domain.estimators.flat import Flat, flat

# Strong on purpose: a league has a few hundred matches a year, and the market knows nearly all
# that their results tell.  Weaker settings learn the noise of one season and lose it the next.
DEFAULTS: dict[str, Any] = {
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
FEWEST = 60  # rows to validate by, below which no tree is grown

Loss = Callable[[NDArray, NDArray], float]  # (margins, labels) -> mean loss


@dataclass(frozen=True, slots=True)
class Objective:
    """What trees minimise, the same number for the start alone, and what else xgboost asks."""

    name: str
    metric: str
    loss: Loss
    settings: Mapping[str, Any] = field(default_factory=dict)
    fewest: int = FEWEST


def _logistic(margins: NDArray, labels: NDArray) -> float:
    return float((np.logaddexp(0.0, margins) - labels * margins).mean())


def _squared(margins: NDArray, labels: NDArray) -> float:
    return float(np.sqrt(((margins - labels) ** 2).mean()))


def _poisson(margins: NDArray, labels: NDArray) -> float:
    from scipy.special import gammaln

    return float((np.exp(margins) - labels * margins + gammaln(labels + 1.0)).mean())


LOGISTIC = Objective("binary:logistic", "logloss", _logistic)
SQUARED = Objective("reg:squarederror", "rmse", _squared)
POISSON = Objective("count:poisson", "poisson-nloglik", _poisson)


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Values, the margin each row starts from, (n,) or one a class, (n, k), and its label."""

    values: NDArray
    start: NDArray
    labels: NDArray

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, slots=True)
class Trees:
    """Loaded trees, or none: then a row stays where it starts."""

    booster: Any | None
    flat: Flat | None = None  # the same for a few rows at once

    def margins(self, values: NDArray, start: NDArray) -> NDArray:
        """Return start and trees together, float64, in the start's shape."""
        if self.booster is None or len(values) == 0:
            return np.array(start, dtype=np.float64)
        # The start is added here and not by xgboost, which would round it to single precision.
        if self.flat is not None and self.flat.takes(len(values)):
            own = self.flat.margins(values)
        else:
            own = self.booster.inplace_predict(
                values, base_margin=np.zeros(start.shape), predict_type="margin"
            )
        return own.astype(np.float64).reshape(start.shape) + start

    def contributions(self, values: NDArray, start: NDArray) -> NDArray:
        """Return what each feature adds, (n, f + 1) or (n, k, f + 1); the last is the start."""
        found = np.zeros((*start.shape, values.shape[1] + 1))
        if self.booster is not None and len(values):
            import xgboost

            matrix = xgboost.DMatrix(values, base_margin=np.zeros(start.shape), nthread=1)
            found[:] = self.booster.predict(matrix, pred_contribs=True, validate_features=False)
        found[..., -1] += start
        return found


def grow(
    *,
    train: Rows,
    validation: Rows,
    objective: Objective,
    parameters: dict[str, Any],
    seed: int,
    after_round: AfterRound | None = None,
) -> tuple[bytes, dict[str, Any]]:
    """Grow trees on the train rows, stopped by the validation rows.

    Returns them as UBJSON, empty where not even the first tree helped or there are too few rows,
    and a report.  Same rows, parameters and seed: same bytes.
    """
    if min(len(validation), len(train)) < objective.fewest:
        return b"", {"rounds_kept": 0, "rounds_tried": 0, "n": len(train)}
    import xgboost

    settings = {**DEFAULTS, **parameters, **objective.settings, "seed": seed}
    settings |= {"objective": objective.name, "eval_metric": objective.metric}
    rounds, patience = settings.pop("rounds", ROUNDS), settings.pop("patience", PATIENCE)
    before = objective.loss(validation.start, validation.labels)
    told: dict[str, Any] = {}
    booster = xgboost.train(
        settings,
        _matrix(train),
        num_boost_round=rounds,
        evals=[(_matrix(validation), "validation")],
        early_stopping_rounds=patience,
        evals_result=told,
        verbose_eval=False,
        callbacks=[_follower(after_round, rounds)],
    )
    losses = told["validation"][objective.metric]
    kept = booster.best_iteration + 1 if min(losses) < before else 0
    report = {
        "rounds_kept": kept,
        "rounds_tried": len(losses),
        "n": len(train),
        "validation_loss_of_start": before,
        "validation_loss": min(before, *losses),
    }
    return (_stripped(booster[:kept]) if kept else b""), report


def _stripped(booster: Any) -> bytes:
    """Return trees as UBJSON without what training wrote beside them."""
    for name in list(booster.attributes()):
        booster.set_attr(**{name: None})
    return bytes(booster.save_raw("ubj"))


def gains(content: bytes, names: list[str]) -> dict[str, float]:
    """Return how much each feature's splits lowered the loss in all, by name; of nothing, none."""
    if not content:
        return {}
    told = _booster_of(content).get_score(importance_type="total_gain")
    return {_named(name, names): float(gain) for name, gain in told.items()}


def _named(name: str, names: list[str]) -> str:
    """Return a feature's name where trees know it by its place alone.

    >>> _named("f1", ["elo", "rest"]), _named("rest", ["elo", "rest"])
    ('rest', 'rest')
    """
    return name if name in names else names[int(name.removeprefix("f"))]


def load(content: bytes) -> Trees:
    """Return trees out of UBJSON; of nothing, none.

    Raises:
        ValueError: these bytes are no trees.
    """
    if not content:
        return Trees(None)
    booster = _booster_of(content)
    return Trees(booster, flat(booster))


def _booster_of(content: bytes) -> Any:
    import xgboost

    booster = xgboost.Booster({"nthread": 1})
    booster.load_model(bytearray(content))
    booster.set_param({"nthread": 1})
    return booster


def library_version() -> str:
    import xgboost

    return str(xgboost.__version__)


def _follower(after_round: AfterRound | None, rounds: int) -> Any:
    """Return what xgboost calls after each round."""
    from xgboost.callback import TrainingCallback

    class AfterEachRound(TrainingCallback):
        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            if after_round is not None:
                after_round(epoch + 1, rounds)
            return False

    return AfterEachRound()


def _matrix(rows: Rows) -> Any:
    import xgboost

    return xgboost.DMatrix(rows.values, rows.labels, base_margin=rows.start, nthread=1)
