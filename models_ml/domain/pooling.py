"""Boards of one forecaster over spans of time that follow one another, kept and put together.

A board is kept as lists that JSON holds to the last bit, so that a board that was kept and read
again scores exactly like the one that was made.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models_ml.domain.boards import Board
from models_ml.domain.examples import Examples

_NAMES = ("week", "competition", "season")


def kept(*, board: Board, examples: Examples) -> dict[str, Any]:
    """Return a board with when and where its rows were played, as JSON can hold it."""
    rows = examples.part(board.row)
    return {
        "unit": board.unit,
        "event": rows.event.astype(np.int64).tolist(),
        **{name: getattr(rows, name).astype(np.int64).tolist() for name in _NAMES},
        "outcome": board.outcome.tolist(),
        "weight": board.weight.tolist(),
        "said": {name: _plain(told) for name, told in board.said.items()},
    }


def pooled(*, parts: Iterable[Mapping[str, Any]]) -> tuple[Board, Examples]:
    """Return kept boards as one, and the examples that its rows stand for, in the parts' order.

    The examples know when and where they were played, and nothing else.  Whoever is missing in a
    part was silent there.

    Raises:
        ValueError: there is no part, or they are not of one unit.
    """
    found = list(parts)
    units = {part["unit"] for part in found}
    if len(units) != 1:
        raise ValueError(f"boards of one unit can be put together, not of {sorted(units)}")
    names = list(dict.fromkeys(name for part in found for name in part["said"]))
    widths = [len(row) for part in found for told in part["said"].values() for row in told if row]
    said = {
        name: np.concatenate([_said(part, name, max(widths, default=0)) for part in found])
        for name in names
    }
    outcome = _joined(found, "outcome", np.int64)
    board = Board(
        unit=units.pop(),
        row=np.arange(len(outcome)),
        outcome=outcome,
        weight=_joined(found, "weight", np.float64),
        said=said,
    )
    return board, _examples(found, len(outcome))


def _plain(told: NDArray) -> list[list[float] | None]:
    """Return forecasts as lists, None where there was none.

    >>> _plain(np.array([[0.25, 0.75], [np.nan, np.nan]]))
    [[0.25, 0.75], None]
    """
    silent = np.isnan(told).any(axis=1)
    return [None if none else row for row, none in zip(told.tolist(), silent, strict=True)]


def _said(part: Mapping[str, Any], name: str, width: int) -> NDArray:
    """Return what was said in a part, zeros behind shorter rows, NaN where nothing was."""
    rows: Sequence[list[float] | None] = part["said"].get(name) or [None] * len(part["outcome"])
    found = np.full((len(rows), width), np.nan)
    for place, row in enumerate(rows):
        if row is not None:
            found[place] = 0.0
            found[place, : len(row)] = row
    return found


def _joined(parts: Sequence[Mapping[str, Any]], name: str, kind: type) -> NDArray:
    return np.concatenate([np.asarray(part[name], dtype=kind) for part in parts])


def _examples(parts: Sequence[Mapping[str, Any]], n: int) -> Examples:
    told = {name: _joined(parts, name, np.int64) for name in _NAMES}
    none, numbers = np.full(n, np.nan), np.arange(n)
    unknown = dict.fromkeys(("home", "away", "figure", "winner", "placed"), none)
    moments = dict.fromkeys(("starts", "as_of", "label_known_at"), np.zeros(n, dtype=np.int64))
    return Examples(
        event=numbers, participant=np.full(n, -1), group=numbers, values=none.reshape(n, 1),
        market=none.reshape(n, 1), close=none.reshape(n, 1), **told, **moments, **unknown,
    )  # fmt: skip
