"""What plain methods would have said, each from what was known before it."""

import numpy as np
from numpy.typing import NDArray

from markets.domain import kinds
from models_ml.domain import baselines, boards, softmax
from models_ml.domain.boards import Board
from models_ml.domain.estimators import three_way
from models_ml.domain.estimators.base import column
from models_ml.domain.examples import Examples
from models_ml.domain.features import FeatureSet

DAY = 86_400 * 1_000_000  # µs
STEP = 28 * DAY  # strengths are fitted anew every four weeks
MINIMUM = 100  # matches of a competition, below which nobody knows its sides
RIDGE = 0.02
TOLERANCE = 1e-11  # of a fit that the next one begins at
LONG_AGO = 4 * 365 * DAY  # what lies further back counts for less than a fourteenth
#: By what is counted: the columns that expect it, the first that is known.
EXPECTED = {
    "margin": ("expected_margin", "goals_difference"),
    "total": ("expected_total",),
    "figure": ("mean_weighted",),
}


def said(
    *,
    market_kind: str,
    board: Board,
    examples: Examples,
    past: Examples,
    feature_set: FeatureSet,
    at_close: bool = False,
) -> dict[str, NDArray]:
    """Return the words of each plain method on the rows of a board, (n, k), NaN where silent.

    ``past``: examples whose labels were known before any of the board's rows was asked for.
    """
    mine = examples.part(board.row)
    if market_kind in kinds.RUNNER_KINDS:
        chances = _in_races(examples, feature_set)
        if market_kind == boards.PLACE:
            return {name: _placed(board, examples, one) for name, one in chances.items()}
        return {
            name: boards.in_races(board=board, examples=examples, chances=one)
            for name, one in chances.items()
        }
    if market_kind in kinds.LINE_KINDS:
        line = boards.lines_of(board=board, examples=examples, at_close=at_close)
        return {"normal": _normal(market_kind, mine, line, past, feature_set)}
    return _of_matches(market_kind, mine, past, feature_set)


def elo_logistic(
    *, past: NDArray, outcomes: NDArray, expectations: NDArray, classes: int = 3
) -> NDArray:
    """Return what Elo alone says, (n, classes), NaN where too few matches went before.

    ``past`` and ``outcomes`` are the expected scores and the classes of matches before all of
    those foretold.
    """
    told = np.isfinite(past)
    if told.sum() < MINIMUM:
        return np.full((len(expectations), classes), np.nan)
    fit = baselines.fit_elo(past[told], outcomes[told], classes=classes)
    return fit.probabilities(np.nan_to_num(expectations, nan=0.5))


