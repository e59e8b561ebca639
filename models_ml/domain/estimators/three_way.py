"""Home, draw or away: the boosted trees of ``boosting`` behind the face of every estimator."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models_ml.domain import artefacts, boosting, calibrating, lines
from models_ml.domain.artefacts import Artefact
from models_ml.domain.boosting import TrainingSet
from models_ml.domain.estimators.base import (
    AfterRound,
    Fitted,
    NotEnoughToLearn,
    Questions,
)
from models_ml.domain.examples import Examples
from models_ml.domain.features import FeatureSet
from models_ml.domain.lines import Answers, Shares
from models_ml.domain.splitting import Split

KIND = "boosted3"
TREES = "three"


@dataclass(frozen=True, slots=True)
class ThreeWay:
    """P(home), P(draw), P(away)."""

    trees: boosting.Estimator
    kind: str = KIND

    def margins(self, values: NDArray) -> NDArray:
        """Return the logits before calibration, (n, 3)."""
        return self.trees.margins(values)

    def probabilities(self, values: NDArray) -> NDArray:
        """Return calibrated probabilities, (n, 3)."""
        return self.trees.probabilities(values)

    def answer(self, values: NDArray, questions: Questions) -> Answers:
        three = self.probabilities(values)[questions.row]
        match questions.kind:
            case "MATCH_ODDS":
                won = three[np.arange(len(questions)), questions.place]
            case "DOUBLE_CHANCE":  # home or draw, home or away, draw or away
                won = 1.0 - three[np.arange(len(questions)), 2 - questions.place]
            case "DRAW_NO_BET":
                first = Shares(three[:, 0], three[:, 2])
                return lines.answers(lines.sides(first, questions.place))
            case kind:
                raise ValueError(f"{KIND} does not answer {kind}")
        return lines.answers(Shares(won, 1.0 - won))

    def explain(self, values: NDArray) -> NDArray:
        """Return what each feature adds to home's logit less away's, (n, f + 1)."""
        import xgboost

        start = boosting.base_margins(values, self.trees.feature_set)
        matrix = xgboost.DMatrix(values, base_margin=np.zeros(start.shape), nthread=1)
        parts = self.trees.booster.predict(matrix, pred_contribs=True, validate_features=False)
        found = np.asarray(parts[:, 0, :] - parts[:, 2, :], dtype=np.float64)
        found[:, -1] += start[:, 0] - start[:, 2]
        return found

    def sample(self, values: NDArray) -> NDArray:
        return self.probabilities(values)


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
    if len(seen) < len(boosting.CLASSES):
        told = ", ".join(boosting.CLASSES[i].lower() for i in seen) or "nothing"
        raise NotEnoughToLearn(f"{len(split.train)} matches, which ended in {told} alone")
    rows = TrainingSet(examples.event, examples.starts, examples.values, examples.outcome)
    content, report = boosting.fit(
        rows=rows,
        split=split,
        feature_set=columns,
        parameters=parameters,
        seed=seed,
        after_round=after_round,
    )
    raw = boosting.load(content=content, feature_set=columns, calibration=calibrating.IDENTITY)
    held = split.calibration
    calibration = calibrating.choose(
        raw.margins(examples.values[held]), examples.outcome[held], weeks=examples.week[held]
    )
    packed = artefacts.pack(
        kind=KIND, features_sha256=columns.sha256, boosters={TREES: content}, parameters={}
    )
    return Fitted(KIND, packed, calibration, report)


def load(*, artefact: Artefact, columns: FeatureSet, calibration: dict[str, Any]) -> ThreeWay:
    return bare(content=artefact.booster(TREES), columns=columns, calibration=calibration)


def bare(*, content: bytes, columns: FeatureSet, calibration: dict[str, Any]) -> ThreeWay:
    """Return the estimator of trees that stand alone, as the first artefacts held them."""
    return ThreeWay(boosting.load(content=content, feature_set=columns, calibration=calibration))
