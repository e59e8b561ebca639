"""Margins and totals of points: an expected number, and a bent normal curve around it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models_ml.domain import artefacts, lines, margins
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
from models_ml.domain.lines import Answers
from models_ml.domain.margins import Support
from models_ml.domain.splitting import Split

MINIMUM = 60  # rows, below which nothing is calibrated
REACH = {"margin": 28, "total": 80}  # how far numbers may weigh more than the smooth curve says
UNMOVED: dict[str, Any] = {"method": "identity", "shift": 0.0, "scale": 1.0}


@dataclass(frozen=True, slots=True)
class Target:
    """What is foretold: the margin of home, or the points of both."""

    kind: str
    support: Support
    answers: tuple[str, ...]

    def labels(self, examples: Examples) -> NDArray:
        return examples.margin if self.kind == "margin" else examples.total

    def starts(self, values: NDArray, columns: Columns, *, sd: float, usual: float) -> Starts:
        """Return the number the market's line tells, and the one that ratings tell."""
        if self.kind == "margin":
            line = -column(values, columns, "spread_line", "handicap_line")
            share = column(values, columns, "spread_home", "handicap_home")
            ratings = column(values, columns, "expected_margin", "goals_difference")
        else:
            line = column(values, columns, "total_line")
            share = column(values, columns, "total_over")
            ratings = column(values, columns, "expected_total")
        share = np.where(np.isnan(share), 0.5, share)
        return Starts(
            market=margins.expected_from_line(line=line, probability=share, sd=sd),
            ratings=np.where(np.isnan(ratings), usual, ratings),
        )


MARGIN = Target("margin", margins.MARGIN, ("SPREAD", "ASIAN_HANDICAP", "MONEYLINE"))
TOTAL = Target("total", margins.TOTAL, ("TOTAL",))
TARGETS = {target.kind: target for target in (MARGIN, TOTAL)}


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """An expected number of points and how the points are spread around it."""

    target: Target
    columns: Columns
    branches: Branches
    calibration: dict[str, Any]
    sd: float
    usual: float
    weights: NDArray

    @property
    def kind(self) -> str:
        return self.target.kind

    def expected(self, values: NDArray) -> tuple[NDArray, NDArray]:
        """Return each row's mean and standard deviation, calibrated."""
        starts = self._starts(values)
        scaled = self.branches.margins(values, _scaled(starts, self.sd), self.columns)
        mean, sd = scaled * self.sd, np.full(len(values), self.sd)
        for name in BRANCHES:
            mine = branches.served(starts, name)
            mean[mine] += self.calibration[name]["shift"]
            sd[mine] *= self.calibration[name]["scale"]
        return mean, sd

    def answer(self, values: NDArray, questions: Questions) -> Answers:
        if questions.kind not in self.target.answers:
            raise ValueError(f"{self.kind} does not answer {questions.kind}")
        line = questions.line
        if self.kind == "margin":
            line = -np.where(np.isnan(line) & (questions.kind == "MONEYLINE"), 0.0, line)
        probability, refund = np.empty(len(line)), np.empty(len(line))
        for rows, pmf in self._spread(values):
            mine = np.flatnonzero(np.isin(questions.row, rows))
            place = np.searchsorted(rows, questions.row[mine])
            below = lines.below_of(pmf=pmf, lowest=self.target.support.lowest, row=place)
            shares = lines.sides(lines.over(below=below, line=line[mine]), questions.place[mine])
            probability[mine], refund[mine] = lines.answers(shares)
        return Answers(probability, refund)

    def _spread(self, values: NDArray) -> list[tuple[NDArray, NDArray]]:
        """Return the distribution of rows that share a standard deviation, piece by piece."""
        mean, sd = self.expected(values)
        found = []
        for one in np.unique(sd):
            rows = np.flatnonzero(sd == one)
            for first in range(0, len(rows), margins.CHUNK):
                part = rows[first : first + margins.CHUNK]
                pmf = margins.bent(
                    mean=mean[part], sd=float(one), weights=self.weights,
                    support=self.target.support,
                )  # fmt: skip
                found.append((part, pmf))
        return found

    def explain(self, values: NDArray) -> NDArray:
        starts = _scaled(self._starts(values), self.sd)
        return self.branches.contributions(values, starts, self.columns) * self.sd

    def sample(self, values: NDArray) -> NDArray:
        return np.stack(self.expected(values), axis=1)

    def _starts(self, values: NDArray) -> Starts:
        return self.target.starts(values, self.columns, sd=self.sd, usual=self.usual)


