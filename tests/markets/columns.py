"""Columns of prices told one by one, as tests read them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from markets.connectors.base import ParsedPrice

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def listed(columns):
    """Return the prices of columns in their order; none where there are no columns."""
    if columns is None:
        return []
    rows = zip(
        columns.key.tolist(),
        columns.book.tolist(),
        columns.price.tolist(),
        columns.seen.tolist(),
        columns.mark.tolist(),
        columns.record.tolist(),
        strict=True,
    )
    return [_price(columns.keys[key], columns.books[book], *rest) for key, book, *rest in rows]


def _price(key, book, price, seen, mark, record):
    ref, kind, period, line, participant, statistic, role, runner = key
    return ParsedPrice(
        ref, kind, line, role, book, Decimal(price) / 1000,
        BEGINNING + timedelta(microseconds=seen),
        period=period, participant=participant, statistic=statistic, runner=runner,
        mark=mark, record=record,
    )  # fmt: skip
