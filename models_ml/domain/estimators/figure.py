"""A player's figure: trees on his weighted mean, and one of two families around it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models_ml.domain import artefacts, figures, lines
from models_ml.domain.artefacts import Artefact
from models_ml.domain.estimators import trees
from models_ml.domain.estimators.base import (
    AfterRound,
    Columns,
    Fitted,
    NotEnoughToLearn,
    Questions,
    column,
)
from models_ml.domain.estimators.trees import Rows, Trees
from models_ml.domain.examples import Examples
from models_ml.domain.lines import Answers
from models_ml.domain.splitting import Split

KIND = "figure"
MEANS = ("mean_weighted", "mean_10", "mean_20", "mean_5")  # the first that is known
MINIMUM = 60  # rows, below which nothing is calibrated
LEAST = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Figure:
    """An expected figure and how the figures are spread around it."""

    columns: Columns
    trees: Trees
    calibration: dict[str, Any]
    spread: dict[str, Any]
    usual: float
    kind: str = KIND

    def expected(self, values: NDArray) -> NDArray:
        """Return each row's mean, (n,)."""
        return np.exp(self.trees.margins(values, starts_of(values, self.columns, self.usual)))

    def answer(self, values: NDArray, questions: Questions) -> Answers:
        if questions.kind != "PLAYER_TOTAL":
            raise ValueError(f"{KIND} does not answer {questions.kind}")
        spread = self.calibration.get("spread", self.spread)
        below = figures.below_of(mean=self.expected(values), row=questions.row, spread=spread)
        shares = lines.over(below=below, line=questions.line)
        return lines.answers(lines.sides(shares, questions.place))

    def explain(self, values: NDArray) -> NDArray:
        return self.trees.contributions(values, starts_of(values, self.columns, self.usual))

    def sample(self, values: NDArray) -> NDArray:
        return self.expected(values)[:, None]


def starts_of(values: NDArray, columns: Columns, usual: float) -> NDArray:
    mean = column(values, columns, *MEANS)
    return np.log(np.maximum(np.where(np.isnan(mean), usual, mean), LEAST))


def fit(
    *,
    examples: Examples,
    split: Split,
    columns: Columns,
    parameters: dict[str, Any],
    seed: int,
    after_round: AfterRound | None = None,
) -> Fitted:
    """Fit the trees, the family and its spread.

    The family is fitted on the train rows and chosen on the validation rows; its spread is
    fitted anew on the calibration rows where that helps.

    Raises:
        NotEnoughToLearn: every figure is the same.
    """
    labels = np.maximum(examples.figure, 0.0)
    if len(np.unique(labels[split.train])) < 2:
        raise NotEnoughToLearn(f"{len(split.train)} figures, all the same")
    usual = float(max(labels[split.train].mean(), LEAST))
    start = starts_of(examples.values, columns, usual)
    train, validation = (
        Rows(examples.values[rows], start[rows], labels[rows])
        for rows in (split.train, split.validation)
    )
    content, report = trees.grow(
        train=train, validation=validation, objective=trees.POISSON,
        parameters=parameters, seed=seed, after_round=after_round,
    )  # fmt: skip
    mean = np.exp(trees.load(content).margins(examples.values, start))
    held_out = split.validation if len(split.validation) else split.train
    spread = figures.choose_spread(
        mean=mean[split.train], observed=labels[split.train],
        later_mean=mean[held_out], later_observed=labels[held_out],
    )  # fmt: skip
    rows = split.calibration
    calibration = choose(mean=mean[rows], observed=labels[rows], spread=spread)
    packed = artefacts.pack(
        kind=KIND,
        features_sha256=columns.sha256,
        boosters={"mean": content},
        parameters={"usual": usual, "family": spread["family"], "spread": spread["value"]},
    )
    return Fitted(KIND, packed, calibration, {**report, "spread": spread})


def choose(*, mean: NDArray, observed: NDArray, spread: dict[str, Any]) -> dict[str, Any]:
    """Return a spread that does better on rows it was not fitted on, or none."""
    n = len(mean)
    if n < MINIMUM:
        return {"method": "identity", "n": n}
    half = n // 2
    trial = figures.fit_spread(mean=mean[:half], observed=observed[:half], family=spread["family"])
    plain, better = (
        figures.log_losses(mean=mean[half:], observed=observed[half:], spread=one)
        for one in (spread, trial)
    )
    gain = plain - better
    found: dict[str, Any] = {
        "method": "identity",
        "n": n,
        "held_out_log_loss": {"identity": float(plain.mean()), "spread": float(better.mean())},
    }
    if gain.mean() > gain.std(ddof=1) / len(gain) ** 0.5:
        found["method"] = "spread"
        found["spread"] = figures.fit_spread(mean=mean, observed=observed, family=spread["family"])
    return found


def load(*, artefact: Artefact, columns: Columns, calibration: dict[str, Any]) -> Figure:
    return Figure(
        columns=columns,
        trees=trees.load(artefact.booster("mean")),
        calibration=calibration,
        spread={"family": artefact.text("family"), "value": artefact.number("spread")},
        usual=artefact.number("usual"),
    )
