"""The records of a CSV or Parquet file, as texts.  A record that is none says why."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, BinaryIO

import pyarrow as pa
from pyarrow import parquet

LONGEST_LINE = 1_000_000
MOST_COLUMNS = 2_000
LINES_OF_A_CELL = 50  # a quoted cell may hold line breaks
PARQUET = b"PAR1"
_OTHERS = (
    ("<", "a web page"), ("{", "JSON"), ("[", "JSON"), ("PK\x03\x04", "an archive"),
    ("\x1f", "an archive"),
)  # fmt: skip


class NotAFile(ValueError):
    """The payload is no file of this kind; says what was expected."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record: its number, its cells, and where it is none, what was expected."""

    number: int
    cells: Sequence[str]
    wrong: str = ""
    is_last_of_a_cut_file: bool = False

    @property
    def excerpt(self) -> str:
        return ",".join(self.cells)[:500]


@dataclass(frozen=True, slots=True)
class Table:
    """The header of a file, and its records."""

    header: Sequence[str]
    records: Iterator[Record]
    nested: frozenset[str] = frozenset()  # columns whose cells hold lists or tables of their own


@dataclass(slots=True)
class _Line:
    number: int
    text: str
    wrong: str = ""


def table(stream: BinaryIO, *, delimiter: str, encoding: str) -> Table:
    """Open a file, whichever of the two kinds it is.

    Raises:
        NotAFile: it is neither, or has no header.
    """
    start = stream.read(len(PARQUET))
    if start == PARQUET:
        return _parquet(start + stream.read())
    if start.startswith((b"\xff\xfe", b"\xfe\xff")) and not encoding.lower().startswith("utf-16"):
        raise NotAFile(f"a CSV file in {encoding} or a Parquet file, not text in UTF-16")
    return _text(_Chained(start, stream), delimiter=delimiter, encoding=encoding)


class _Chained(io.RawIOBase):
    """A stream whose first bytes were read already."""

    def __init__(self, start: bytes, stream: BinaryIO) -> None:
        self._start = start
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        got = self._start[: len(buffer)] or self._stream.read(len(buffer))
        self._start = self._start[len(got) :] if self._start else b""
        buffer[: len(got)] = got
        return len(got)


def _text(raw: io.RawIOBase, *, delimiter: str, encoding: str) -> Table:
    encoding = "utf-8-sig" if encoding.replace("_", "-").lower() in ("utf-8", "utf8") else encoding
    text = io.TextIOWrapper(io.BufferedReader(raw), encoding, errors="surrogateescape")
    found = _split(_lines(text), delimiter)
    first = next(found, None)
    if first is None:
        raise NotAFile("a file with a header, not an empty one")
    is_other = next((what for head, what in _OTHERS if first.cells[0].startswith(head)), "")
    if first.wrong or is_other:
        instead = f", not {is_other}" if is_other else f": {first.wrong} in line {first.number}"
        raise NotAFile(f"a CSV file in {encoding.removesuffix('-sig')} or a Parquet file{instead}")
    return Table(_header(first.cells), _fitting(found, [cell.strip() for cell in first.cells]))


def _header(cells: Sequence[str]) -> list[str]:
    """Return the columns' names, without the empty ones at the end.

    Raises:
        NotAFile: there are too many, or none.
    """
    names = [cell.strip() for cell in cells]
    while names and not names[-1]:
        names.pop()
    if not names or len(names) > MOST_COLUMNS:
        raise NotAFile(f"a header of 1 to {MOST_COLUMNS} columns, not {len(names)}")
    return names


def _lines(text: io.TextIOWrapper) -> Iterator[_Line]:
    """Number the lines; one that is too long, or no text, is handed on as such."""
    number = 0
    while line := text.readline(LONGEST_LINE):
        number += 1
        wrong = ""
        if len(line) == LONGEST_LINE and not line.endswith("\n"):
            wrong = f"a line of up to {LONGEST_LINE} characters"
            while (rest := text.readline(LONGEST_LINE)) and not rest.endswith("\n"):
                pass
        elif "\0" in line:
            wrong = "text without NUL bytes"
        elif any("\udc80" <= sign <= "\udcff" for sign in line):
            wrong = f"text in {text.encoding.removesuffix('-sig')}"
        yield _Line(number, line[:200] if wrong else line, wrong)


