"""Monthly partitions of the price history, made before the first row that needs them."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction

_LOCK = 0x70617274  # processes that make partitions wait for each other

Month = tuple[int, int]  # year, month in UTC


def ensure(*, months: Iterable[Month]) -> list[str]:
    """Make the partitions of these months that are missing; return the names made.

    A partition is made beside the table and then attached: that blocks no reader and no writer.
    """
    wanted = {
        f"markets_pricesnapshot_{year:04d}_{month:02d}": (year, month) for year, month in months
    }
    with connection.cursor() as cursor:
        if not _missing(cursor, wanted):
            return []
        with transaction.atomic():
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
            made = sorted(_missing(cursor, wanted))  # another process may have made some
            for name in made:
                _make(cursor, name, *wanted[name])
    return made


def ensure_ahead(*, now: datetime, months: int = 3) -> list[str]:
    """Make this month's partition and those of the months after it."""
    utc = now.astimezone(UTC)
    first = utc.year * 12 + utc.month - 1
    return ensure(months=[(n // 12, n % 12 + 1) for n in range(first, first + months)])


def _missing(cursor: Any, names: Iterable[str]) -> set[str]:
    cursor.execute(
        "SELECT inhrelid::regclass::text FROM pg_inherits"
        " WHERE inhparent = 'markets_pricesnapshot'::regclass"
    )
    return set(names) - {name for (name,) in cursor.fetchall()}


def _make(cursor: Any, name: str, year: int, month: int) -> None:
    start = datetime(year, month, 1, tzinfo=UTC)
    end = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    cursor.execute(f'CREATE TABLE "{name}" (LIKE markets_pricesnapshot INCLUDING ALL)')
    cursor.execute(
        f'ALTER TABLE markets_pricesnapshot ATTACH PARTITION "{name}" FOR VALUES FROM'
        f" ('{start.isoformat()}') TO ('{end.isoformat()}')"
    )
