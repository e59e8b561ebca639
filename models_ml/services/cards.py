"""A version beside the market, the close and plain methods, on the same events."""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from markets.domain import kinds
from models_ml.domain import boards, scoring
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


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """The boards of a version over the same examples, at its stage and, of lines, at the close.

    ``exact``: the model's ``-ln P`` of exactly what came, row by row or race by race.
    """

    board: Board
    closed: Board | None
    exact: NDArray


def scored(
    *,
    market_kind: str,
    estimator: Estimator,
    examples: Examples,
    past: Examples,
    feature_set: FeatureSet,
) -> Scored:
    """Return what everybody said of the examples, and what then came; see ``boarded``."""

    def put_up(*, at_close: bool) -> Board:
        return boarded(
            market_kind=market_kind, estimator=estimator, examples=examples, past=past,
            feature_set=feature_set, at_close=at_close,
        )  # fmt: skip

    return Scored(
        board=put_up(at_close=False),
        closed=put_up(at_close=True) if market_kind in kinds.LINE_KINDS else None,
        exact=losses.log_losses(estimator, examples),
    )


def figures(
    *,
    market_kind: str,
    estimator: Estimator,
    examples: Examples,
    past: Examples,
    feature_set: FeatureSet,
) -> dict[str, Any]:
    """Return every score of a version on examples as JSON can hold it; see ``told``."""
    found = scored(
        market_kind=market_kind, estimator=estimator, examples=examples, past=past,
        feature_set=feature_set,
    )  # fmt: skip
    return told(scored=found, examples=examples)


def told(
    *, scored: Scored, examples: Examples, closed_examples: Examples | None = None
) -> dict[str, Any]:
    """Return every score of the boards as JSON can hold it.

    The cards of model, market and Elo are of the rows with a market, so that they can be
    compared; where no row has one, they are of all rows and the market's is null.  In kinds with
    lines the model is also held against the close at the close's own line, ``at_close``.
    ``differences`` are of log loss, model less the other; they and the intervals of the cards
    draw weeks whole.  ``exact`` is the model's ``-ln P`` of exactly what came: the goals, the
    margin, the figure, the winner.  ``closed_examples``: what the rows of the board at the close
    stand for, where that is not ``examples``.
    """
    board, closed, exact = scored.board, scored.closed, scored.exact
    late = examples if closed_examples is None else closed_examples
    if closed is not None and not len(board):
        found = beside_all(board=closed, examples=late)
    else:
        found = beside_all(board=board, examples=examples)
    found["exact"] = {"n": len(exact), "log_loss": float(exact.mean())} if len(exact) else None
    return {**found, "at_close": _beside_close(closed, late)} if closed is not None else found


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


def beside_all(*, board: Board, examples: Examples) -> dict[str, Any]:
    """Return the cards of everybody on a board, the differences to the model, and its parts."""
    quoted = board.known(MARKET)
    compared = board.part(quoted) if quoted.any() else board
    others = [name for name in board.said if name != MODEL]
    return {
        "unit": board.unit,
        "n": len(compared),
        "n_all": len(board),
        "n_without_market": int((~quoted).sum()),
        "model": card(board=compared, examples=examples, name=MODEL),
        "market": card(board=compared, examples=examples, name=MARKET),
        "elo": card(board=compared, examples=examples, name="elo"),
        "log_loss_difference": _gap(board, MARKET, examples),
        "model_on_all": card(board=board, examples=examples, name=MODEL),
        "close": card(board=board, examples=examples, name=CLOSE),
        "baselines": {
            n: card(board=board, examples=examples, name=n)
            for n in others
            if n not in (MARKET, CLOSE)
        },
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
        "model": card(board=board, examples=examples, name=MODEL),
        "close": card(board=board, examples=examples, name=CLOSE),
        "baselines": {
            name: card(board=board, examples=examples, name=name) for name in names if name != CLOSE
        },
        "differences": {f"model-{n}": _gap(board, n, examples) for n in names},
    }


def card(*, board: Board, examples: Examples, name: str) -> dict[str, Any] | None:
    """Return a forecaster's scores where it spoke, their 95 % intervals drawing weeks whole."""
    known = board.known(name)
    if not known.any():
        return None
    mine = board.part(known)
    weeks = examples.week[mine.row]
    rows = {"log_loss": mine.log_losses(name), "brier_sum": mine.briers(name)}
    if mine.unit != "race":
        rows["rps"] = scoring.rank_scores(mine.said[name], mine.outcome)
    found = {key: intervals.paired(lost, clusters=weeks) for key, lost in rows.items()}
    ends = {key: [round(one.low, 12), round(one.high, 12)] for key, one in found.items()}
    return {"n": int(known.sum()), **board.card(name), "intervals": ends}


def said_by(
    *,
    market_kind: str,
    estimator: Estimator,
    board: Board,
    examples: Examples,
    at_close: bool = False,
) -> NDArray:
    """Return the estimator's words on the rows of a board, (n, k)."""
    if isinstance(estimator, Runners) and market_kind == boards.PLACE:
        asked = questions(
            kind=market_kind,
            row=board.row,
            places=boards.places_of(examples)[board.row],
            groups=examples.group,
        )
        return boards.either(estimator.answer(examples.values, asked).probability)
    if isinstance(estimator, Runners):
        chances = estimator.probabilities(examples.values, examples.group)
        return boards.in_races(board=board, examples=examples, chances=chances)
    k = len(kinds.ROLES[market_kind])
    line: NDArray | float = np.nan
    if market_kind in kinds.LINE_KINDS:
        line = np.repeat(boards.lines_of(board=board, examples=examples, at_close=at_close), k)
    asked = questions(
        kind=market_kind,
        row=np.repeat(np.arange(len(board)), k),
        place=np.tile(np.arange(k), len(board)),
        line=line,
    )
    told = estimator.answer(examples.values[board.row], asked).probability
    return told.reshape(len(board), k)


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
