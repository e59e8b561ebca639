"""What an estimator said as plain statements with a probability, and whether each came true."""

import numpy as np
from numpy.typing import NDArray

from models_ml.domain.estimators import runners
from models_ml.domain.estimators.base import Estimator, questions
from models_ml.domain.estimators.figure import Figure
from models_ml.domain.estimators.points import Points
from models_ml.domain.estimators.runners import Runners
from models_ml.domain.estimators.scores import Goals
from models_ml.domain.estimators.three_way import ThreeWay
from models_ml.domain.estimators.two_way import TwoWay
from models_ml.domain.examples import Examples
from models_ml.domain.scoring import diagram

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)  # of what came: where "more than" is asked


def statements(estimator: Estimator, examples: Examples) -> tuple[NDArray, NDArray]:
    """Return probabilities that were said and whether it happened (1 or 0).

    Of three outcomes each one's, of two the home side's where somebody won, of a runner that it
    wins.  Of a margin, a total and a figure: that it is more than each of five numbers which lie
    between the ones that can come, so that no stake would be refunded.

    Raises:
        ValueError: nobody told what this kind states.
    """
    values = examples.values
    match estimator:
        case ThreeWay() | Goals():
            return diagram.statements(estimator.probabilities(values), examples.outcome)
        case TwoWay():
            decided = examples.outcome != 1
            said = estimator.probabilities(values[decided])[:, 0]
            return said, (examples.outcome[decided] == 0).astype(float)
        case Points():
            kind = "SPREAD" if estimator.kind == "margin" else "TOTAL"
            labels = estimator.target.labels(examples)
            return _more_than(estimator, values, labels, kind, -1 if kind == "SPREAD" else 1)
        case Figure():
            return _more_than(estimator, values, examples.figure, "PLAYER_TOTAL", 1)
        case Runners():
            good = examples.part(runners.whole(examples))
            return estimator.probabilities(good.values, good.group), good.winner
    raise ValueError(f"nobody told what {estimator.kind} states")


def _more_than(
    estimator: Estimator, values: NDArray, labels: NDArray, kind: str, sign: int
) -> tuple[NDArray, NDArray]:
    said, happened = [], []
    for number in np.unique(np.floor(np.quantile(labels, QUANTILES)) + 0.5):
        asked = questions(kind=kind, row=np.arange(len(values)), line=sign * number)
        said.append(estimator.answer(values, asked).probability)
        happened.append((labels > number).astype(float))
    return np.concatenate(said), np.concatenate(happened)