def _scaled(starts: Starts, sd: float) -> Starts:
    """Return starts in standard deviations: the same tree settings then suit every sport."""
    return Starts(starts.market / sd, starts.ratings / sd)


def fit(
    *,
    target: Target,
    examples: Examples,
    split: Split,
    columns: Columns,
    parameters: dict[str, Any],
    seed: int,
    after_round: AfterRound | None = None,
) -> Fitted:
    """Fit trees, spread, weights of the numbers and calibration.

    Raises:
        NotEnoughToLearn: every match ended alike.
    """
    labels = target.labels(examples)
    if len(np.unique(labels[split.train])) < 2:
        raise NotEnoughToLearn(f"{len(split.train)} matches, all with the same {target.kind}")
    usual = float(labels[split.train].mean())
    told = target.starts(examples.values, columns, sd=1.0, usual=usual)
    learned = np.concatenate([split.train, split.validation])
    best = np.where(told.quoted, told.market, told.ratings)
    sd = margins.spread_of(mean=best[learned], observed=labels[learned])
    starts = target.starts(examples.values, columns, sd=sd, usual=usual)
    content, report = branches.grow(
        values=examples.values, starts=_scaled(starts, sd), labels=labels / sd, split=split,
        columns=columns, objective=trees.SQUARED, parameters=parameters, seed=seed,
        after_round=after_round,
    )  # fmt: skip
    grown = branches.load(content)
    mean = grown.margins(examples.values, _scaled(starts, sd), columns) * sd
    weights = margins.key_weights(
        mean=mean[learned], observed=labels[learned], sd=sd, support=target.support,
        reach=REACH[target.kind],
    )  # fmt: skip
    calibration = {}
    for name in BRANCHES:
        rows = split.calibration[branches.served(starts, name)[split.calibration]]
        calibration[name] = choose(
            mean=mean[rows], observed=labels[rows], sd=sd, weights=weights, target=target
        )
    packed = artefacts.pack(
        kind=target.kind,
        features_sha256=columns.sha256,
        boosters=content,
        parameters={"sd": sd, "usual": usual, "weights": weights.tolist()},
    )
    return Fitted(target.kind, packed, calibration, {**report, "sd": sd})


def choose(
    *, mean: NDArray, observed: NDArray, sd: float, weights: NDArray, target: Target
) -> dict[str, Any]:
    """Return shift and scale that do better on rows they were not fitted on, or none.

    Fitted on the earlier half, they must beat "no change" on the later half by more than the
    standard error of the paired difference; then they are fitted on all rows.
    """
    n = len(mean)
    if n < MINIMUM:
        return {**UNMOVED, "n": n}

    def losses(rows: slice, moved: dict[str, Any]) -> NDArray:
        return margins.log_losses(
            mean=mean[rows] + moved["shift"], observed=observed[rows],
            sd=sd * moved["scale"], weights=weights, support=target.support,
        )  # fmt: skip

    earlier, later = slice(0, n // 2), slice(n // 2, n)
    trial = _moved(mean[earlier], observed[earlier], sd)
    plain, better = losses(later, UNMOVED), losses(later, trial)
    gain = plain - better
    helps = gain.mean() > gain.std(ddof=1) / len(gain) ** 0.5
    chosen = _moved(mean, observed, sd) if helps else UNMOVED
    held_out = {"identity": float(plain.mean()), "location-scale": float(better.mean())}
    return {**chosen, "n": n, "held_out_log_loss": held_out}


def _moved(mean: NDArray, observed: NDArray, sd: float) -> dict[str, Any]:
    gaps = observed - mean
    scale = float(np.clip(gaps.std(ddof=1) / sd, 0.5, 2.0))
    return {"method": "location-scale", "shift": float(gaps.mean()), "scale": scale}


def load(*, artefact: Artefact, columns: Columns, calibration: dict[str, Any]) -> Points:
    target = TARGETS[artefact.kind]
    return Points(
        target=target,
        columns=columns,
        branches=branches.load({name: artefact.booster(name) for name in BRANCHES}),
        calibration=calibration,
        sd=artefact.number("sd"),
        usual=artefact.number("usual"),
        weights=np.array(artefact.numbers("weights", target.support.keys)),
    )
