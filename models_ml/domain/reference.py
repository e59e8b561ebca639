"""What the market believed as of a moment: the reference's probabilities without its margin.

The same choice as ``markets.queries.reference_probabilities``: of the enabled books that quote
every answer, the one with the lowest reference rank, else the mean of all; and, where a feature
set names some, else the mean of books that only repeat others.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from markets.domain import kinds, odds
from models_ml.domain import asof, known
from models_ml.domain.arrays import Bools, Floats, Ints
from models_ml.domain.asof import Timeline
from models_ml.domain.facts import EVER, NONE, Books, Quotes

DAY = 86_400_000_000
LONGEST_STANDING = 400 * DAY  # a price that nobody has changed for longer is not on offer
IS_MARKET = [known.BOOKS.index(kind) for kind in ("BOOKMAKER", "EXCHANGE", "STARTING")]
UNRANKED, REPEATS = 2**20, 2**20 + 1  # after every rank; after every book of the market


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """One row per ask; NaN where there was no whole board."""

    probability: Floats  # (n, answers)
    overround: Floats
    line: Floats
    changed_at: Floats  # µs
    opening: Floats  # (n, answers): what the same books said first


@dataclass(frozen=True, slots=True, eq=False)
class _Views:
    """Whole boards as of their asks, one row per ask, market and book."""

    owner: Ints
    book: Ints  # rows of the books
    tier: Ints
    line: Floats
    probability: Floats
    overround: Floats
    changed_at: Ints
    first: Ints  # (n, answers): rows of the first prices


class Boards:
    """Quotes by kind, market, book and answer."""

    def __init__(self, *, quotes: Quotes, books: Books) -> None:
        self._quotes, self._books = quotes, books

    def reference(
        self, *, kind: str, events: Ints, as_of: Ints, fallback: Sequence[str] = ()
    ) -> Reference:
        """Return the reference of each event's market of a kind, as of its moment.

        Where a kind has a line, it is the one that the reference moved last (of several, the
        nearest to even); where books are averaged, the median of theirs.
        """
        answers = len(kinds.ROLES[kind])
        views = self._views(kind, events, as_of, fallback)
        if kind in kinds.LINE_KINDS:
            views = _chosen(views, _newest_lines(views))
        views = _chosen(views, _lowest_tier(views, len(events)))
        if kind in kinds.LINE_KINDS:
            views = _chosen(views, _median_lines(views))
        prices = self._of(kind).price_millis[views.first] / 1000.0
        opening = _fair(prices)[0] if len(prices) else prices.reshape(0, answers)
        return Reference(
            probability=_means(views.probability, views.owner, len(events)),
            overround=_means(views.overround[:, None], views.owner, len(events))[:, 0],
            line=_latest(views.line, views.owner, len(events)),
            changed_at=_highest(views.changed_at, views.owner, len(events)),
            opening=_means(opening, views.owner, len(events)),
        )

    def _of(self, kind: str) -> Quotes:
        """Return the quotes of a kind of market, with the number of the role within the kind."""
        place = np.full(len(known.ROLES) + 1, NONE)
        for number, role in enumerate(kinds.ROLES[kind]):
            place[known.ROLES.index(role)] = number
        mine = self._quotes.kind == known.KINDS.index(kind)
        quotes = self._quotes.take(mine & (place[self._quotes.place] >= 0))
        return replace(quotes, place=place[quotes.place])

    def _tiers(self, fallback: Sequence[str]) -> Ints:
        """Return each book's turn, lowest first; -1 for one that is not asked."""
        books = self._books
        enabled = books.enabled == 1
        is_market = enabled & np.isin(books.kind, IS_MARKET)
        ranked = np.where(books.rank >= 0, books.rank, UNRANKED)
        repeats = enabled & np.isin(np.array(books.codes, dtype=np.str_), list(fallback))
        return np.where(is_market, ranked, np.where(repeats, REPEATS, NONE))

    def _views(self, kind: str, events: Ints, as_of: Ints, fallback: Sequence[str]) -> _Views:
        """Return every whole board that an ask could see, with its probabilities."""
        quotes, answers = self._of(kind), len(kinds.ROLES[kind])
        ids, book_of = np.unique(self._books.id), np.argsort(self._books.id)
        book = asof.numbers_among(quotes.book, ids)
        boards, number = asof.distinct(quotes.event, quotes.market, book)
        slots = Timeline(keys=number * answers + quotes.place, moments=quotes.seen_at)
        first = np.searchsorted(boards[:, 0], events, side="left")
        end = np.searchsorted(boards[:, 0], events, side="right")
        board, owner = asof.spread(first, end)
        tier = _taken_tier(self._tiers(fallback), book_of, boards[board, 2])
        board, owner, tier = board[tier >= 0], owner[tier >= 0], tier[tier >= 0]
        keys = board[:, None] * answers + np.arange(answers)
        moments = np.broadcast_to(as_of[owner][:, None], keys.shape).ravel()
        row = slots.newest(keys=keys.ravel(), moments=moments).reshape(keys.shape)
        seen_at = np.where(row >= 0, quotes.seen_at[row], EVER) if len(quotes.place) else row
        whole = (seen_at > as_of[owner][:, None] - LONGEST_STANDING).all(axis=1)
        board, owner, tier, row, keys = (a[whole] for a in (board, owner, tier, row, keys))
        probability, overround = _fair(quotes.price_millis[row] / 1000.0)
        begin, _ = slots.between(
            keys=keys.ravel(), after=np.full(keys.size, EVER), until=np.full(keys.size, EVER)
        )
        views = _Views(
            owner, boards[board, 2], tier, quotes.line[row[:, 0]], probability, overround,
            seen_at[whole].max(axis=1, initial=EVER), slots.order[begin].reshape(keys.shape),
        )  # fmt: skip
        return _chosen(views, np.flatnonzero(~np.isnan(probability).any(axis=1)))


