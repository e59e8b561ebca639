"""What was asked of several forecasters at once, what each said, and what then came.

A board has one row per match, per line that was decided, or per race.  Everybody is scored on the
same rows; whoever was silent on one of them is NaN there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from markets.domain import kinds
from models_ml.domain import scoring, softmax
from models_ml.domain.examples import Examples
from models_ml.domain.scoring import diagram, losses

#: Columns of feature sets that hold the market's line and the first answer's probability.
_LINES = {
    "SPREAD": ("spread_line", "spread_home"),
    "ASIAN_HANDICAP": ("handicap_line", "handicap_home"),
    "TOTAL": ("total_line", "total_over"),
    "PLAYER_TOTAL": ("line", "over"),
}
PLACE = "PLACE"
_SUM = 1e-6
_CERTAIN = 1.0 - 1e-6
HALF = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Board:
    """Forecasts beside what came.

    ``row``: the example that a row stands for, of a race its first runner; ``outcome``: which of
    the k answers came; ``weight``: what share of a stake it decided, 1 or ½; ``said``: the
    probabilities of each forecaster, (n, k), of a race padded by zeros behind its runners.
    """

    unit: str  # "match", "line", "race" or, of places, "runner"
    row: NDArray
    outcome: NDArray
    weight: NDArray
    said: dict[str, NDArray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.row)

    def part(self, rows: NDArray) -> "Board":
        """Return some of the rows, in the order of their positions (or where a mask is true)."""
        said = {name: told[rows] for name, told in self.said.items()}
        return Board(self.unit, self.row[rows], self.outcome[rows], self.weight[rows], said)

    def saying(self, name: str, told: NDArray, *, first: bool = False) -> "Board":
        """Return this board with the words of one more, (n, k), behind or before the others."""
        others = {known: said for known, said in self.said.items() if known != name}
        said = {name: told, **others} if first else {**others, name: told}
        return replace(self, said=said)

    def known(self, name: str) -> NDArray:
        """Tell where a forecaster spoke, (n,) bool."""
        if name not in self.said:
            return np.zeros(len(self), dtype=bool)
        return np.isfinite(self.said[name]).all(axis=1)

    def log_losses(self, name: str) -> NDArray:
        """Return a forecaster's ``-ln P`` of what came; their mean is weighted by the stakes."""
        return self._weighted(scoring.log_losses(self.said[name], self.outcome))

    def briers(self, name: str) -> NDArray:
        """Return a forecaster's ``sum (p - y)²``, 0 to 2; their mean is weighted by the stakes."""
        return self._weighted(scoring.briers(self.said[name], self.outcome))

    def card(self, name: str) -> dict[str, float | None]:
        """Return every score of a forecaster, over the rows where it spoke."""
        mine = self.part(self.known(name))
        said = mine.said[name]
        if self.unit == "race":
            return _card_of_races(mine, name)
        card = scoring.card(said, mine.outcome)
        means = (float(mine.log_losses(name).mean()), float(mine.briers(name).mean()))
        return {**card, "log_loss": means[0], "brier_sum": means[1]}

    def points(self, name: str) -> list[diagram.Point]:
        """Return how often came what was said, bin by bin, over the rows where it spoke."""
        mine = self.part(self.known(name))
        if self.unit == "race":
            return diagram.points_of(*_statements(mine, name))
        return scoring.points(mine.said[name], mine.outcome)

    def _weighted(self, lost: NDArray) -> NDArray:
        return lost * (self.weight / self.weight.mean()) if len(self) else lost


def board(*, market_kind: str, examples: Examples, at_close: bool = False) -> Board:
    """Return the board of a kind of market with what the market said and what its close says.

    In a kind with lines it is put up at the market's line at the stage, or, ``at_close``, at that
    of the close.  Rows without such a line, ties where only sides are asked for, refunded stakes
    and races without exactly one winner are left out.  Of places each runner is a row, placed or
    not, in races of which up to four were placed and not all, and of all of whom that is told.
    """
    if market_kind == PLACE:
        return _placed(examples)
    if market_kind in kinds.RUNNER_KINDS:
        return _races(examples)
    if market_kind in kinds.LINE_KINDS:
        return _lines(market_kind, examples, at_close)
    found = _matches(market_kind, examples)
    return replace(
        found, said={"market": examples.market[found.row], "close": examples.close[found.row]}
    )


