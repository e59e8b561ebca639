"""Goals of both sides: two rows of trees on expected goals, and a table of every score."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models_ml.domain import artefacts, goals
from models_ml.domain.artefacts import Artefact
from models_ml.domain.estimators import branches, trees
from models_ml.domain.estimators.base import (
    MARKET,
    RATINGS,
    AfterRound,
    Columns,
    Fitted,
    NotEnoughToLearn,
    Questions,
    column,
)
from models_ml.domain.estimators.branches import BRANCHES, Branches, Starts
from models_ml.domain.examples import Examples
from models_ml.domain.lines import Answers
from models_ml.domain.splitting import Split

KIND = "goals"
SIDES = ("home", "away")
MINIMUM = 60  # rows, below which nothing is calibrated
SCALES = (0.8, 1.25)
# Goals that speak for what was expected: a market is right about a season's goals to within a
# hundredth, ratings to within a twentieth.  Eight weeks of four leagues are 1,200 goals, which
# chance alone moves by three hundredths.
SPEAK_FOR = {MARKET: 6_000.0, RATINGS: 400.0}
MARKETS_RHO = -0.05  # the correction with which a market is read
UNMOVED: dict[str, Any] = {"method": "identity", "scale": 1.0}


@dataclass(frozen=True, slots=True, eq=False)
class Goals:
    """Expected goals of both sides, and how low scores go together."""

    columns: Columns
    home: Branches
    away: Branches
    calibration: dict[str, Any]
    rho: float
    usual: tuple[float, float]
    kind: str = KIND

    def expected(self, values: NDArray) -> tuple[NDArray, NDArray]:
        """Return the expected goals of home and of away, calibrated."""
        starts = starts_of(values, self.columns, self.usual)
        home, away = (
            np.exp(own.margins(values, start, self.columns))
            for own, start in zip((self.home, self.away), starts, strict=True)
        )
        for name in BRANCHES:
            mine = branches.served(starts[0], name)
            home[mine] *= self.calibration[name]["scale"]
            away[mine] *= self.calibration[name]["scale"]
        return home, away

    def probabilities(self, values: NDArray) -> NDArray:
        """Return P(home), P(draw), P(away), (n, 3)."""
        found = np.empty((len(values), 3))
        home, away = self.expected(values)
        for first in range(0, len(values), goals.CHUNK):
            part = slice(first, first + goals.CHUNK)
            found[part] = goals.outcomes(goals.grid(home=home[part], away=away[part], rho=self.rho))
        return found

    def answer(self, values: NDArray, questions: Questions) -> Answers:
        home, away = self.expected(values)
        found = Answers(np.empty(len(questions)), np.empty(len(questions)))
        for first in range(0, len(values), goals.CHUNK):
            part = slice(first, first + goals.CHUNK)
            inside = (questions.row >= first) & (questions.row < first + goals.CHUNK)
            mine = np.flatnonzero(inside)
            told = goals.answers(
                scores=goals.grid(home=home[part], away=away[part], rho=self.rho),
                kind=questions.kind,
                place=questions.place[mine],
                line=questions.line[mine],
                side=questions.side[mine],
                row=questions.row[mine] - first,
            )
            found.probability[mine], found.refund[mine] = told
        return found

    def explain(self, values: NDArray) -> NDArray:
        """Return what each feature adds to ln(home goals) less ln(away goals)."""
        home, away = starts_of(values, self.columns, self.usual)
        return self.home.contributions(values, home, self.columns) - self.away.contributions(
            values, away, self.columns
        )

    def sample(self, values: NDArray) -> NDArray:
        return np.stack(self.expected(values), axis=1)


def starts_of(
    values: NDArray, columns: Columns, usual: tuple[float, float]
) -> tuple[Starts, Starts]:
    """Return the logarithms of both sides' goals that the market tells, and the ratings."""
    names = ("market_home", "market_draw", "market_away")
    told = goals.implied(
        market=np.stack([column(values, columns, name) for name in names], axis=1),
        total_line=column(values, columns, "total_line"),
        total_over=column(values, columns, "total_over"),
        rho=MARKETS_RHO,
    )
    found = []
    for side, market, mean in zip(SIDES, told, usual, strict=True):
        rated = column(values, columns, f"goals_{side}")
        rated = np.clip(np.where(np.isnan(rated), mean, rated), goals.FEWEST, goals.LARGEST)
        found.append(Starts(market=np.log(market), ratings=np.log(rated)))
    return found[0], found[1]