def _taken_tier(tiers: Ints, book_of: Ints, number: Ints) -> Ints:
    if not len(tiers):
        return np.full(len(number), NONE)
    return np.where(number >= 0, tiers[book_of[np.maximum(number, 0)]], NONE)


def _fair(prices: Floats) -> tuple[Floats, Floats]:
    if not len(prices):
        return prices, np.empty(0)
    fair = odds.remove_margin(prices, method=odds.default_method(prices.shape[1]))
    return fair.probabilities, fair.overround


def _chosen(views: _Views, chosen: Ints | Bools) -> _Views:
    return _Views(
        views.owner[chosen], views.book[chosen], views.tier[chosen], views.line[chosen],
        views.probability[chosen], views.overround[chosen], views.changed_at[chosen],
        views.first[chosen],
    )  # fmt: skip


def _newest_lines(views: _Views) -> Ints:
    """Return, of each ask and book, the view whose line moved last; then the nearest to even."""
    uneven = np.abs(views.probability[:, 0] - 0.5)
    order = np.lexsort((views.line, uneven, -views.changed_at, views.book, views.owner))
    new = np.ones(len(order), dtype=bool)
    owner, book = views.owner[order], views.book[order]
    new[1:] = (owner[1:] != owner[:-1]) | (book[1:] != book[:-1])
    return order[new]


def _lowest_tier(views: _Views, n: int) -> Bools:
    lowest = np.full(n, REPEATS + 1)
    np.minimum.at(lowest, views.owner, views.tier)
    return views.tier == lowest[views.owner]


def _median_lines(views: _Views) -> Bools:
    """Return the views at the lower median of each ask's lines."""
    order = np.lexsort((views.line, views.owner))
    owner = views.owner[order]
    first = np.searchsorted(owner, owner, side="left")
    size = np.searchsorted(owner, owner, side="right") - first
    found = np.empty(len(order), dtype=bool)
    found[order] = views.line[order] == views.line[order][first + (size - 1) // 2]
    return found


def _means(values: Floats, owner: Ints, n: int) -> Floats:
    """Return the mean of each ask's rows, added up one by one in their order."""
    count = np.bincount(owner, minlength=n)
    found = np.empty((n, values.shape[1]))
    for column in range(values.shape[1]):
        total = np.bincount(owner, weights=values[:, column], minlength=n)
        found[:, column] = np.where(count > 0, total / np.maximum(count, 1), asof.NAN)
    return found


def _latest(values: Floats, owner: Ints, n: int) -> Floats:
    found = np.full(n, asof.NAN)
    found[owner] = values
    return found


def _highest(values: Ints, owner: Ints, n: int) -> Floats:
    found = np.full(n, EVER)
    np.maximum.at(found, owner, values)
    return np.where(found > EVER, found.astype(np.float64), asof.NAN)
