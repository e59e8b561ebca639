"""What an estimator says of what came, as probabilities that can be scored alike for every kind."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models_ml.domain.estimators import base, runners
from models_ml.domain.estimators.base import Estimator
from models_ml.domain.estimators.figure import Figure
from models_ml.domain.estimators.points import Points
from models_ml.domain.estimators.runners import Runners
from models_ml.domain.estimators.scores import Goals
from models_ml.domain.estimators.three_way import ThreeWay
from models_ml.domain.estimators.two_way import TwoWay
from models_ml.domain.examples import Examples

# Kinds of markets that ask what an estimator says without a line.
WITHOUT_LINE = ("MATCH_ODDS", "MONEYLINE", "WIN")


class Words(NamedTuple):
    """Probabilities (n, k) with the class (n,) that came, and the example (n,) each is of.

    ``line`` is (n,): what was to be passed, NaN where it is asked who wins.
    """

    probabilities: NDArray
    outcomes: NDArray
    row: NDArray
    line: NDArray


def words(estimator: Estimator, examples: Examples) -> Words:
    """Return what an estimator says of examples whose end is known.

    Of matches: who wins.  Of margins: whether home does.  Of totals and figures: whether they
    pass a half-point line, the market's where there is one, else the one next to the mean.  Of
    races: whether each runner wins, in races with one winner.  Ties are left out where only a
    winner is foretold.

    Raises:
        ValueError: nobody told how this kind is scored.
    """
    if not len(examples):
        return _words(np.empty((0, 2)), np.empty(0, dtype=np.int64), np.empty(0, dtype=np.intp))
    values = examples.values
    match estimator:
        case ThreeWay() | Goals():
            return _words(estimator.probabilities(values), examples.outcome, _all(examples))
        case TwoWay():
            decided = np.flatnonzero(examples.outcome != 1)
            told = estimator.probabilities(values[decided])
            return _words(told, examples.outcome[decided] // 2, decided)
        case Points(kind="margin"):
            decided = np.flatnonzero(examples.outcome != 1)
            asked = base.questions(kind="MONEYLINE", row=np.arange(len(decided)))
            first = estimator.answer(values[decided], asked).probability
            return _words(_both(first), examples.outcome[decided] // 2, decided)
        case Points():
            mean, _ = estimator.expected(values)
            line = _half_line(examples, mean)
            return _over(estimator, "TOTAL", examples, line, examples.total)
        case Figure():
            line = _half_line(examples, estimator.expected(values))
            return _over(estimator, "PLAYER_TOTAL", examples, line, examples.figure)
        case Runners():
            rows = np.flatnonzero(runners.whole(examples))
            part = examples.part(rows)
            first = estimator.probabilities(part.values, part.group)
            return _words(_both(first), (part.winner == 0).astype(np.int64), rows)
    raise ValueError(f"nobody told how {estimator.kind} is scored")


def of_market(said: Words, examples: Examples, *, market_kind: str) -> NDArray:
    """Return what the market says of the very same things, (n, k), NaN where it says nothing.

    ``market_kind`` is what ``examples.market`` is of: a market on another line, or one that asks
    something else, says nothing here.
    """
    told, k = examples.market[said.row], said.probabilities.shape[1]
    if told.shape[1] == 1 and k == 2 and market_kind == "WIN":
        told = _both(told[:, 0])
    if told.shape[1] != k:
        return np.full((len(said.row), k), np.nan)
    is_same = examples.market_line[said.row] == said.line
    if market_kind in WITHOUT_LINE:
        is_same = np.isnan(said.line)
    return np.where(is_same[:, None], told, np.nan)


def _half_line(examples: Examples, mean: NDArray) -> NDArray:
    """Return the market's line where nothing can be refunded on it, else the one by the mean."""
    told = examples.market_line
    return np.where(told % 1.0 == 0.5, told, np.floor(mean) + 0.5)


def _words(probabilities: NDArray, outcomes: NDArray, row: NDArray) -> Words:
    return Words(probabilities, outcomes, row, np.full(len(row), np.nan))


def _over(
    estimator: Estimator, kind: str, examples: Examples, line: NDArray, came: NDArray
) -> Words:
    asked = base.questions(kind=kind, row=_all(examples), line=line)
    first = estimator.answer(examples.values, asked).probability
    return Words(_both(first), (came < line).astype(np.int64), _all(examples), line)


def _both(first: NDArray) -> NDArray:
    return np.stack([first, 1.0 - first], axis=1)


def _all(examples: Examples) -> NDArray:
    return np.arange(len(examples))
