"""Home or away: boosted trees on the market's logit, or on a logistic curve of the ratings."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from models_ml.domain import artefacts, calibrating, lines
from models_ml.domain.artefacts import Artefact
from models_ml.domain.estimators import branches, trees
from models_ml.domain.estimators.base import (
    AfterRound,
    Columns,
    Fitted,
    NotEnoughToLearn,
    Questions,
    column,
)
from models_ml.domain.estimators.branches import BRANCHES, Branches, Starts
from models_ml.domain.examples import Examples
from models_ml.domain.lines import Answers, Shares
from models_ml.domain.splitting import Split

KIND = "boosted2"
RATING_STEP = 100.0  # rating points that the logistic curve counts in
STEPS = 30  # of Newton's method
PRIOR = 20.0  # matches without a tie that speak against ties


@dataclass(frozen=True, slots=True, eq=False)
class TwoWay:
    """P(home | somebody wins), and how often nobody does."""

    columns: Columns
    branches: Branches
    calibration: dict[str, Any]
    curve: tuple[float, float]
    ties: float
    kind: str = KIND

    def margins(self, values: NDArray) -> NDArray:
        """Return the logits of home against away before calibration, (n,)."""
        return self.branches.margins(values, self._starts(values), self.columns)

    def probabilities(self, values: NDArray) -> NDArray:
        """Return P(home) and P(away) where somebody wins, (n, 2)."""
        found = np.empty((len(values), 2))
        if len(values) == 0:
            return found
        starts = self._starts(values)
        logits = two(self.branches.margins(values, starts, self.columns))
        for name in BRANCHES:
            mine = branches.served(starts, name)
            found[mine] = calibrating.probabilities(logits[mine], self.calibration[name])
        return np.clip(found, lines.SURE, 1.0 - lines.SURE)

    def answer(self, values: NDArray, questions: Questions) -> Answers:
        if questions.kind not in ("MONEYLINE", "DRAW_NO_BET"):
            raise ValueError(f"{KIND} does not answer {questions.kind}")
        decided = self.probabilities(values)[questions.row] * (1.0 - self.ties)
        first = Shares(decided[:, 0], decided[:, 1])
        return lines.answers(lines.sides(first, questions.place))

    def explain(self, values: NDArray) -> NDArray:
        return self.branches.contributions(values, self._starts(values), self.columns)

    def sample(self, values: NDArray) -> NDArray:
        return self.probabilities(values)

    def _starts(self, values: NDArray) -> Starts:
        return starts_of(values, self.columns, self.curve)


def two(logits: NDArray) -> NDArray:
    """Return logits of two classes whose difference these are, (n, 2)."""
    return np.stack([logits, np.zeros(len(logits))], axis=1)


def starts_of(values: NDArray, columns: Columns, curve: tuple[float, float]) -> Starts:
    market = column(values, columns, "market_home")
    return Starts(
        market=scipy.special.logit(np.clip(market, 1e-6, 1.0 - 1e-6)),
        ratings=curve[0] + curve[1] * ratings_of(values, columns),
    )


def ratings_of(values: NDArray, columns: Columns) -> NDArray:
    """Return how much better home is, in hundreds of points; 0 where nobody knows."""
    return np.nan_to_num(column(values, columns, "elo_difference"), nan=0.0) / RATING_STEP


def fit_curve(ratings: NDArray, home_won: NDArray) -> tuple[float, float]:
    """Return intercept and slope of the logistic curve that makes the winners likeliest.

    >>> rng = np.random.default_rng(1)
    >>> x = rng.normal(size=20_000)
    >>> y = rng.random(20_000) < scipy.special.expit(0.3 + 0.6 * x)
    >>> [round(value, 1) for value in fit_curve(x, y.astype(float))]
    [0.3, 0.6]
    """
    x = np.stack([np.ones(len(ratings)), ratings], axis=1)
    beta = np.zeros(2)
    for _ in range(STEPS):
        p = scipy.special.expit(x @ beta)
        slope = x.T @ (home_won - p) - 1e-3 * beta
        bend = (x * (p * (1.0 - p))[:, None]).T @ x + 1e-3 * np.eye(2)
        beta = beta + np.clip(np.linalg.solve(bend, slope), -1.0, 1.0)
    return float(beta[0]), float(beta[1])


def fit(
    *,
    examples: Examples,
    split: Split,
    columns: Columns,
    parameters: dict[str, Any],
    seed: int,
    after_round: AfterRound | None = None,
) -> Fitted:
    """Fit curve, trees and calibration; ties teach nothing but how often they come.

    Raises:
        NotEnoughToLearn: one side won every match.
    """
    outcome = examples.outcome
    decided = outcome != 1
    train, validation, calibrated = (
        rows[decided[rows]] for rows in (split.train, split.validation, split.calibration)
    )
    parts = Split(train, validation, calibrated, split.test)
    learned = outcome[np.concatenate([parts.train, parts.validation])]
    if len(np.unique(learned)) < 2:
        raise NotEnoughToLearn(f"{len(learned)} matches, all won by the same side")
    home_won = (outcome == 0).astype(np.float64)
    ratings = ratings_of(examples.values, columns)
    curve = fit_curve(ratings[parts.train], home_won[parts.train])
    starts = starts_of(examples.values, columns, curve)
    content, report = branches.grow(
        values=examples.values, starts=starts, labels=home_won, split=parts, columns=columns,
        objective=trees.LOGISTIC, parameters=parameters, seed=seed, after_round=after_round,
    )  # fmt: skip
    margins = branches.load(content).margins(examples.values, starts, columns)
    calibration = {}
    for name in BRANCHES:
        rows = parts.calibration[branches.served(starts, name)[parts.calibration]]
        calibration[name] = calibrating.choose(
            two(margins[rows]), outcome[rows] // 2, weeks=examples.week[rows]
        )
    tied = int((outcome[split.train] == 1).sum())
    packed = artefacts.pack(
        kind=KIND,
        features_sha256=columns.sha256,
        boosters=content,
        parameters={
            "curve": list(curve),
            "ties": tied / (len(split.train) + PRIOR),
        },
    )
    return Fitted(KIND, packed, calibration, {**report, "ties": tied})


def load(*, artefact: Artefact, columns: Columns, calibration: dict[str, Any]) -> TwoWay:
    intercept, slope = artefact.numbers("curve", 2)
    return TwoWay(
        columns=columns,
        branches=branches.load({name: artefact.booster(name) for name in BRANCHES}),
        calibration=calibration,
        curve=(intercept, slope),
        ties=artefact.number("ties"),
    )