def fit(
    *,
    examples: Examples,
    split: Split,
    columns: Columns,
    parameters: dict[str, Any],
    seed: int,
    after_round: AfterRound | None = None,
) -> Fitted:
    """Fit the trees of both sides, the correction of low scores and the calibration.

    Raises:
        NotEnoughToLearn: every match ended alike.
    """
    scored = (examples.home, examples.away)
    if len(np.unique(np.stack(scored)[:, split.train], axis=1).T) < 2:
        raise NotEnoughToLearn(f"{len(split.train)} matches, all with the same score")
    usual = (float(scored[0][split.train].mean()), float(scored[1][split.train].mean()))
    starts = starts_of(examples.values, columns, usual)
    content, report, expected = {}, {}, []
    for side, start, labels in zip(SIDES, starts, scored, strict=True):
        own, report[side] = branches.grow(
            values=examples.values, starts=start, labels=labels, split=split, columns=columns,
            objective=trees.POISSON, parameters=parameters, seed=seed, after_round=after_round,
        )  # fmt: skip
        expected.append(np.exp(branches.load(own).margins(examples.values, start, columns)))
        content.update({f"{side}_{name}": trees_ for name, trees_ in own.items()})
    learned = np.concatenate([split.train, split.validation])
    rho = goals.fit_rho(
        home=expected[0][learned], away=expected[1][learned],
        home_goals=scored[0][learned], away_goals=scored[1][learned],
    )  # fmt: skip
    calibration = {}
    for name in BRANCHES:
        rows = split.calibration[branches.served(starts[0], name)[split.calibration]]
        calibration[name] = choose(
            home=expected[0][rows], away=expected[1][rows],
            home_goals=scored[0][rows], away_goals=scored[1][rows], rho=rho,
            speak_for=SPEAK_FOR[name],
        )  # fmt: skip
    packed = artefacts.pack(
        kind=KIND,
        features_sha256=columns.sha256,
        boosters=content,
        parameters={"rho": rho, "usual": list(usual)},
    )
    return Fitted(KIND, packed, calibration, {**report, "rho": rho})


def choose(
    *,
    home: NDArray,
    away: NDArray,
    home_goals: NDArray,
    away_goals: NDArray,
    rho: float,
    speak_for: float,
) -> dict[str, Any]:
    """Return the scale of all goals that does better on rows it was not fitted on, or none.

    The scale is goals seen by goals expected, as though ``speak_for`` more had come just as
    expected.

    Source: the mean of a gamma posterior, its prior of mean 1 and variance 1 / speak_for.
    """
    n = len(home)
    if n < MINIMUM:
        return {**UNMOVED, "n": n}

    def losses(rows: slice, scale: float) -> NDArray:
        return goals.log_losses(
            home=scale * home[rows], away=scale * away[rows],
            home_goals=home_goals[rows], away_goals=away_goals[rows], rho=rho,
        )  # fmt: skip

    def scale_of(rows: slice) -> float:
        expected = float((home[rows] + away[rows]).sum())
        seen = float((home_goals[rows] + away_goals[rows]).sum())
        return float(np.clip((seen + speak_for) / (expected + speak_for), *SCALES))

    earlier, later = slice(0, n // 2), slice(n // 2, n)
    plain, scaled = losses(later, 1.0), losses(later, scale_of(earlier))
    gain = plain - scaled
    held_out = {"identity": float(plain.mean()), "scale": float(scaled.mean())}
    found = {**UNMOVED, "n": n, "held_out_log_loss": held_out}
    if gain.mean() > gain.std(ddof=1) / len(gain) ** 0.5:
        found.update(method="scale", scale=scale_of(slice(0, n)))
    return found


def load(*, artefact: Artefact, columns: Columns, calibration: dict[str, Any]) -> Goals:
    home, away = (
        branches.load({name: artefact.booster(f"{side}_{name}") for name in BRANCHES})
        for side in SIDES
    )
    of_home, of_away = artefact.numbers("usual", 2)
    return Goals(
        columns=columns,
        home=home,
        away=away,
        calibration=calibration,
        rho=artefact.number("rho"),
        usual=(of_home, of_away),
    )
