"""What a portion of a recording told, gathered in lists of numbers and made a batch at the end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np

from markets.connectors.base import (
    ParsedBatch,
    ParsedCompetition,
    ParsedEvent,
    ParsedLadder,
    ParsedMarket,
    ParsedResult,
    Problem,
)
from markets.connectors.betfair import codes
from markets.connectors.columns import PriceColumns, PriceKey

_BOOKS = (codes.EXCHANGE, codes.TRADED, codes.STARTING)
_BOOK_NUMBERS: Mapping[str, int] = {code: number for number, code in enumerate(_BOOKS)}
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_MESSAGE_AT_MOST = 500


def moment(milliseconds: int) -> datetime:
    """Return milliseconds since 1970 as an aware moment.

    >>> moment(1_667_795_528_782).isoformat()
    '2022-11-07T04:32:08.782000+00:00'
    """
    return _BEGINNING + milliseconds * _MILLISECOND


@dataclass(slots=True)
class Facts:
    """One portion, while it is read; ``records`` counts the lines that held anything."""

    file: str
    records: int = 0
    events: dict[str, ParsedEvent] = field(default_factory=dict)
    markets: dict[str, ParsedMarket] = field(default_factory=dict)
    competitions: dict[str, ParsedCompetition] = field(default_factory=dict)
    results: list[ParsedResult] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    excerpts: dict[int, str] = field(default_factory=dict)
    _keys: dict[PriceKey, int] = field(default_factory=dict)
    _rows: dict[tuple[int, int, int], tuple[int, int, int]] = field(default_factory=dict)
    _ladders: dict[tuple[object, ...], ParsedLadder] = field(default_factory=dict)

    def price(
        self, *, key: PriceKey, book: str, price: int, at: int, record: int, mark: int = 0
    ) -> None:
        """Take a price in thousandths, seen ``at`` milliseconds since 1970.

        Of several within one millisecond the last one stands.
        """
        number = self._keys.setdefault(key, len(self._keys))
        self._rows[number, _BOOK_NUMBERS[book], at * 1000] = (price, mark, record)

    def ladder(self, ladder: ParsedLadder) -> None:
        """Take a ladder; of several within one millisecond the last one stands."""
        of = ladder.kind, ladder.period, ladder.line, ladder.role, ladder.runner
        self._ladders[ladder.event_ref, of, ladder.seen_at] = ladder

    def tell(self, record: int | None, at: str, expected: str, *, is_rejection: bool) -> None:
        """Take a problem."""
        self.problems.append(
            Problem(self.file, record, at, expected[:_MESSAGE_AT_MOST], is_rejection)
        )

    def as_batch(self) -> ParsedBatch:
        """Return what was gathered."""
        rows = [
            (key, book, price, seen, mark, record)
            for (key, book, seen), (price, mark, record) in self._rows.items()
        ]
        columns = np.array(rows, dtype=np.int64).reshape(-1, 6).T
        return ParsedBatch(
            events=list(self.events.values()),
            results=self.results,
            problems=self.problems,
            competitions=list(self.competitions.values()),
            books=codes.BOOKS,
            markets=list(self.markets.values()),
            columns=PriceColumns(list(self._keys), _BOOKS, *columns),
            ladders=list(self._ladders.values()),
            records=self.records,
            excerpts=self.excerpts,
        )
