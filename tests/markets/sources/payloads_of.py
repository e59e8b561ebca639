"""Payloads written by us in the true shapes of sources, and prices back from their columns."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from markets.connectors.base import ParsedBatch

FOLDER = Path(__file__).parent / "payloads"
NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


class Quote(NamedTuple):
    """One price as its batch tells it."""

    event: str
    kind: str
    period: str
    line: Decimal | None
    whose: str
    statistic: str
    role: str
    runner: str
    book: str
    price: Decimal
    seen_at: datetime
    mark: int
    record: int


def payload(source: str, name: str) -> bytes:
    return (FOLDER / source / name).read_bytes()


def quotes(batch: ParsedBatch) -> list[Quote]:
    """Return a batch's prices, one by one."""
    found = batch.all_prices()
    return [
        Quote(
            *found.keys[key],
            found.books[book],
            Decimal(price) / 1000,
            datetime.fromtimestamp(seen / 1e6, tz=UTC),
            mark,
            record,
        )
        for key, book, price, seen, mark, record in zip(
            *(column.tolist() for column in (found.key, found.book, found.price, found.seen)),
            found.mark.tolist(),
            found.record.tolist(),
            strict=True,
        )
    ]


def told(batch: ParsedBatch) -> list[tuple[int | None, str, bool]]:
    """Return where each problem is, and whether it refuses its record."""
    return [(problem.row, problem.field, problem.is_rejection) for problem in batch.problems]
