"""Who wins a race and who is placed: a conditional softmax with Henery's exponents for places."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from models_ml.domain import artefacts, lines, softmax
from models_ml.domain.artefacts import Artefact
from models_ml.domain.estimators.base import (
    AfterRound,
    Columns,
    Fitted,
    NotEnoughToLearn,
    Questions,
)
from models_ml.domain.examples import Examples
from models_ml.domain.lines import Answers, Shares
from models_ml.domain.splitting import Split

KIND = "runners"
FREE = (
    "rated_log",
    "market_win_log",
)  # logarithms of chances: their coefficients are not drawn to 0
PENALTIES = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
MINIMUM = 40  # races, below which nothing is calibrated
WARMTH = (0.5, 2.0)


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """How a race's values become what the softmax multiplies: the column of each, its scale.

    Values are taken less their race's mean, unknown ones as the mean.  A column of ``known`` is
    1 where the value is known, less the race's share.
    """

    used: NDArray
    known: NDArray
    scales: NDArray

    def of(self, values: NDArray, groups: NDArray) -> NDArray:
        told = softmax.centred(values[:, self.used], groups)
        has = softmax.centred((~np.isnan(values[:, self.known])).astype(np.float64), groups)
        return np.hstack([told, has]) / self.scales


@dataclass(frozen=True, slots=True, eq=False)
class Runners:
    """Coefficients of what is known of a race's runners."""

    columns: Columns
    inputs: Inputs
    beta: NDArray
    exponents: tuple[float, float]
    calibration: dict[str, Any]
    kind: str = KIND

    def probabilities(self, values: NDArray, groups: NDArray) -> NDArray:
        """Return each runner's chance to win; those of a race sum to 1."""
        # Not a matrix product: its sums depend on how many rows are asked at once.
        utilities = (self.inputs.of(values, groups) * self.beta).sum(axis=1)
        return softmax.probabilities(utilities / self.calibration["temperature"], groups)

    def answer(self, values: NDArray, questions: Questions) -> Answers:
        chances = self.probabilities(values, questions.groups)
        match questions.kind:
            case "WIN":
                won = chances[questions.row]
            case "PLACE":
                won = self._placed(chances, questions)
            case kind:
                raise ValueError(f"{KIND} does not answer {kind}")
        return lines.answers(Shares(won, 1.0 - won))

    def _placed(self, chances: NDArray, questions: Questions) -> NDArray:
        second, third = self.exponents
        found = np.empty(len(questions))
        starts = softmax.starts_of(questions.groups)
        sizes = softmax.sizes_of(starts, len(chances))
        race = np.repeat(np.arange(len(starts)), sizes)[questions.row]
        for one in np.unique(race):
            mine = np.flatnonzero(race == one)
            part = slice(starts[one], starts[one] + sizes[one])
            for places in np.unique(questions.places[mine]):
                told = softmax.placed(chances[part], places=int(places), second=second, third=third)
                asked = mine[questions.places[mine] == places]
                found[asked] = told[questions.row[asked] - starts[one]]
        return found

    def explain_races(self, values: NDArray, groups: NDArray) -> NDArray:
        """Return what each feature adds to a runner's utility, (n, f + 1)."""
        parts = self.inputs.of(values, groups) * self.beta
        found = np.zeros((len(values), values.shape[1] + 1))
        columns = np.concatenate([self.inputs.used, self.inputs.known])
        for place, name in enumerate(columns):
            found[:, name] += parts[:, place]
        return found

    def explain(self, values: NDArray) -> NDArray:
        """Return the same for rows that are one race."""
        return self.explain_races(values, np.zeros(len(values), dtype=np.int64))

    def sample(self, values: NDArray) -> NDArray:
        return self.probabilities(values, np.zeros(len(values), dtype=np.int64))[:, None]


def inputs_of(values: NDArray, groups: NDArray, columns: Columns) -> Inputs:
    """Return the columns that differ within races, the free ones first, with their scales."""
    names = columns.names
    order = [names.index(name) for name in FREE if name in names]
    order += [i for i in range(len(names)) if i not in order]
    spread = softmax.centred(values[:, order], groups).std(axis=0)
    used = np.array(order, dtype=np.intp)[spread > 1e-9]
    has = softmax.centred((~np.isnan(values[:, used])).astype(np.float64), groups).std(axis=0)
    scales = np.where(np.isin(used, order[: _free(names)]), 1.0, spread[spread > 1e-9])
    return Inputs(used, used[has > 1e-9], np.concatenate([scales, has[has > 1e-9]]))


def _free(names: list[str]) -> int:
    return sum(name in names for name in FREE)


def whole(examples: Examples) -> NDArray:
    """Return which rows are of races with exactly one winner, (n,) bool.

    >>> races = np.array([1, 1, 2, 2, 3, 3])
    >>> won = np.array([1, 0, 1, 1, 0, 0])
    >>> one_winner(races, won).tolist()
    [True, True, False, False, False, False]
    """
    return one_winner(examples.group, examples.winner)


