"""Prices of an answer as columns.  Written for speed: most of a load's time is spent here.

Nearly all markets are pairs of two answers.  A pair of answers costs one look into its game's
dictionary, by its words; what the words mean is found out once.  Moments and prices are judged
at the end, each distinct moment once and all prices together.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from itertools import count, islice
from typing import Any

import numpy as np

from markets.connectors.base import ParsedMarket, ParsedPerson
from markets.connectors.columns import Ints, PriceColumns, PriceKey, microseconds
from markets.connectors.odds_api import answers, codes, odds
from markets.connectors.odds_api.documents import Bookmaker, Game, Market, Outcome
from markets.connectors.told import Told
from markets.domain import kinds, moments

_BOOK = re.compile(r"[a-z0-9_]{1,30}")
_UNUSED = -1
_NEVER: Any = object()  # is no moment
_TORN = "both answers on one line, the away side's being its negative"

_Stamp = str | int | None
_Words = tuple[Any, ...]  # a market's key, and name and point of its answers


class Quotes:
    """Collects the prices of games."""

    def __init__(self, told: Told) -> None:
        self._told = told
        self._keys: list[PriceKey] = []
        self._books: dict[str, int] = {}
        self._stamps: defaultdict[_Stamp, int] = defaultdict(count().__next__)
        self._stamp_records: dict[_Stamp, int] = {}
        self._pairs: list[int] = []  # the keys of both answers, pair after pair
        self._pair: list[int] = []  # of each quoted pair, in turn: which pair, which moment
        self._pair_price: list[Any] = []  # and both of its prices
        self._spans: list[int] = []  # how many answers of pairs, of which book and record
        # of each answer of the other markets: key, moment, book, record
        self._single: list[tuple[int, int, int, int]] = []
        self._single_price: list[Any] = []

    def add(self, record: int, game: Game) -> None:
        """Collect a game's prices."""
        known: dict[_Words, int] = {}
        pairs, prices, stamps = self._pair, self._pair_price, self._stamps
        spans, pair_of = self._spans, known.get
        met = len(stamps)
        for book in game.bookmakers:
            quoting = self._books.get(book.key)
            if quoting is None:
                quoting = self._new_book(record, book)
            before = len(pairs)
            latest, seen = _NEVER, _UNUSED
            for market in book.markets:
                outcomes = market.outcomes
                stamp = market.last_update or book.last_update
                if stamp != latest:  # a book tells most of its markets at once
                    latest, seen = stamp, stamps[stamp]
                if len(outcomes) == 2:
                    one, other = outcomes
                    if one.description is other.description:  # both have none
                        words = market.key, one.name, one.point, other.name, other.point
                        pair = pair_of(words)
                        if pair is None:
                            pair = known[words] = self._new_pair(record, game, market)
                        pairs += (pair, seen)
                        prices += (one.price, other.price)
                        continue
                self._add_singles(record, game, market, known, seen, quoting)
            spans += (len(pairs) - before, quoting, record)
        for stamp in islice(reversed(stamps), len(stamps) - met):
            self._stamp_records[stamp] = record

    def _new_book(self, record: int, book: Bookmaker) -> int:
        key = book.key
        if _BOOK.fullmatch(key):
            self._told.books[key] = codes.book(key, book.title)
            return self._books.setdefault(key, len(self._books))
        self._told.tell(record, "bookmakers", f"a book's key, not {key[:60]!r}")
        return _UNUSED

    def _new_pair(self, record: int, game: Game, market: Market) -> int:
        found = answers.usual_pair(game, market)
        place = len(self._keys)
        if found is not None:
            ref, (kind, period, line, one_role, other_role) = game.id, found
            self._keys += (
                (ref, kind, period, line, "", "", one_role, ""),
                (ref, kind, period, line, "", "", other_role, ""),
            )
            self._pairs += (place, place + 1)
            return len(self._pairs) // 2 - 1
        question = self._question(record, game, market)
        one, other = [
            self._new_key(record, game, market, question, outcome) for outcome in market.outcomes
        ]
        is_torn = question is not None and question.is_pair and _UNUSED not in (one, other)
        if is_torn and self._keys[one][3] != self._keys[other][3]:
            self._told.tell(record, market.key, _TORN)
            one = other = _UNUSED
        self._pairs += (one, other)
        return len(self._pairs) // 2 - 1

    def _add_singles(
        self,
        record: int,
        game: Game,
        market: Market,
        known: dict[_Words, int],
        seen: int,
        book: int,
    ) -> None:
        """Collect the answers of a market that is no pair."""
        question = self._question(record, game, market)
        has_draw = question is not None and question.kind == "MATCH_ODDS"
        for outcome in market.outcomes:
            words = market.key, outcome.name, outcome.point, outcome.description, has_draw, ""
            key = known.get(words)
            if key is None:
                key = known[words] = self._new_key(record, game, market, question, outcome)
            self._single.append((key, seen, book, record))
            self._single_price.append(outcome.price)

    def _question(self, record: int, game: Game, market: Market) -> codes.Question | None:
        key = market.key
        if key in codes.LAID:
            return None
        outcomes = market.outcomes
        has_draw = len(outcomes) == 3 and any(o.name == answers.DRAW for o in outcomes)
        question = codes.question(key, game.sport_key, has_draw)
        if question is None or (not game.home_team) != (question.shape == "RUNNERS"):
            self._told.tell(record, key, f"a market that is read, not {key[:60]!r}")
            return None
        return question

    def _new_key(
        self,
        record: int,
        game: Game,
        market: Market,
        question: codes.Question | None,
        outcome: Outcome,
    ) -> int:
        if question is None:
            return _UNUSED
        try:
            self._keys.append(answers.key(game, question, outcome))
        except (answers.UnusableOutcome, kinds.BadLine) as wrong:
            self._told.tell(record, market.key, str(wrong))
            return _UNUSED
        return len(self._keys) - 1

    def columns(self, *, looked_at_us: int, odds_format: str) -> PriceColumns:
        """Return what was collected.

        ``looked_at_us`` stands for moments that nobody told, in microseconds since 1970;
        ``odds_format``: "american", "decimal" or "" for unknown.
        """
        spans = _table(self._spans, 3)
        book, record = np.repeat(spans[:, 1:].T, spans[:, 0], axis=1)
        quoted = _table(self._pair, 2)
        key = _table(self._pairs, 2)[quoted[:, 0]].ravel()
        stamp = np.repeat(quoted[:, 1], 2)
        if self._single:
            single = _table(self._single, 4)
            key, stamp, book, record = (
                np.concatenate((column, single[:, at]))
                for at, column in enumerate((key, stamp, book, record))
            )
        seen = self._moments(looked_at_us)[stamp]
        listed = self._pair_price + self._single_price
        price, wrong = odds.thousandths(listed, odds_format=odds_format)
        for at, message in wrong.items():
            if key[at] != _UNUSED:
                self._told.tell(int(record[at]), f"{self._keys[key[at]][1]} price", message)
        rows = (key != _UNUSED) & (book != _UNUSED) & (seen != _UNUSED) & (price > 0)
        found = PriceColumns(
            self._keys, list(self._books), key, book, price, seen, np.zeros_like(key), record
        )
        return found if rows.all() else found.at(rows)

    def _moments(self, looked_at_us: int) -> Ints:
        """Return each distinct moment in microseconds."""
        found = []
        for stamp in self._stamps:
            try:
                found.append(looked_at_us if stamp is None else _microseconds(stamp))
            except moments.BadMoment as wrong:
                found.append(_UNUSED)
                self._told.tell(self._stamp_records[stamp], "last_update", str(wrong))
        return np.array(found, dtype=np.int64)

    def runners(self, records: dict[str, int]) -> list[ParsedMarket]:
        """Return the markets whose answers are runners; ``records`` by event ref."""
        found: dict[tuple[str, str, str], dict[str, ParsedPerson]] = {}
        for ref, kind, period, _, _, _, role, name in self._keys:
            if role == kinds.RUNNER:
                found.setdefault((ref, kind, period), {})[name] = ParsedPerson(name)
        return [
            ParsedMarket(ref, kind, period, runners=tuple(people.values()), record=records[ref])
            for (ref, kind, period), people in found.items()
        ]


def _table(rows: Sequence[Any], width: int) -> Ints:
    return np.array(rows, dtype=np.int64).reshape(-1, width)


@lru_cache(maxsize=65_536)
def _microseconds(stamp: str | int) -> int:
    return microseconds(moments.stamp(stamp))
