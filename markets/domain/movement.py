"""How prices move from the opening to the close, and when they were worth most.  Pure.

All of it is in probability: a move from 1.20 to 1.25 says more than one from 12 to 13.  Hours are
hours of the competition's own calendar: a simulated day may last minutes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitoring.domain.thresholds import declare

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

#: Hours before the start: from, to.
WINDOWS = ((0, 1), (1, 4), (4, 12), (12, 24), (24, 48), (48, 72))
ENOUGH = declare(
    "markets.timing-events", 100, "events",
    "Below so many events in a window of hours nothing is advised about when to bet.",
    lowest=2, highest=1_000, is_whole=True,
)  # fmt: skip
STEAM_BOOKS = declare(
    "markets.steam-books", 3, "books",
    "So many books going the same way within a short time are a steam move.",
    lowest=2, highest=50, is_whole=True,
)  # fmt: skip
STEAM_HOURS = declare(
    "markets.steam-hours", 2, "hours",
    "The books of one steam move go the same way within so many hours.",
    lowest=0.01, highest=72,
)  # fmt: skip
STEAM_STEP = declare(
    "markets.steam-step", 0.005, "probability",
    "A price whose chance changed by less than this did not move: not in steam, nor against"
    " the public.",
    lowest=0, highest=0.5,
)  # fmt: skip
PUBLIC_SHARE = declare(
    "markets.public-share", 0.6, "share",
    "The public is on a side when this share of all bets is; a move away from it is told.",
    lowest=0.5, highest=1,
)  # fmt: skip
_SAMPLES, _SEED, _LEVEL = 400, 20, 0.95


def in_window(*, begins: Ints, hours: Floats, window: tuple[float, float]) -> Ints:
    """Return, per pair, the row that a bet at the beginning of the window would have got.

    That is the price in effect when the window begins, or the first one shown within it; -1
    where there was none.  ``hours`` before the start, falling within each pair; ``begins`` is
    each pair's first row.

    >>> hours = np.array([60.0, 20.0, 2.0, 5.0])
    >>> in_window(begins=np.array([0, 3]), hours=hours, window=(12, 24)).tolist()
    [0, -1]
    >>> in_window(begins=np.array([0, 3]), hours=hours, window=(4, 12)).tolist()
    [1, 3]
    """
    if not begins.size:
        return begins
    nearest, farthest = window
    before = np.add.reduceat((hours >= farthest).astype(np.int64), begins)
    opened_within = hours[begins] > nearest
    return np.where(before > 0, begins + before - 1, np.where(opened_within, begins, -1))


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean with the interval that 95 % of resamples of events fall into; None: nothing known."""

    value: float | None
    low: float | None
    high: float | None