def one_winner(groups: NDArray, winner: NDArray) -> NDArray:
    starts = softmax.starts_of(groups)
    if len(starts) == 0:
        return np.zeros(0, dtype=bool)
    sums = np.add.reduceat(np.nan_to_num(winner), starts)
    return np.repeat(sums == 1, softmax.sizes_of(starts, len(groups)))


def fit(
    *,
    examples: Examples,
    split: Split,
    columns: Columns,
    parameters: dict[str, Any],
    seed: int,
    after_round: AfterRound | None = None,
) -> Fitted:
    """Fit coefficients, their penalty, the exponents of places and the temperature.

    Raises:
        NotEnoughToLearn: in no race exactly one runner won, or nothing tells them apart.
    """
    good = whole(examples)
    train, validation, calibration = (
        examples.part(rows[good[rows]])
        for rows in (split.train, split.validation, split.calibration)
    )
    if len(train) == 0:
        raise NotEnoughToLearn("there is no race with exactly one winner")
    inputs = inputs_of(train.values, train.group, columns)
    if len(inputs.used) == 0:
        raise NotEnoughToLearn("nothing that is known tells the runners of a race apart")
    free = int(
        np.isin(inputs.used, [columns.names.index(n) for n in FREE if n in columns.names]).sum()
    )
    held = validation if len(validation) else train
    beta, penalty, loss = _penalised(inputs, train, held, free, after_round)
    learned = examples.part(np.concatenate([split.train, split.validation]))
    chances = softmax.probabilities(inputs.of(learned.values, learned.group) @ beta, learned.group)
    place = np.where(learned.winner > 0, 1.0, np.where(learned.placed > 0, 2.0, 0.0))
    exponents = softmax.fit_exponents(chances=chances, place=place, group=learned.group)
    packed = artefacts.pack(
        kind=KIND,
        features_sha256=columns.sha256,
        boosters={},
        parameters={
            "used": inputs.used.tolist(),
            "known": inputs.known.tolist(),
            "scales": inputs.scales.tolist(),
            "beta": beta.tolist(),
            "exponents": list(exponents),
        },
    )
    report = {"penalty": penalty, "validation_loss": loss, "races": _races(train)}
    return Fitted(KIND, packed, choose(inputs, beta, calibration), report)


def _penalised(
    inputs: Inputs, train: Examples, held: Examples, free: int, after_round: AfterRound | None
) -> tuple[NDArray, float, float]:
    """Return the coefficients that do best on held-out races, their penalty and their loss."""
    x, losses, found = inputs.of(train.values, train.group), {}, {}
    for number, penalty in enumerate(PENALTIES, start=1):
        found[penalty] = softmax.fit(
            values=x, winner=train.winner, group=train.group, penalty=penalty, free=free
        )
        losses[penalty] = _loss(inputs, found[penalty], held)
        if after_round is not None:
            after_round(number, len(PENALTIES))
    best = min(PENALTIES, key=lambda one: (losses[one], -one))
    return found[best], best, losses[best]


def choose(inputs: Inputs, beta: NDArray, examples: Examples) -> dict[str, Any]:
    """Return the temperature that does better on races it was not fitted on, or 1."""
    n = _races(examples)
    if n < MINIMUM:
        return {"method": "identity", "temperature": 1.0, "n": n}
    utilities = inputs.of(examples.values, examples.group) @ beta
    starts = softmax.starts_of(examples.group)
    half = starts[n // 2]

    def losses(rows: slice, temperature: float) -> NDArray:
        chances = softmax.probabilities(utilities[rows] / temperature, examples.group[rows])
        return softmax.log_losses(chances, examples.winner[rows], examples.group[rows])

    def best(rows: slice) -> float:
        found = scipy.optimize.minimize_scalar(
            lambda t: losses(rows, t).mean(), bounds=WARMTH, method="bounded"
        )
        return float(found.x)

    later = slice(half, None)
    plain, warmed = losses(later, 1.0), losses(later, best(slice(0, half)))
    gain = plain - warmed
    held_out = {"identity": float(plain.mean()), "temperature": float(warmed.mean())}
    if gain.mean() > gain.std(ddof=1) / len(gain) ** 0.5:
        chosen = {"method": "temperature", "temperature": best(slice(None))}
    else:
        chosen = {"method": "identity", "temperature": 1.0}
    return {**chosen, "n": n, "held_out_log_loss": held_out}


def _loss(inputs: Inputs, beta: NDArray, examples: Examples) -> float:
    utilities = inputs.of(examples.values, examples.group) @ beta
    chances = softmax.probabilities(utilities, examples.group)
    return float(softmax.log_losses(chances, examples.winner, examples.group).mean())


def _races(examples: Examples) -> int:
    return len(softmax.starts_of(examples.group))


def load(*, artefact: Artefact, columns: Columns, calibration: dict[str, Any]) -> Runners:
    used, known = (np.array(artefact.numbers(name), dtype=np.intp) for name in ("used", "known"))
    n = len(used) + len(known)
    second, third = artefact.numbers("exponents", 2)
    return Runners(
        columns=columns,
        inputs=Inputs(used, known, np.array(artefact.numbers("scales", n))),
        beta=np.array(artefact.numbers("beta", n)),
        exponents=(second, third),
        calibration=calibration,
    )
