"""The prices of a file, straight into columns of numbers: a season has up to 40,000 of them.

Every cell is looked up by its text, and each distinct text is judged once; what follows is done
for all cells at a time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from markets.connectors.base import CLOSE, NO_MARK
from markets.connectors.columns import Ints, PriceColumns, PriceKey, microseconds
from markets.connectors.football_data import cells as cells_of
from markets.connectors.football_data import codes
from markets.connectors.football_data.codes import PriceColumn
from markets.connectors.football_data.rows import File, Row

CLOSE_BEFORE_START = timedelta(minutes=1)
HIGHEST_LINE = 10
GOAL_LINE = Decimal("2.50")
_QUARTER = Decimal("0.25")

Bools = NDArray[np.bool_]
Lines = dict[int, list[Decimal | None]]  # each row's handicap, by the place of its column


class _Thousandths(dict[str, int]):
    """What a cell holds, by its text: a price, 0 for nothing, below 0 for what is wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[str] = []

    def __missing__(self, text: str) -> int:
        value = cells_of.price(text)
        if isinstance(value, Decimal):
            found = int(value * 1000)
        elif value:
            self.wrong.append(value)
            found = -len(self.wrong)
        else:
            found = 0
        self[text] = found
        return found


@dataclass(frozen=True, slots=True)
class _Answers:
    """The distinct answers that the columns of prices give, in order of their first column."""

    asked: list[tuple[str, str, int | None]]  # kind, role, place of the line
    of: Ints  # the answer of each column

    @classmethod
    def of_columns(cls, known: Sequence[PriceColumn]) -> "_Answers":
        asked: dict[tuple[str, str, int | None], int] = {}
        of = [asked.setdefault((c.kind, c.role, c.line_at), len(asked)) for c in known]
        return cls(list(asked), np.array(of, dtype=np.int64))


def columns(file: File, rows: Sequence[Row]) -> PriceColumns:
    """Read every known price column of every row, and each row's handicap lines once."""
    known = codes.price_columns(file.places)
    if not known or not rows:
        return PriceColumns.of(())
    texts = _Thousandths()
    width = max(column.at for column in known) + 1
    padded = [row.cells + [""] * (width - len(row.cells)) for row in rows]
    places = [column.at for column in known]
    prices = np.array([[texts[cells[at]] for at in places] for cells in padded], dtype=np.int64)
    usable = prices > 0
    lines = _lines(file, rows, known, usable)
    _tell(file, rows, known, (prices, usable, lines), texts.wrong)
    for at, column in enumerate(known):
        if column.line_at is not None:
            usable[:, at] &= [line is not None for line in lines[column.line_at]]
    keys, number = _keys(rows, _Answers.of_columns(known), usable, lines)
    return _put_together(file, rows, known, (keys, number), (prices, usable))


def _lines(file: File, rows: Sequence[Row], known: Sequence[PriceColumn], usable: Bools) -> Lines:
    """Read the lines of each row; None where one is unreadable or has no price."""
    read: dict[str, Decimal | None] = {}
    found: Lines = {}
    for place in {column.line_at for column in known} - {None}:
        assert place is not None, "left out above"
        of_line = [at for at, column in enumerate(known) if column.line_at == place]
        priced = np.flatnonzero(usable[:, of_line].sum(axis=1)).tolist()
        found[place] = [None] * len(rows)
        for row in priced:
            found[place][row] = _line(rows[row], place, read)
    return found


def _line(row: Row, place: int, read: dict[str, Decimal | None]) -> Decimal | None:
    text = _line_text(row, place)
    if text not in read:
        number = cells_of.number(text)
        is_line = number is not None and not number % _QUARTER and abs(number) <= HIGHEST_LINE
        read[text] = number if is_line else None
    return read[text]


def _line_text(row: Row, place: int) -> str:
    return row.cells[place].strip() if place < len(row.cells) else ""


def _tell(
    file: File,
    rows: Sequence[Row],
    known: Sequence[PriceColumn],
    read: tuple[Ints, Bools, Lines],
    wrong: Sequence[str],
) -> None:
    """Tell what is no price and what is no line, row by row from the left; each line once."""
    prices, usable, lines = read
    told = {
        (row, at): (known[at].name, wrong[-prices[row, at] - 1])
        for row, at in np.argwhere(prices < 0).tolist()
    }
    names = {at: name for name, at in file.places.items()}
    for place, of_rows in lines.items():
        of_line = np.array([at for at, column in enumerate(known) if column.line_at == place])
        for row in np.flatnonzero([line is None for line in of_rows]).tolist():
            priced = of_line[usable[row, of_line]]
            if priced.size:
                text = _line_text(rows[row], place)[:40]
                expected = f"a handicap in quarters, not {text!r}"
                told[row, int(priced[0])] = names[place], expected
    for (row, _), (column, expected) in sorted(told.items()):
        file.tell(rows[row].number, column, expected)


def _keys(
    rows: Sequence[Row], answers: _Answers, usable: Bools, lines: Lines
) -> tuple[list[PriceKey], Ints]:
    """Return the keys of all rows' answers in the order of their first prices.

    And the number of each row's key by its answer.
    """
    none = usable.shape[1]
    first = np.full((len(rows), len(answers.asked)), none, dtype=np.int64)
    for one in range(len(answers.asked)):
        at = np.flatnonzero(answers.of == one)
        is_priced = usable[:, at]
        first[:, one] = np.where(is_priced.any(axis=1), at[is_priced.argmax(axis=1)], none)
    row, answer = np.nonzero(first < none)
    order = np.lexsort((first[row, answer], row))
    row, answer = row[order], answer[order]
    number = np.full(first.shape, -1, dtype=np.int64)
    number[row, answer] = np.arange(row.size)
    keys: list[PriceKey] = []
    refs = [one.ref for one in rows]
    for of_row, (kind, role, place) in zip(
        row.tolist(), map(answers.asked.__getitem__, answer.tolist()), strict=True
    ):
        line = GOAL_LINE if kind == "TOTAL" else None
        if place is not None:
            line = lines[place][of_row]
        keys.append((refs[of_row], kind, "FULL", line, "", "", role, ""))
    return keys, number[:, answers.of]


def _put_together(
    file: File,
    rows: Sequence[Row],
    known: Sequence[PriceColumn],
    keyed: tuple[list[PriceKey], Ints],
    read: tuple[Ints, Bools],
) -> PriceColumns:
    """Fill in what follows from a price's row and column: book, moment, mark, record."""
    (keys, number), (prices, usable) = keyed, read
    row, place = np.nonzero(usable)
    books = sorted({column.book for column in known})
    is_close = np.array([column.is_closing for column in known], dtype=bool)[place]
    early = [min(cells_of.collected_at(row.starts_at), file.fetched_at) for row in rows]
    close = [min(row.starts_at - CLOSE_BEFORE_START, file.fetched_at) for row in rows]
    moments = np.array(
        [[microseconds(moment) for moment in kind] for kind in (early, close)], dtype=np.int64
    )
    return PriceColumns(
        keys=keys,
        books=books,
        key=number[row, place],
        book=np.array([books.index(column.book) for column in known], dtype=np.int64)[place],
        price=prices[row, place],
        seen=moments[is_close.astype(np.int64), row],
        mark=np.where(is_close, CLOSE, NO_MARK).astype(np.int64),
        record=np.array([row.number for row in rows], dtype=np.int64)[row],
    )
