"""The prices of a file, straight into columns of numbers: a season has up to 40,000 of them."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

import numpy as np

from markets.connectors.base import CLOSE, NO_MARK
from markets.connectors.columns import PriceColumns, PriceKey, microseconds
from markets.connectors.football_data import cells as cells_of
from markets.connectors.football_data import codes
from markets.connectors.football_data.codes import PriceColumn
from markets.connectors.football_data.rows import File, Row

CLOSE_BEFORE_START = timedelta(minutes=1)
HIGHEST_LINE = 10
GOAL_LINE = Decimal("2.50")
_QUARTER = Decimal("0.25")


def columns(file: File, rows: Sequence[Row]) -> PriceColumns:
    """Read every known price column of every row, and each row's handicap lines once."""
    known = codes.price_columns(file.places)
    keys: list[PriceKey] = []
    key: list[int] = []
    price: list[int] = []
    place: list[int] = []  # which of the known columns
    counts = []
    thousandths: dict[str, int | str] = {}
    for row in rows:
        before = len(key)
        _read_row(file, row, known, keys, key, price, place, thousandths)
        counts.append(len(key) - before)
    return _put_together(file, rows, known, keys, (key, price, place, counts))


def _read_row(
    file: File,
    row: Row,
    known: Sequence[PriceColumn],
    keys: list[PriceKey],
    key: list[int],
    price: list[int],
    place: list[int],
    thousandths: dict[str, int | str],
) -> None:
    """Add one row's prices to the lists."""
    cells, n_cells = row.cells, len(row.cells)
    own: dict[tuple[str, str, int | None], int] = {}  # this row's keys by kind, role and line
    for at, column in enumerate(known):
        text = cells[column.at] if column.at < n_cells else ""
        if not text:
            continue
        value = thousandths.get(text)
        if value is None:
            value = thousandths[text] = _thousandths(text)
        if isinstance(value, str):
            if value:
                file.tell(row.number, column.name, value)
            continue
        answer = column.kind, column.role, column.line_at
        number = own.get(answer)
        if number is None:
            number = own[answer] = _number_of(file, row, column, keys)
        if number < 0:
            continue
        key.append(number)
        price.append(value)
        place.append(at)


def _thousandths(text: str) -> int | str:
    """Return a price in thousandths, or what was expected; "" for an empty cell."""
    value = cells_of.price(text)
    return value if isinstance(value, str) else int(value * 1000)


def _number_of(file: File, row: Row, column: PriceColumn, keys: list[PriceKey]) -> int:
    """Return the number of the key of this row's answer, -1 where its line is unreadable."""
    line = GOAL_LINE if column.kind == "TOTAL" else None
    if column.line_at is not None:
        if column.line_at not in row.lines:
            row.lines[column.line_at] = _line(file, row, column.line_at)
        line = row.lines[column.line_at]
        if line is None:
            return -1
    key = (row.ref, column.kind, "FULL", line, "", "", column.role, "")
    keys.append(key)
    return len(keys) - 1


def _line(file: File, row: Row, at: int) -> Decimal | None:
    text = row.cells[at].strip() if at < len(row.cells) else ""
    number = cells_of.number(text)
    if number is None or number % _QUARTER or abs(number) > HIGHEST_LINE:
        name = next(name for name, place in file.places.items() if place == at)
        file.tell(row.number, name, f"a handicap in quarters, not {text[:40]!r}")
        return None
    return number


def _put_together(
    file: File,
    rows: Sequence[Row],
    known: Sequence[PriceColumn],
    keys: Sequence[PriceKey],
    lists: tuple[list[int], list[int], list[int], list[int]],
) -> PriceColumns:
    """Fill in what follows from a price's row and column: book, moment, mark, record."""
    key, price, place, counts = (np.array(values, dtype=np.int64) for values in lists)
    books = sorted({column.book for column in known})
    of_row = np.repeat(np.arange(len(rows)), counts)
    is_close = np.array([column.is_closing for column in known], dtype=bool)[place]
    early = [min(cells_of.collected_at(row.starts_at), file.fetched_at) for row in rows]
    close = [min(row.starts_at - CLOSE_BEFORE_START, file.fetched_at) for row in rows]
    moments = np.array(
        [[microseconds(moment) for moment in kind] for kind in (early, close)], dtype=np.int64
    )
    return PriceColumns(
        keys=keys,
        books=books,
        key=key,
        book=np.array([books.index(column.book) for column in known], dtype=np.int64)[place],
        price=price,
        seen=moments[is_close.astype(np.int64), of_row],
        mark=np.where(is_close, CLOSE, NO_MARK).astype(np.int64),
        record=np.array([row.number for row in rows], dtype=np.int64)[of_row],
    )