def _split(lines: Iterator[_Line], delimiter: str) -> Iterator[Record]:
    """Split lines into cells; a quoted cell may go on in the next lines."""
    waiting: list[_Line] = []
    while True:
        line = waiting.pop(0) if waiting else next(lines, None)
        if line is None:
            return
        if line.wrong:
            yield Record(line.number, [_shown(line.text)], line.wrong)
            continue
        cells, wrong = _cells([line.text], delimiter)
        texts, taken = [line.text], []
        while wrong == "an end of a quoted cell" and len(texts) < LINES_OF_A_CELL:
            after = waiting.pop(0) if waiting else next(lines, None)
            if after is None:
                break
            taken.append(after)
            if after.wrong:
                break
            texts.append(after.text)
            cells, wrong = _cells(texts, delimiter)
        if wrong:
            waiting = taken + waiting
            yield Record(line.number, [_shown(line.text)], wrong)
        elif any(cell.strip() for cell in cells):
            is_cut = not texts[-1].endswith(("\n", "\r"))
            yield Record(line.number, cells, is_last_of_a_cut_file=is_cut)


def _cells(texts: Sequence[str], delimiter: str) -> tuple[list[str], str]:
    try:
        return next(csv.reader(texts, delimiter=delimiter, strict=True), []), ""
    except csv.Error as wrong:
        if "unexpected end of data" in str(wrong):
            return [], "an end of a quoted cell"
        return [], f"cells between {delimiter!r}: {wrong}"


def _shown(text: str) -> str:
    """Return what can be printed of a line."""
    return text.encode("utf-8", "replace").decode().replace("\0", "␀").rstrip("\r\n")[:200]


def _fitting(records: Iterator[Record], header: list[str]) -> Iterator[Record]:
    """Refuse a second header, and records that are wider than the header."""
    width = len(_header(header))
    for record in records:
        if record.wrong:
            yield record
        elif [cell.strip() for cell in record.cells] == header:
            yield Record(record.number, record.cells, "one header, not a second one")
        elif any(cell.strip() for cell in record.cells[width:]):
            wrong = f"{width} cells, not {len(record.cells)}"
            yield Record(record.number, record.cells, wrong)
        else:
            yield record


def _parquet(payload: bytes) -> Table:
    """Open a Parquet file; its row groups are read one after the other."""
    try:
        file = parquet.ParquetFile(pa.BufferReader(payload))
        header = _header(file.schema_arrow.names)
    except (pa.ArrowException, OSError, ValueError) as wrong:
        first = str(wrong).partition("\n")[0]
        raise NotAFile(f"a whole Parquet file: {first[:200]}") from wrong
    nested = {column.name for column in file.schema_arrow if pa.types.is_nested(column.type)}
    return Table(header, _rows(file), frozenset(nested))


def _rows(file: parquet.ParquetFile) -> Iterator[Record]:
    number = 0
    try:
        for batch in file.iter_batches(batch_size=10_000):
            for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                number += 1
                cells = [_as_text(value) for value in row]
                if any(cells):
                    yield Record(number, cells)
    except (pa.ArrowException, OSError) as wrong:
        first = str(wrong).partition("\n")[0]
        yield Record(number + 1, [], f"a readable row group: {first[:200]}")


def _as_text(value: object) -> str:
    """Write a typed value as a CSV file would.

    >>> _as_text(1.5), _as_text(2.0), _as_text(None), _as_text(float("nan")), _as_text(True)
    ('1.5', '2', '', '', 'True')
    """
    match value:
        case None:
            return ""
        case str():
            return "" if "\0" in value else value
        case bool():
            return str(value)
        case float() | Decimal():
            return _plain(value)
        case datetime() | date() | time():
            return value.isoformat()
        case bytes():
            return _text_of(value)
    return str(value)


def _text_of(value: bytes) -> str:
    """Return the text that bytes hold; "" where they hold none."""
    try:
        return _as_text(value.decode())
    except UnicodeDecodeError:
        return ""


def _plain(value: float | Decimal) -> str:
    """Write a number without an exponent and without zeros at its end."""
    number = Decimal(repr(value)) if isinstance(value, float) else value
    if number.is_nan():
        return ""
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