def mean_by_event(*, event: Ints, value: Floats) -> Mean:
    """Return the mean of all values; whole events are drawn, for their values hang together.

    Source: Field & Welsh 2007, "Bootstrapping clustered data": the clusters are resampled.

    >>> mean_by_event(event=np.array([1, 1, 2]), value=np.array([0.5, 0.5, 0.5]))
    Mean(value=0.5, low=0.5, high=0.5)
    """
    if not value.size:
        return Mean(None, None, None)
    _, place = np.unique(event, return_inverse=True)
    sums, counts = np.bincount(place, weights=value), np.bincount(place)
    if sums.size < 2:
        return Mean(float(value.mean()), float(value.mean()), float(value.mean()))
    draws = np.random.default_rng(_SEED).integers(0, sums.size, (_SAMPLES, sums.size))
    means = sums[draws].sum(axis=1) / counts[draws].sum(axis=1)
    low, high = np.quantile(means, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return Mean(float(value.mean()), float(low), float(high))


@dataclass(frozen=True, slots=True)
class Window:
    """What prices of one span before the start were worth at the close.

    Attributes:
        n: selections times books; ``events``: the events that they are of.
        moved: mean distance from here to the close, in probability.
        value: mean of price times fair closing probability, less 1.
    """

    nearest: float
    farthest: float
    n: int
    events: int
    moved: float | None
    value: Mean

    @property
    def label(self) -> str:
        return label(self.nearest, self.farthest)


def label(nearest: float, farthest: float) -> str:
    """Name a span of hours before the start.

    >>> label(0, 1)
    '0–1 h'
    """
    return f"{nearest:g}–{farthest:g} h"


def summarise(*, window: tuple[float, float], event: Ints, moved: Floats, value: Floats) -> Window:
    """Return one window's figures."""
    nearest, farthest = window
    return Window(
        nearest,
        farthest,
        n=int(value.size),
        events=int(np.unique(event).size),
        moved=float(np.abs(moved).mean()) if moved.size else None,
        value=mean_by_event(event=event, value=value),
    )


def advice(windows: Sequence[Window], *, enough: int) -> Window | None:
    """Return the window whose prices were worth clearly more than those of all others.

    None below ``enough`` events, with nothing to compare, or where the interval of the best one
    holds another one's mean: then the hour does not matter, as far as is known.
    """
    known = [window for window in windows if window.events >= enough]
    known.sort(key=lambda window: window.value.value or 0.0, reverse=True)
    if len(known) < 2:
        return None
    best, second = known[:2]
    if best.value.low is None or second.value.value is None:
        return None
    return best if best.value.low > second.value.value else None


@dataclass(frozen=True, slots=True)
class Steam:
    """Several books going the same way within a short time.  Hours are before the start."""

    selection: int
    direction: int  # 1: the chance rose, so the prices fell
    from_hours: float
    to_hours: float
    books: int
    change: float  # mean change of implied probability, of these books


@dataclass(frozen=True, slots=True)
class Steaming:
    """What steam is: so many books within so many hours, each by so much probability."""

    books: int
    hours: float
    step: float


def steam(
    *, selection: Ints, book: Ints, hours: Floats, change: Floats, rule: Steaming
) -> list[Steam]:
    """Find every steam move among the changes of implied probability.

    >>> found = steam(
    ...     selection=np.array([7, 7, 7, 7]), book=np.array([1, 2, 3, 1]),
    ...     hours=np.array([10.0, 9.5, 9.0, 3.0]), change=np.array([0.02, 0.01, 0.03, 0.02]),
    ...     rule=Steaming(books=3, hours=2.0, step=0.005),
    ... )
    >>> [(move.books, move.from_hours, move.to_hours, round(move.change, 3)) for move in found]
    [(3, 10.0, 9.0, 0.02)]
    """
    large = np.flatnonzero(np.abs(change) >= rule.step)
    direction = np.sign(change[large]).astype(np.int64)
    order = large[np.lexsort((-hours[large], direction, selection[large]))]
    keys = np.stack([selection[order], np.sign(change[order]).astype(np.int64)])
    edges = np.flatnonzero((keys[:, 1:] != keys[:, :-1]).any(axis=0)) + 1
    found: list[Steam] = []
    for rows in np.split(order, edges):
        if rows.size >= rule.books:
            found += _runs(rows, selection, book, hours, change, rule)
    return sorted(found, key=lambda move: (move.selection, -move.from_hours))


def _runs(
    rows: Ints, selection: Ints, book: Ints, hours: Floats, change: Floats, rule: Steaming
) -> list[Steam]:
    """Slide over one selection's changes of one direction, in order of time."""
    found, first, at = [], 0, 0
    when, who = hours[rows].tolist(), book[rows].tolist()
    while at < rows.size:
        while when[first] - when[at] > rule.hours:
            first += 1
        if len(set(who[first : at + 1])) < rule.books:
            at += 1
            continue
        while at + 1 < rows.size and when[first] - when[at + 1] <= rule.hours:
            at += 1
        run = rows[first : at + 1]
        found.append(
            Steam(
                selection=int(selection[run[0]]),
                direction=int(np.sign(change[run[0]])),
                from_hours=when[first],
                to_hours=when[at],
                books=len(set(who[first : at + 1])),
                change=float(change[run].sum() / len(set(who[first : at + 1]))),
            )
        )
        first = at = at + 1
    return found


def is_against(
    *, share: float, line_change: Floats, change: Floats, public: float, step: float
) -> Bools:
    """Say of each book whether it moved against the public.

    ``share`` of all bets is on a side; ``line_change`` of that side's own handicap (a higher one
    is easier to win by), ``change`` of its implied probability where the line stayed: at least
    ``step``, else it did not move.  From the share ``public`` on the public is on a side.

    >>> line, change = np.array([0.5, 0.0, -0.5, 0.0]), np.array([0.0, -0.02, 0.0, -0.001])
    >>> moved = {"line_change": line, "change": change, "public": 0.6, "step": 0.005}
    >>> is_against(share=0.7, **moved).tolist()
    [True, True, False, False]
    >>> is_against(share=0.5, **moved).any()
    np.False_
    """
    if share >= public:
        return np.asarray((line_change > 0) | (change <= -step))
    if share <= 1 - public:
        return np.asarray((line_change < 0) | (change >= step))
    return np.zeros(line_change.size, dtype=bool)
