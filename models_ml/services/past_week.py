"""The last whole week that a candidate is tested on: is what it says what predictions must be?"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from markets.domain import kinds
from models_ml.domain import boards, features, gates
from models_ml.domain.boards import Board
from models_ml.domain.examples import Examples
from models_ml.domain.gates import Gate
from models_ml.services.cards import MODEL

SERVING = "serving"  # on a board: what serves now
SHOWN = 10  # rows of the past week laid out for the approvers
PLACES = 6  # decimals of their probabilities
WEEK_US = 7 * 24 * 3600 * 1_000_000
FIRST = slice(0, 1)  # of an answer and its opposite


@dataclass(frozen=True, slots=True, eq=False)
class Past:
    """The test part of a candidate, and the examples that its rows are of."""

    market_kind: str
    examples: Examples
    test: Board
    at_close: bool  # put up at the lines of the close

    def week(self) -> Board:
        """Return the last whole week of the test part that had events."""
        starts = self.examples.starts[self.test.row]
        end = datetime.fromtimestamp(int(starts[-1]) / 1e6, tz=UTC)
        monday = end.replace(hour=0, minute=0, second=0, microsecond=0)
        monday -= timedelta(days=monday.weekday())
        until = features.microseconds(monday)
        before = starts[starts < until]
        if not len(before):  # the test part is shorter than a week: all there is
            return self.test
        until -= (until - int(before[-1]) - 1) // WEEK_US * WEEK_US
        return self.test.part((starts >= until - WEEK_US) & (starts < until))


def smoke(*, past: Past) -> Gate:
    """Hold the week's words to what they must sum to, and their mean to what serves.

    Of places that is what a whole race sums to: its number of places.
    """
    week = past.week()
    ours, runs = week.said[MODEL], _runs(past, week)
    groups, sums = np.repeat(np.arange(len(week)), runs.sum(axis=1)), np.ones(len(week))
    told = ours[runs]
    if week.unit == "runner":
        told, groups = ours[:, FIRST].ravel(), past.examples.group[week.row]
        first = np.unique(groups, return_index=True)[1]
        sums = boards.places_of(past.examples)[week.row][first].astype(float)
    return gates.smoke(
        probabilities=told,
        groups=groups,
        expected_sums=sums,
        coverage=float(week.known(MODEL).mean()) if len(week) else 0.0,
        mean_gap=_mean_gap(past, week),
        n=len(np.unique(groups)),
    )


def shown(*, past: Past) -> list[dict[str, Any]]:
    """Return some rows of the week with what was said of them, for people to read."""
    if not len(past.test):
        return []
    week = past.week()
    week = week.part(np.arange(min(SHOWN, len(week))))
    runs = _runs(past, week)
    return [_shown_row(past, week, i, runs[i]) for i in range(len(week))]


def _runs(past: Past, board: Board) -> NDArray:
    """Tell which places of a board's rows are answers; of races those behind are padding."""
    places = np.arange(board.said[MODEL].shape[1])
    if board.unit != "race":
        return np.ones((len(board), len(places)), dtype=bool)
    groups, sizes = np.unique(past.examples.group, return_counts=True)
    mine = sizes[np.searchsorted(groups, past.examples.group[board.row])]
    return places < mine[:, None]


def _mean_gap(past: Past, week: Board) -> float | None:
    """Return how far the candidate's mean lies from what serves, where it is furthest.

    Over a race the means are the same whatever is said: there it is of the runner that what
    serves favours.
    """
    both = week.known(MODEL) & week.known(SERVING)
    if not both.any():
        return None
    mine = week.part(both)
    ours, theirs = mine.said[MODEL], mine.said[SERVING]
    if week.unit == "race":
        favourite = theirs.argmax(axis=1)[:, None]
        ours, theirs = (np.take_along_axis(one, favourite, axis=1) for one in (ours, theirs))
    if week.unit == "runner":
        groups = past.examples.group[mine.row]
        order = np.lexsort((-theirs[:, 0], groups))
        favourite = order[np.unique(groups[order], return_index=True)[1]]
        ours, theirs = ours[favourite], theirs[favourite]
    gaps = (ours - theirs).mean(axis=0)
    return float(gaps[np.abs(gaps).argmax()])


def _shown_row(past: Past, week: Board, i: int, runs: NDArray) -> dict[str, Any]:
    row, rows = int(week.row[i]), past.examples
    found: dict[str, Any] = {
        "event": int(rows.event[row]),
        "candidate": _rounded(week.said[MODEL][i][runs]),
        "serving": _rounded(week.said[SERVING][i][runs]) if SERVING in week.said else None,
    }
    outcome = int(week.outcome[i])
    if week.unit == "race":
        runners = rows.participant[row : row + int(runs.sum())]
        return {**found, "runners": runners.tolist(), "outcome": int(runners[outcome])}
    if week.unit == "runner":
        told = "PLACED" if outcome == 0 else "NOT_PLACED"
        return {**found, "runners": [int(rows.participant[row])], "outcome": told}
    if week.unit == "line":
        found["line"] = float((rows.close_line if past.at_close else rows.market_line)[row])
    return {**found, "outcome": kinds.ROLES[past.market_kind][outcome]}


def _rounded(probabilities: Iterable[float]) -> list[float | None]:
    return [round(float(p), PLACES) if np.isfinite(p) else None for p in probabilities]
