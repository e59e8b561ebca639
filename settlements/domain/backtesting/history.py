"""What a backtest knows: candidates, the prices on offer when each is decided, and how they ended.

A candidate is one selection of one event.  Candidates stand in the order in which live betting
decides them: by moment, event, selection.  Moments are µs since 1970, prices thousandths, a price
of 0 is none.  Nothing here was known later than the candidate's own moment, but for the columns
that say how it ended: they are read when a bet is paid or valued, never when it is chosen.
"""

from dataclasses import dataclass, field, fields, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from betting.domain import selecting
from settlements.domain import rules
from settlements.domain.terms import Terms

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
NEVER = 2**62  # µs: a moment that does not come
KINDS = (
    "MATCH_ODDS", "MONEYLINE", "DRAW_NO_BET", "BOTH_SCORE", "ASIAN_HANDICAP", "SPREAD", "TOTAL",
)  # fmt: skip
"""What a score decides."""
SUM_TOLERATED = 0.005  # of a market's probabilities: a whole percent would be an edge


class BadHistory(ValueError):
    """What is known contradicts itself, or lacks what a backtest needs."""


@dataclass(frozen=True, slots=True)
class Book:
    """A book that takes bets: its code, what it is, and the terms it pays by."""

    id: int
    code: str
    is_exchange: bool = False
    is_enabled: bool = True
    terms: Terms = field(default_factory=Terms)


@dataclass(frozen=True, eq=False)
class History:
    """Arrays of n candidates; ``prices`` and ``ages`` (seconds) are (n, n_books), by book code."""

    kind: str
    books: tuple[Book, ...]
    event: Ints
    market: Ints
    selection: Ints
    role: npt.NDArray[np.str_]
    quarters: Floats  # the selection's own line times four; NaN where its kind has none
    starts: Ints
    as_of: Ints
    probability: Floats  # where the stake is not refunded; NaN where nobody told
    refund: Floats
    prices: npt.NDArray[np.int32]
    ages: Floats
    sport: Ints
    competition: Ints
    home: Ints  # -1: not known
    away: Ints
    outcome: Ints  # place in ``rules.OUTCOMES``, ``rules.UNKNOWN`` while it is not known
    settles: Ints  # when a bet on it is paid; NEVER where that does not come
    close: Floats  # margin-free closing probability; NaN where there is none
    close_price: Floats

    def __len__(self) -> int:
        return len(self.event)

    @cached_property
    def first(self) -> Ints:
        """Return where each event's candidates begin."""
        if not len(self):
            return np.zeros(0, dtype=np.int64)
        return np.flatnonzero(np.r_[True, self.event[1:] != self.event[:-1]])

    @cached_property
    def number(self) -> Ints:
        """Return the number of each candidate's event, from 0."""
        return np.repeat(np.arange(len(self.first)), np.diff(np.r_[self.first, len(self)]))

    @cached_property
    def markets(self) -> Ints:
        """Return the number of each candidate's market, from 0."""
        return np.unique(self.market, return_inverse=True)[1].astype(np.int64)

    @cached_property
    def is_sound(self) -> npt.NDArray[np.bool_]:
        """Tell whose probability is one of a market's that come to 1 together."""
        n = int(self.markets.max(initial=-1)) + 1
        told = np.nan_to_num(self.probability)
        total = np.bincount(self.markets, weights=told, minlength=n)
        count = np.bincount(self.markets, weights=np.isfinite(self.probability), minlength=n)
        is_whole = count == selecting.SELECTIONS_OF.get(self.kind, 0)
        is_one = np.abs(total - 1.0) <= SUM_TOLERATED
        is_part = (total > 0.0) & (total <= 1.0 + SUM_TOLERATED)
        return np.where(is_whole, is_one, is_part)[self.markets]

    def part(self, which: npt.NDArray) -> "History":
        """Return the candidates at these places, or where a mask says so, in their order."""
        n = len(self)
        arrays = {
            one.name: getattr(self, one.name)[which]
            for one in fields(self)
            if isinstance(getattr(self, one.name), np.ndarray) and len(getattr(self, one.name)) == n
        }
        return replace(self, **arrays)

    def between(self, *, since: int, until: int) -> "History":
        """Return the events that start from ``since`` to before ``until``."""
        return self.part((self.starts >= since) & (self.starts < until))


def check(history: History) -> History:
    """Return a history that a backtest can go by.

    Raises:
        BadHistory: and says which candidate does not fit, and why.
    """
    if history.kind not in KINDS:
        raise BadHistory(f"{history.kind} is not decided by a score: {', '.join(KINDS)}")
    codes = [book.code for book in history.books]
    if codes != sorted(set(codes)):
        raise BadHistory("books stand once each, by their codes")
    shape = (len(history), len(history.books))
    for one in fields(history):
        column = getattr(history, one.name)
        if not isinstance(column, np.ndarray):
            continue
        wanted = shape if one.name in ("prices", "ages") else shape[:1]
        if column.shape != wanted:
            raise BadHistory(f"{one.name}: {column.shape} where {wanted} is expected")
    _refuse(history, (history.prices != 0) & (history.prices <= 1000), "a price of 1 or less")
    stray = (history.probability < 0.0) | (history.probability > 1.0)
    _refuse(history, stray, "a probability outside 0 to 1")
    _refuse(history, history.starts <= history.as_of, "decided at its start or later")
    is_known = history.outcome != rules.UNKNOWN
    _refuse(history, is_known & (history.settles <= history.starts), "paid before it started")
    _refuse(history, ~is_known & (history.settles != NEVER), "paid without an outcome")
    _check_order(history)
    return history


def _refuse(history: History, wrong: npt.NDArray, why: str) -> None:
    if not wrong.any():
        return
    rows = np.flatnonzero(wrong.any(axis=1) if wrong.ndim == 2 else wrong)
    first = int(rows[0])
    raise BadHistory(
        f"{why}: event {history.event[first]}, selection {history.selection[first]}"
        f" (and {len(rows) - 1} more)"
    )


def _check_order(history: History) -> None:
    order = np.lexsort((history.selection, history.event, history.as_of))
    if (order != np.arange(len(history))).any():
        raise BadHistory("candidates stand by moment, event and selection")
    if len(np.unique(history.event)) != len(history.first):
        raise BadHistory("an event has two moments")