def dixon_coles(*, rows: Examples, past: Examples) -> NDArray:
    """Return what goals alone say of rows, (n, 3), NaN where too few matches went before.

    Strengths are fitted for each competition every four weeks, from results of both that were
    known when the four weeks began; older ones count less.
    """
    found = np.full((len(rows), 3), np.nan)
    fits: dict[int, baselines.DixonColes | None] = {}
    blocks = np.stack([rows.competition, rows.starts // STEP], axis=1)
    for competition, step in np.unique(blocks, axis=0):
        places = np.flatnonzero((blocks == (competition, step)).all(axis=1))
        begins = int(min(step * STEP, rows.starts[places].min()))
        seen = [one.part(one.competition == competition) for one in (past, rows)]
        fit = fits[competition] = _fitted(seen, begins, fits.get(competition))
        if fit is not None:
            found[places] = fit.probabilities(rows.home_side[places], rows.away_side[places])
    return found


def _fitted(
    history: list[Examples], moment: int, before: baselines.DixonColes | None
) -> baselines.DixonColes | None:
    """Return strengths by the results known at a moment (µs), or None of too few."""
    known = [
        one.part((one.label_known_at <= moment) & (moment - one.starts < LONG_AGO))
        for one in history
    ]
    if sum(len(one) for one in known) < MINIMUM:
        return None

    def joined(name: str) -> NDArray:
        return np.concatenate([getattr(one, name) for one in known])

    return baselines.fit_dixon_coles(
        home=joined("home_side"),
        away=joined("away_side"),
        home_goals=joined("home"),
        away_goals=joined("away"),
        weights=baselines.weights_of_age((moment - joined("starts")) / DAY),
        ridge=RIDGE,
        begin_at=before,
        tolerance=TOLERANCE,
    )


def _of_matches(
    market_kind: str, rows: Examples, past: Examples, feature_set: FeatureSet
) -> dict[str, NDArray]:
    classes = len(kinds.ROLES[market_kind])
    if "expectation" not in feature_set.starts:
        return {}
    expected, before = (one.values[:, feature_set.expectation] for one in (rows, past))
    outcomes = past.outcome
    if classes == 2:
        decided = outcomes != 1
        before, outcomes = before[decided], outcomes[decided] // 2
        elo = np.nan_to_num(expected, nan=0.5)
        found = {"elo": np.stack([elo, 1.0 - elo], axis=1)}
    else:
        found = {"elo": three_way.elo_of(rows.values, feature_set)}
        found["dixon_coles"] = dixon_coles(rows=rows, past=past)
    found["elo_logistic"] = elo_logistic(
        past=before, outcomes=outcomes, expectations=expected, classes=classes
    )
    return found


def _normal(
    market_kind: str, rows: Examples, line: NDArray, past: Examples, feature_set: FeatureSet
) -> NDArray:
    """Return what a normal figure around the expected one says of lines, (n, 2)."""
    counted = "margin" if market_kind in kinds.HANDICAP_KINDS else "total"
    counted = "figure" if market_kind == "PLAYER_TOTAL" else counted
    expected, before = (_expected(counted, one, feature_set) for one in (rows, past))
    figures = getattr(past, counted)
    if np.isfinite(figures - before).sum() < MINIMUM:
        return np.full((len(rows), 2), np.nan)
    fit = baselines.fit_normal(before, figures)
    first = fit.above(expected, -line if counted == "margin" else line)
    return np.stack([first, 1.0 - first], axis=1)


def _expected(counted: str, rows: Examples, feature_set: FeatureSet) -> NDArray:
    found = column(rows.values, feature_set, *EXPECTED[counted])
    if counted == "total":
        goals = [column(rows.values, feature_set, f"goals_{side}") for side in ("home", "away")]
        found = np.where(np.isnan(found), goals[0] + goals[1], found)
    return found


def _in_races(examples: Examples, feature_set: FeatureSet) -> dict[str, NDArray]:
    """Return chances by ratings alone, silent in races that nobody rated, and all alike."""
    rated = np.exp(column(examples.values, feature_set, "rated_log"))
    by_rating = baselines.in_race(rated, examples.group)
    _, race = np.unique(examples.group, return_inverse=True)
    by_rating[np.bincount(race, weights=np.isfinite(rated))[race] == 0] = np.nan
    alike = baselines.in_race(np.ones(len(examples)), examples.group)
    return {"rated": by_rating, "uniform": alike}


def _placed(board: Board, examples: Examples, chances: NDArray) -> NDArray:
    """Return each runner's chance to be placed, (n, 2), as if who is left races on for the rest.

    Source: Harville 1973, "Assigning probabilities to the outcomes of multi-entry competitions".
    """
    found = np.full(len(examples), np.nan)
    places, starts = boards.places_of(examples), softmax.starts_of(examples.group)
    ends = starts + softmax.sizes_of(starts, len(examples))
    asked = np.isin(examples.group[starts], examples.group[board.row])
    for first, last in zip(starts[asked], ends[asked], strict=True):
        if np.isfinite(chances[first:last]).all():
            found[first:last] = softmax.placed(chances[first:last], places=int(places[first]))
    return boards.either(found[board.row])
