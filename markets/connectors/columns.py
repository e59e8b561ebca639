"""Prices as columns of numbers: the fast way from a payload into the tables."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from markets.connectors.base import ParsedPrice

Ints = NDArray[np.int64]

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
NO_NUMBER = -1  # stands for a price that is no finite number
_HIGHEST = 1e15

#: event_ref, kind, period, line, participant, statistic, role, runner
PriceKey = tuple[str, str, str, Decimal | None, str, str, str, str]


@dataclass(frozen=True, slots=True, eq=False)
class PriceColumns:
    """Prices of few keys and books, one row each; all columns are equally long.

    Attributes:
        keys, books: what the numbers of ``key`` and ``book`` stand for.
        price: thousandths; ``NO_NUMBER`` where it is none.
        seen: microseconds since 1970.
        mark: 0, 1 the opener, 2 the close.
        record: the record that the price was read from.
    """

    keys: Sequence[PriceKey]
    books: Sequence[str]
    key: Ints
    book: Ints
    price: Ints
    seen: Ints
    mark: Ints
    record: Ints

    def __len__(self) -> int:
        return int(self.key.size)

    @classmethod
    def of(cls, prices: Sequence[ParsedPrice]) -> PriceColumns:
        """Return a list of prices as columns.

        >>> PriceColumns.of(()).price.size
        0
        """
        keys: dict[PriceKey, int] = {}
        books: dict[str, int] = {}
        moments = {moment: microseconds(moment) for moment in {p.seen_at for p in prices}}
        columns = np.empty((6, len(prices)), dtype=np.int64)
        columns[0] = [
            keys.setdefault(
                (
                    p.event_ref,
                    p.kind,
                    p.period,
                    p.line,
                    p.participant,
                    p.statistic,
                    p.role,
                    p.runner,
                ),
                len(keys),
            )
            for p in prices
        ]
        columns[1] = [books.setdefault(p.book, len(books)) for p in prices]
        columns[2] = thousandths([p.price for p in prices])
        columns[3] = [moments[p.seen_at] for p in prices]
        columns[4] = [p.mark for p in prices]
        columns[5] = [p.record for p in prices]
        return cls(list(keys), list(books), *columns)

    @classmethod
    def joined(cls, parts: Sequence[PriceColumns]) -> PriceColumns:
        """Return several as one."""
        keys: list[PriceKey] = []
        books: list[str] = []
        key, book = [], []
        for part in parts:
            key.append(part.key + len(keys))
            book.append(part.book + len(books))
            keys += part.keys
            books += part.books
        rest = [
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("price", "seen", "mark", "record")
        ]
        return cls(keys, books, np.concatenate(key), np.concatenate(book), *rest)

    def at(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> PriceColumns:
        """Return these rows."""
        columns = (self.key, self.book, self.price, self.seen, self.mark, self.record)
        return PriceColumns(self.keys, self.books, *(column[rows] for column in columns))

    def only(self, records: Collection[int]) -> PriceColumns:
        """Return the prices of these records."""
        return self.at(np.isin(self.record, list(records)))

    def event_refs(self) -> set[str]:
        """Return the refs of the events that have a price here."""
        return {self.keys[key][0] for key in np.unique(self.key).tolist()}

    def book_codes(self) -> set[str]:
        """Return the books that have a price here."""
        return {self.books[book] for book in np.unique(self.book).tolist()}


def microseconds(moment: datetime) -> int:
    """Return an aware moment as microseconds since 1970."""
    return (moment - _BEGINNING) // _MICROSECOND


def moment_of(microseconds_since: int) -> datetime:
    """Return the aware moment so many microseconds after the beginning of 1970.

    >>> moment_of(1_000_000).isoformat()
    '1970-01-01T00:00:01+00:00'
    """
    return _BEGINNING + timedelta(microseconds=microseconds_since)


def thousandths(prices: Sequence[Decimal]) -> Ints:
    """Return prices as whole thousandths; what is no finite number becomes ``NO_NUMBER``.

    >>> thousandths([Decimal("1.9"), Decimal("NaN"), Decimal("-Infinity")]).tolist()
    [1900, -1, -1]
    """
    values = np.array([float(price) for price in prices])
    finite = np.isfinite(values)
    bounded = np.clip(np.where(finite, values, 0.0) * 1000.0, -_HIGHEST, _HIGHEST)
    return np.where(finite, np.rint(bounded), NO_NUMBER).astype(np.int64)