def lines_of(*, board: Board, examples: Examples, at_close: bool = False) -> NDArray:
    """Return the line of each row of a board."""
    return (examples.close_line if at_close else examples.market_line)[board.row]


def in_races(*, board: Board, examples: Examples, chances: NDArray) -> NDArray:
    """Return what was said of each runner (one per example) as rows of a board of races."""
    starts, sizes = _fields(examples)
    at = np.searchsorted(starts, board.row)
    starts, sizes = starts[at], sizes[at]
    place = np.arange(sizes.max(initial=0))
    inside = place < sizes[:, None]
    rows = np.where(inside, starts[:, None] + place, 0)
    found = np.where(inside, chances[rows], 0.0)
    silent = np.abs(found.sum(axis=1) - 1.0) > _SUM
    found[silent | np.isnan(found).any(axis=1)] = np.nan
    return found


def market_at_stage(
    *, market_kind: str, values: NDArray, names: Sequence[str], group: NDArray
) -> tuple[NDArray, NDArray]:
    """Return the market that the features hold: probabilities (n, k) and lines (n,).

    NaN where there was none, and where a set does not look at that kind of market.
    """
    none = np.full(len(values), np.nan)
    at = {name: place for place, name in enumerate(names)}

    def column(name: str) -> NDArray:
        return np.asarray(values[:, at[name]] if name in at else none, dtype=float)

    if market_kind in _LINES:
        line, first = (column(name) for name in _LINES[market_kind])
        return np.stack([first, 1.0 - first], axis=1), np.where(np.isnan(first), np.nan, line)
    if market_kind == PLACE:
        return column("market_place").reshape(-1, 1), none
    if market_kind in kinds.RUNNER_KINDS:
        chances = np.exp(column("market_win_log"))
        return shares(chances, group).reshape(-1, 1), none
    roles = kinds.ROLES.get(market_kind, ())
    columns = [column(f"market_{role.lower()}") for role in roles]
    found = np.stack(columns, axis=1) if columns else np.empty((len(values), 0))
    found[np.isnan(found).any(axis=1)] = np.nan
    return found, none


def shares(chances: NDArray, group: NDArray) -> NDArray:
    """Return chances as shares of their race, NaN in races where one is not known.

    >>> shares(np.array([0.4, 0.4, 0.9, np.nan]), np.array([1, 1, 2, 2])).tolist()
    [0.5, 0.5, nan, nan]
    """
    _, race = np.unique(group, return_inverse=True)
    total = np.zeros(race.max(initial=-1) + 1)
    np.add.at(total, race, chances)
    return chances / total[race]


