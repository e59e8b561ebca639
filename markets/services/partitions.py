"""Monthly partitions of the histories, made before the first row that needs them."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction

PRICES, LADDERS = "markets_pricesnapshot", "markets_laddersnapshot"
_LOCK = 0x70617274  # processes that make partitions wait for each other

_STANDING = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass"

Month = tuple[int, int]  # year, month in UTC


def ensure(*, months: Iterable[Month], table: str = PRICES) -> list[str]:
    """Make the partitions of these months that are missing; return the names made.

    A partition is made beside the table and then attached: that blocks no reader and no writer.
    """
    wanted = {f"{table}_{year:04d}_{month:02d}": (year, month) for year, month in months}
    with connection.cursor() as cursor:
        if not _missing(cursor, table, wanted):
            return []
        with transaction.atomic():
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
            made = sorted(_missing(cursor, table, wanted))  # another process may have made some
            for name in made:
                _make(cursor, table, name, *wanted[name])
    return made


def ensure_ahead(*, now: datetime, months: int = 3) -> list[str]:
    """Make this month's partitions of every history and those of the months after it."""
    ahead = _ahead(now, months)
    return [name for table in (PRICES, LADDERS) for name in ensure(months=ahead, table=table)]


def standing(*, table: str = PRICES) -> dict[str, Month]:
    """Return the months that stand, by their partition's name."""
    with connection.cursor() as cursor:
        cursor.execute(_STANDING, [table])
        names = [name for (name,) in cursor.fetchall()]
    months = {name: month_of(name=name)[1] for name in names}
    return {name: month for name, month in months.items() if month is not None}


def month_of(*, name: str) -> tuple[str | None, Month | None]:
    """Return the table and the month that a partition's name tells; None where it tells none.

    >>> month_of(name="markets_pricesnapshot_2024_07")
    ('markets_pricesnapshot', (2024, 7))
    """
    match = re.fullmatch(rf"({PRICES}|{LADDERS})_(\d{{4}})_(\d\d)", name)
    return (match[1], (int(match[2]), int(match[3]))) if match else (None, None)


def missing(*, now: datetime, months: int = 2) -> list[str]:
    """Return the partitions that should stand by now: this month's and the next ones'."""
    wanted = [
        f"{table}_{y:04d}_{m:02d}" for table in (PRICES, LADDERS) for y, m in _ahead(now, months)
    ]
    found = {*standing(table=PRICES), *standing(table=LADDERS)}
    return [name for name in wanted if name not in found]


def _ahead(now: datetime, months: int) -> list[Month]:
    utc = now.astimezone(UTC)
    first = utc.year * 12 + utc.month - 1
    return [(n // 12, n % 12 + 1) for n in range(first, first + months)]


def _missing(cursor: Any, table: str, names: Iterable[str]) -> set[str]:
    cursor.execute(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass",
        [table],
    )
    return set(names) - {name for (name,) in cursor.fetchall()}


def _make(cursor: Any, table: str, name: str, year: int, month: int) -> None:
    start = datetime(year, month, 1, tzinfo=UTC)
    end = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    cursor.execute(f'CREATE TABLE "{name}" (LIKE {table} INCLUDING ALL)')
    cursor.execute(
        f'ALTER TABLE {table} ATTACH PARTITION "{name}" FOR VALUES FROM'
        f" ('{start.isoformat()}') TO ('{end.isoformat()}')"
    )
