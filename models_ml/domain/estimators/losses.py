"""What an estimator's words were worth: ``-ln P`` of what came, whatever it foretells."""

import numpy as np
from numpy.typing import NDArray

from models_ml.domain import figures, goals, margins, scoring, softmax
from models_ml.domain.estimators import runners
from models_ml.domain.estimators.base import Estimator
from models_ml.domain.estimators.figure import Figure
from models_ml.domain.estimators.points import Points
from models_ml.domain.estimators.runners import Runners
from models_ml.domain.estimators.scores import Goals
from models_ml.domain.estimators.three_way import ThreeWay
from models_ml.domain.estimators.two_way import TwoWay
from models_ml.domain.examples import Examples


def log_losses(estimator: Estimator, examples: Examples) -> NDArray:
    """Return ``-ln P`` of what came, in nats: row by row, for races race by race.

    Left out are ties where only winners are foretold, and races without exactly one winner.

    Raises:
        ValueError: nobody told how this kind is scored.
    """
    values = examples.values
    match estimator:
        case ThreeWay():
            return scoring.log_losses(estimator.probabilities(values), examples.outcome)
        case TwoWay():
            decided = examples.outcome != 1
            told = estimator.probabilities(values[decided])
            return scoring.log_losses(told, examples.outcome[decided] // 2)
        case Points():
            return _of_points(estimator, examples)
        case Goals():
            home, away = estimator.expected(values)
            return goals.log_losses(
                home=home, away=away, rho=estimator.rho,
                home_goals=examples.home, away_goals=examples.away,
            )  # fmt: skip
        case Figure():
            return figures.log_losses(
                mean=estimator.expected(values),
                observed=examples.figure,
                spread=estimator.calibration.get("spread", estimator.spread),
            )
        case Runners():
            good = examples.part(runners.whole(examples))
            chances = estimator.probabilities(good.values, good.group)
            return softmax.log_losses(chances, good.winner, good.group)
    raise ValueError(f"nobody told how {estimator.kind} is scored")


def _of_points(estimator: Points, examples: Examples) -> NDArray:
    mean, sd = estimator.expected(examples.values)
    observed = estimator.target.labels(examples)
    found = np.empty(len(mean))
    for one in np.unique(sd):
        rows = sd == one
        found[rows] = margins.log_losses(
            mean=mean[rows], observed=observed[rows], sd=float(one),
            weights=estimator.weights, support=estimator.target.support,
        )  # fmt: skip
    return found
