"""Rows of a CSV file by the names of its columns, each with the number of its line."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol


class Tell(Protocol):
    def __call__(self, row: int | None, field: str, message: str, *, reject: bool = False) -> None:
        """Tell of something unusable; ``reject``: the whole row is."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line that holds anything; cells have no spaces around them."""

    number: int
    line: str
    cells: Sequence[str]
    places: dict[str, int]

    def __getitem__(self, column: str) -> str:
        """Return a cell; "" where the file has no such column."""
        at = self.places.get(column)
        return self.cells[at].strip() if at is not None else ""


def rows(
    lines: Iterable[tuple[int, str]],
    *,
    required: Sequence[str],
    tell: Tell,
) -> Iterator[Row | None]:
    """Yield the records of a file whose first line names the columns; None for a rejected one.

    A header without all columns of ``required`` is one problem and no record.

    >>> found = rows([(1, "a,b"), (2, "1, 2"), (4, ",")], required=("a",), tell=print)
    >>> [(row.number, row["a"], row["b"], row["c"]) for row in found if row is not None]
    [(2, '1', '2', '')]
    """
    filled = ((number, line) for number, line in lines if line.strip(", \t"))
    number, line = next(filled, (0, ""))
    header = _cells(line)
    if not number or isinstance(header, str):
        empty = "a CSV file with a header, not an empty one"
        tell(None, "", f"a header in line {number} that is {header}" if number else empty)
        return
    names = [name.strip() for name in header]
    places = {name: at for at, name in reversed(list(enumerate(names))) if name}
    missing = [column for column in required if column not in places]
    if missing:
        tell(None, missing[0], without(missing, names))
        return
    for number, line in filled:
        cells = _cells(line)
        if isinstance(cells, list):
            is_header = [cell.strip() for cell in cells] == names
            if len(cells) == len(names) and not is_header:
                yield Row(number, line, cells, places)
                continue
            wrong = f"{len(names)} cells, not {len(cells)}"
            cells = "one header, not a second one" if is_header else wrong
        tell(number, "", cells, reject=True)
        yield None


def without(missing: Sequence[str], header: Sequence[str]) -> str:
    """Say which columns a header was expected to have, and what it has.

    >>> without(["Date"], ["Div", "Day", ""])
    "a header with Date, not one of 2 columns: 'Div,Day'"
    """
    named = [name for name in header if name]
    shown = ",".join(named)
    shown = shown if len(shown) <= 120 else f"{shown[:120]}…"
    return f"a header with {', '.join(missing)}, not one of {len(named)} columns: {shown!r}"


def _cells(line: str) -> list[str] | str:
    """Split a line, or say what was expected of it."""
    if "\0" in line:
        return "text without NUL bytes"
    try:
        return next(csv.reader([line], strict=True), [])
    except csv.Error as wrong:
        return f"cells between commas: {wrong}"


def whole(text: str, *, highest: int) -> int | None:
    """Read a whole number from 0; tables that passed through a data frame write 22.0.

    >>> [whole(text, highest=30) for text in ("22", "22.0", "31", "-1", "")]
    [22, 22, None, None, None]
    """
    digits = text.removesuffix(".0")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 9):
        return None
    return int(digits) if int(digits) <= highest else None