def _matches(market_kind: str, examples: Examples) -> Board:
    outcome = examples.outcome
    if len(kinds.ROLES[market_kind]) == 2:
        rows = np.flatnonzero(outcome != 1)
        return Board("match", rows, outcome[rows] // 2, np.ones(len(rows)))
    return Board("match", np.arange(len(examples)), outcome, np.ones(len(examples)))


def _lines(market_kind: str, examples: Examples, at_close: bool) -> Board:
    line = examples.close_line if at_close else examples.market_line
    if market_kind in kinds.HANDICAP_KINDS:
        beyond = examples.margin + line
    else:
        counted = examples.total if market_kind == "TOTAL" else examples.figure
        beyond = counted - line
    rows = np.flatnonzero(np.nan_to_num(beyond) != 0)
    beyond = beyond[rows]
    told = (examples.close if at_close else examples.market)[rows]
    return Board(
        unit="line",
        row=rows,
        outcome=(beyond < 0).astype(np.int64),
        weight=np.where(np.abs(beyond) < HALF, HALF, 1.0),
        said={"close" if at_close else "market": told},
    )


def _fields(examples: Examples) -> tuple[NDArray, NDArray]:
    starts = softmax.starts_of(examples.group)
    return starts, softmax.sizes_of(starts, len(examples))


def _races(examples: Examples) -> Board:
    starts, _ = _fields(examples)
    if not len(starts):
        none = np.empty(0, dtype=np.int64)
        return Board("race", none, none, np.empty(0))
    winners = np.add.reduceat(examples.winner, starts)
    first = np.repeat(starts, np.diff(np.append(starts, len(examples))))
    place = np.arange(len(examples)) - first
    won = np.add.reduceat(np.where(examples.winner == 1, place, 0), starts)
    whole = winners == 1
    rows = starts[whole]
    found = Board("race", rows, won[whole].astype(np.int64), np.ones(len(rows)))
    told = {"market": examples.market[:, 0], "close": examples.close[:, 0]}
    said = {
        name: in_races(board=found, examples=examples, chances=shares(chances, examples.group))
        for name, chances in told.items()
    }
    return replace(found, said=said)


def places_of(examples: Examples) -> NDArray:
    """Return how many were placed in each runner's race, (n,) int."""
    starts, sizes = _fields(examples)
    if not len(starts):
        return np.empty(0, dtype=np.int64)
    placed = np.add.reduceat(np.nan_to_num(examples.placed), starts)
    return np.repeat(placed.astype(np.int64), sizes)


def _placed(examples: Examples) -> Board:
    places = places_of(examples)
    starts, sizes = _fields(examples)
    size = np.repeat(sizes, sizes)
    asked = (places >= 1) & (places <= softmax.MOST_PLACES) & (places < size)
    asked &= (size <= softmax.MOST_RUNNERS) & _told_whole(examples.placed, starts, sizes)
    rows = np.flatnonzero(asked)
    board = Board("runner", rows, (examples.placed[rows] == 0).astype(np.int64), np.ones(len(rows)))
    shares_of = examples.market[rows, 0] * places[rows]  # the market's add up to 1
    told = {"market": shares_of, "close": examples.close[rows, 0]}
    return replace(board, said={name: either(p) for name, p in told.items()})


def _told_whole(placed: NDArray, starts: NDArray, sizes: NDArray) -> NDArray:
    """Tell whose race tells of each of its runners whether it was placed, (n,) bool."""
    if not len(starts):
        return np.empty(0, dtype=bool)
    return np.repeat(np.logical_and.reduceat(np.isfinite(placed), starts), sizes)


def either(chances: NDArray) -> NDArray:
    """Return chances that something happens, and that it does not, (n, 2)."""
    first = np.minimum(chances, _CERTAIN)
    return np.stack([first, 1.0 - first], axis=1)


def _statements(board: Board, name: str) -> tuple[NDArray, NDArray]:
    """Return each runner's chance and whether it won; who was padded has none and is left out."""
    said = board.said[name]
    happened = np.zeros_like(said)
    happened[np.arange(len(said)), board.outcome] = 1.0
    runs = said > 0
    return said[runs], happened[runs]


def _card_of_races(board: Board, name: str) -> dict[str, float | None]:
    """Return the scores of chances in races; how calibrated they are is a matter of runners."""
    stated, happened = _statements(board, name)
    line = diagram.reliability_of(stated, happened)
    ends = ("slope", "slope_low", "slope_high", "intercept", "intercept_low", "intercept_high")
    return {
        "log_loss": float(board.log_losses(name).mean()),
        "brier_sum": float(board.briers(name).mean()),
        "accuracy": scoring.accuracy(board.said[name], board.outcome),
        "auc": losses.auc_of(stated, happened),
        "ece": diagram.ece_of(stated, happened),
        **{end: getattr(line, end) if line else None for end in ends},
    }
