"""What an estimator says of what came, as probabilities that can be scored alike for every kind."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from markets.domain import kinds
from models_ml.domain import boards
from models_ml.domain.estimators import base, runners
from models_ml.domain.estimators.base import Estimator
from models_ml.domain.estimators.figure import Figure
from models_ml.domain.estimators.points import Points
from models_ml.domain.estimators.runners import Runners
from models_ml.domain.estimators.scores import Goals
from models_ml.domain.estimators.three_way import ThreeWay
from models_ml.domain.estimators.two_way import TwoWay
from models_ml.domain.examples import Examples


class Words(NamedTuple):
    """Probabilities (n, k) with the class (n,) that came, and the example (n,) each is of.

    ``line`` is (n,): what was to be passed, NaN where it is asked who wins.
    """

    probabilities: NDArray
    outcomes: NDArray
    row: NDArray
    line: NDArray


def words(
    estimator: Estimator, examples: Examples, *, market_kind: str, line: NDArray | None = None
) -> Words:
    """Return what an estimator says of examples whose end is known, on its market's question.

    Of matches: who wins; ties are left out where only a winner is foretold.  Of lines: whether
    home covers, or the figure passes, ``line`` (n,), by default ``half_lines``.  Of races: whether
    each runner wins, in races with one winner, or is placed, where that is told of all.

    Raises:
        ValueError: nobody told how this kind is scored.
    """
    if not len(examples):
        return _words(np.empty((0, 2)), np.empty(0, dtype=np.int64), np.empty(0, dtype=np.intp))
    if market_kind in kinds.LINE_KINDS:
        if line is None:
            line = half_lines(estimator, examples, market_kind=market_kind)
        return _beyond(estimator, market_kind, examples, line)
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
        case Runners() if market_kind == boards.PLACE:
            return _placed(estimator, examples)
        case Runners():
            rows = np.flatnonzero(runners.whole(examples))
            part = examples.part(rows)
            first = estimator.probabilities(part.values, part.group)
            return _words(_both(first), (part.winner == 0).astype(np.int64), rows)
    raise ValueError(f"nobody told how {estimator.kind} is scored on {market_kind}")


def half_lines(estimator: Estimator, examples: Examples, *, market_kind: str) -> NDArray:
    """Return the line each example is asked about, (n,), home's in a handicap.

    The market's where no part of a stake can be refunded on it, else the one next to what the
    estimator expects.

    Raises:
        ValueError: nobody told what this kind expects of such a market.
    """
    is_handicap = market_kind in kinds.HANDICAP_KINDS
    match estimator:
        case Goals():
            home, away = estimator.expected(examples.values)
            mean = away - home if is_handicap else home + away
        case Points():
            mean = estimator.expected(examples.values)[0]
            mean = -mean if is_handicap else mean
        case Figure():
            mean = estimator.expected(examples.values)
        case _:
            raise ValueError(f"nobody told how {estimator.kind} is scored on {market_kind}")
    told = examples.market_line
    return np.where(told % 1.0 == boards.HALF, told, np.floor(mean) + boards.HALF)


def of_market(said: Words, examples: Examples, *, market_kind: str) -> NDArray:
    """Return what the market says of the very same things, (n, k), NaN where it says nothing.

    A market on another line, or one that asks something else, says nothing here.
    """
    told, k = examples.market[said.row], said.probabilities.shape[1]
    if told.shape[1] == 1 and k == 2:
        first = told[:, 0]
        if market_kind == boards.PLACE:
            first = first * boards.places_of(examples)[said.row]  # the market's add up to 1
        told = boards.either(first)
    if told.shape[1] != k:
        return np.full((len(said.row), k), np.nan)
    is_same = np.isnan(said.line) | (examples.market_line[said.row] == said.line)
    return np.where(is_same[:, None], told, np.nan)


def _words(probabilities: NDArray, outcomes: NDArray, row: NDArray) -> Words:
    return Words(probabilities, outcomes, row, np.full(len(row), np.nan))


def _beyond(estimator: Estimator, kind: str, examples: Examples, line: NDArray) -> Words:
    if kind in kinds.HANDICAP_KINDS:
        beyond = examples.margin + line
    else:
        beyond = (examples.total if kind == "TOTAL" else examples.figure) - line
    asked = base.questions(kind=kind, row=_all(examples), line=line)
    first = estimator.answer(examples.values, asked).probability
    return Words(_both(first), (beyond < 0).astype(np.int64), _all(examples), line)


def _placed(estimator: Runners, examples: Examples) -> Words:
    board = boards.board(market_kind=boards.PLACE, examples=examples)
    asked = base.questions(
        kind=boards.PLACE,
        row=board.row,
        places=boards.places_of(examples)[board.row],
        groups=examples.group,
    )
    first = estimator.answer(examples.values, asked).probability
    return _words(boards.either(first), board.outcome, board.row)


def _both(first: NDArray) -> NDArray:
    return np.stack([first, 1.0 - first], axis=1)


def _all(examples: Examples) -> NDArray:
    return np.arange(len(examples))
