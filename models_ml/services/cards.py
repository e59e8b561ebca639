"""A version beside the market, the close and plain methods, on the same events."""

from dataclasses import asdict, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from markets.domain import kinds
from models_ml.domain import boards
from models_ml.domain.boards import Board
from models_ml.domain.estimators import Estimator, losses
from models_ml.domain.estimators.base import questions
from models_ml.domain.estimators.runners import Runners
from models_ml.domain.examples import Examples
from models_ml.domain.features import FeatureSet
from models_ml.domain.scoring import intervals, slices
from models_ml.services import baselining

MODEL, MARKET, CLOSE = "model", "market", "close"


def boarded(
    *,
    market_kind: str,
    estimator: Estimator,
    examples: Examples,
    past: Examples,
    feature_set: FeatureSet,
    at_close: bool = False,
) -> Board:
    """Return the board of a kind of market with the words of everybody.

    ``past``: examples that were known before any of ``examples`` was asked for; plain methods
    learn from them.  Of kinds with lines, see ``boards.board``.
    """
    empty = boards.board(market_kind=market_kind, examples=examples, at_close=at_close)
    model = said_by(
        market_kind=market_kind, estimator=estimator, board=empty, examples=examples,
        at_close=at_close,
    )  # fmt: skip
    plain = baselining.said(
        market_kind=market_kind, board=empty, examples=examples, past=past,
        feature_set=feature_set, at_close=at_close,
    )  # fmt: skip
    return replace(empty, said={MODEL: model, **empty.said, **plain})


def figures(
    *,
    market_kind: str,
    estimator: Estimator,
    examples: Examples,
    past: Examples,
    feature_set: FeatureSet,
) -> dict[str, Any]:
    """Return every score as JSON can hold it.

    The cards of model, market and Elo are of the rows with a market, so that they can be
    compared; where no row has one, they are of all rows and the market's is null.  In kinds with
    lines the model is also held against the close at the close's own line, ``at_close``.
    ``differences`` are of log loss, model less the other, weeks drawn whole.  ``exact`` is the
    model's ``-ln P`` of exactly what came: the goals, the margin, the figure, the winner.
    """

    def put_up(*, at_close: bool) -> Board:
        return boarded(
            market_kind=market_kind, estimator=estimator, examples=examples, past=past,
            feature_set=feature_set, at_close=at_close,
        )  # fmt: skip

    closed = put_up(at_close=True) if market_kind in kinds.LINE_KINDS else None
    board = put_up(at_close=False)
    if closed is not None and not len(board):
        board = closed
    exact = losses.log_losses(estimator, examples)
    found = _beside_all(board, examples)
    found["exact"] = {"n": len(exact), "log_loss": float(exact.mean())} if len(exact) else None
    return {**found, "at_close": _beside_close(closed, examples)} if closed is not None else found


def difference(
    *, board: Board, first: str, second: str, examples: Examples
) -> dict[str, Any] | None:
    """Return how much more log loss the first had where both spoke, with its 95 % interval."""
    both = board.known(first) & board.known(second)
    if not both.any():
        return None
    mine = board.part(both)
    gaps = mine.log_losses(first) - mine.log_losses(second)
    return intervals.paired(gaps, clusters=examples.week[mine.row]).as_figures()


def _beside_all(board: Board, examples: Examples) -> dict[str, Any]:
    quoted = board.known(MARKET)
    compared = board.part(quoted) if quoted.any() else board
    others = [name for name in board.said if name != MODEL]
    return {
        "unit": board.unit,
        "n": len(compared),
        "n_all": len(board),
        "n_without_market": int((~quoted).sum()),
        "model": _card(compared, MODEL),
        "market": _card(compared, MARKET),
        "elo": _card(compared, "elo"),
        "log_loss_difference": _gap(board, MARKET, examples),
        "model_on_all": _card(board, MODEL),
        "close": _card(board, CLOSE),
        "baselines": {n: _card(board, n) for n in others if n not in (MARKET, CLOSE)},
        "differences": {f"model-{n}": _gap(board, n, examples) for n in others},
        "reliability": [asdict(p) for p in board.points(MODEL)] if len(board) else [],
        "slices": _slices(board, examples),
    }


def _gap(board: Board, other: str, examples: Examples) -> dict[str, Any] | None:
    return difference(board=board, first=MODEL, second=other, examples=examples)


def _beside_close(board: Board, examples: Examples) -> dict[str, Any]:
    names = [name for name in board.said if name != MODEL]
    return {
        "n": len(board),
        "model": _card(board, MODEL),
        "close": _card(board, CLOSE),
        "baselines": {name: _card(board, name) for name in names if name != CLOSE},
        "differences": {f"model-{n}": _gap(board, n, examples) for n in names},
    }


def _card(board: Board, name: str) -> dict[str, Any] | None:
    known = board.known(name)
    return {"n": int(known.sum()), **board.card(name)} if known.any() else None


def said_by(
    *,
    market_kind: str,
    estimator: Estimator,
    board: Board,
    examples: Examples,
    at_close: bool = False,
) -> NDArray:
    """Return the estimator's words on the rows of a board, (n, k)."""
    if isinstance(estimator, Runners):
        chances = estimator.probabilities(examples.values, examples.group)
        return boards.in_races(board=board, examples=examples, chances=chances)
    answers = len(kinds.ROLES[market_kind])
    line: NDArray | float = np.nan
    if market_kind in kinds.LINE_KINDS:
        line = np.repeat(
            boards.lines_of(board=board, examples=examples, at_close=at_close), answers
        )
    asked = questions(
        kind=market_kind,
        row=np.repeat(np.arange(len(board)), answers),
        place=np.tile(np.arange(answers), len(board)),
        line=line,
    )
    told = estimator.answer(examples.values[board.row], asked).probability
    return told.reshape(len(board), answers)


def _slices(board: Board, examples: Examples) -> dict[str, Any]:
    """Return the model's scores by competition, season, week, four weeks and confidence."""
    if not len(board):
        return {}
    said, outcome = board.said[MODEL], board.outcome
    rows = examples.part(board.row)
    lost = {"log_loss": board.log_losses(MODEL), "brier_sum": board.briers(MODEL)}
    found = {
        "competition": slices.by(rows.competition, said, outcome),
        "season": slices.by(rows.season, said, outcome),
        "week": slices.by(rows.week, said, outcome),
        "four_weeks": slices.rolling(rows.week, lost),
        "confidence": slices.confidence(said, outcome),
    }
    return found if board.unit == "race" else {**found, "called": slices.called(said, outcome)}
