"""Home, draw or away: boosted trees on the market's logits, or on those of the ratings.

Every row starts from the logarithm of the margin-free market, or of Elo where there is no market;
the trees learn the residual.  No trees at all means: the market.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models_ml.domain import artefacts, calibrating, elo, lines, scoring
from models_ml.domain.artefacts import Artefact
from models_ml.domain.estimators import trees
from models_ml.domain.estimators.base import (
    AfterRound,
    Fitted,
    NotEnoughToLearn,
    Questions,
)
from models_ml.domain.estimators.trees import Objective, Rows, Trees
from models_ml.domain.examples import Examples
from models_ml.domain.features import FeatureSet
from models_ml.domain.lines import Answers, Shares
from models_ml.domain.splitting import Split

KIND = "boosted3"
TREES = "three"
CLASSES = ("HOME", "DRAW", "AWAY")
FALLBACK_DRAW_RATE = 0.26


def _log_loss(margins: NDArray, outcomes: NDArray) -> float:
    return scoring.log_loss(calibrating.probabilities(margins, calibrating.IDENTITY), outcomes)


#: A young league's trees may learn too: they begin at the market, and stop there if in doubt.
SOFTMAX = Objective("multi:softprob", "mlogloss", _log_loss, {"num_class": len(CLASSES)}, fewest=1)


@dataclass(frozen=True, slots=True)
class ThreeWay:
    """P(home), P(draw), P(away)."""

    trees: Trees
    columns: FeatureSet
    calibration: dict[str, Any]
    kind: str = KIND

    def margins(self, values: NDArray) -> NDArray:
        """Return the logits before calibration, (n, 3)."""
        return self.trees.margins(values, starts_of(values, self.columns))

    def probabilities(self, values: NDArray) -> NDArray:
        """Return calibrated probabilities, (n, 3), each in (0, 1)."""
        if len(values) == 0:
            return np.empty((0, len(CLASSES)))
        return calibrating.probabilities(self.margins(values), self.calibration)

    def answer(self, values: NDArray, questions: Questions) -> Answers:
        three, row, place = self.probabilities(values), questions.row, questions.place
        match questions.kind:
            case "MATCH_ODDS":
                return lines.whole(three[row, place])
            case "DOUBLE_CHANCE":  # home or draw, home or away, draw or away
                return lines.whole(1.0 - three[row, 2 - place])
            case "DRAW_NO_BET":
                return lines.answers(lines.sides(Shares(three[row, 0], three[row, 2]), place))
            case kind:
                raise ValueError(f"{KIND} does not answer {kind}")

    def explain(self, values: NDArray) -> NDArray:
        """Return what each feature adds to home's logit less away's, (n, f + 1)."""
        parts = self.trees.contributions(values, starts_of(values, self.columns))
        return parts[:, 0, :] - parts[:, 2, :]

    def sample(self, values: NDArray) -> NDArray:
        return self.probabilities(values)


def market_of(values: NDArray, columns: FeatureSet) -> NDArray:
    """Return the market's probabilities, (n, 3), NaN where there was none."""
    return np.asarray(values)[:, list(columns.market)]


def elo_of(values: NDArray, columns: FeatureSet) -> NDArray:
    """Return probabilities by Elo and the competition's share of draws, (n, 3)."""
    expected = np.nan_to_num(values[:, columns.expectation], nan=0.5)
    draws = np.nan_to_num(values[:, columns.draw_rate], nan=FALLBACK_DRAW_RATE)
    return elo.three_way(expected, draws)


def starts_of(values: NDArray, columns: FeatureSet) -> NDArray:
    """Return the logarithm of the market's probabilities, or of Elo's where there is none."""
    start = market_of(values, columns)
    missing = np.isnan(start).any(axis=1)
    if missing.any():
        start[missing] = elo_of(values[missing], columns)
    return np.log(np.clip(start, 1e-6, 1.0))


def fit(
    *,
    examples: Examples,
    split: Split,
    columns: FeatureSet,
    parameters: dict[str, Any],
    seed: int,
    after_round: AfterRound | None = None,
) -> Fitted:
    """Fit trees and calibration.

    Raises:
        NotEnoughToLearn: a result never came about in what is learned from.
    """
    seen = np.unique(examples.outcome[split.train])
    if len(seen) < len(CLASSES):
        told = ", ".join(CLASSES[i].lower() for i in seen) or "nothing"
        raise NotEnoughToLearn(f"{len(split.train)} matches, which ended in {told} alone")
    starts = starts_of(examples.values, columns)
    train, validation = (
        Rows(examples.values[part], starts[part], examples.outcome[part])
        for part in (split.train, split.validation)
    )
    content, report = trees.grow(
        train=train, validation=validation, objective=SOFTMAX,
        parameters=parameters, seed=seed, after_round=after_round,
    )  # fmt: skip
    held = split.calibration
    calibration = calibrating.choose(
        trees.load(content).margins(examples.values[held], starts[held]),
        examples.outcome[held],
        weeks=examples.week[held],
    )
    packed = artefacts.pack(
        kind=KIND, features_sha256=columns.sha256, boosters={TREES: content}, parameters={}
    )
    return Fitted(KIND, packed, calibration, report)


def load(*, artefact: Artefact, columns: FeatureSet, calibration: dict[str, Any]) -> ThreeWay:
    return bare(content=artefact.booster(TREES), columns=columns, calibration=calibration)


def bare(*, content: bytes, columns: FeatureSet, calibration: dict[str, Any]) -> ThreeWay:
    """Return the estimator of trees that stand alone, as the first artefacts held them."""
    return ThreeWay(trees.load(content), columns, calibration)
