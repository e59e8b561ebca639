"""The first sheet of a workbook as rows of values; nothing in it is executed or fetched."""

import io
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from typing import Any
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

HIGHEST_EXPANDED = 256_000_000
HIGHEST_RATIO = 200
_OLD_OR_LOCKED = b"\xd0\xcf\x11\xe0"  # a compound file: Excel's before 2007, or an encrypted one
MOST_COLUMNS, MOST_ROWS = 500, 1_048_576
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    InvalidFileException,
    ParseError,
    OSError,
    KeyError,
    ValueError,
    TypeError,
    AttributeError,
    EOFError,
    RecursionError,
    RuntimeError,
)


class NotAWorkbook(ValueError):
    """The payload is no .xlsx workbook; says what was expected."""


def rows(payload: bytes) -> tuple[str, Iterator[tuple[int, Sequence[object]]]]:
    """Return the sheet's title, and its rows that hold anything, each with its number.

    Raises:
        NotAWorkbook: it is none, is damaged, or expands too far.
    """
    _check(payload)
    try:
        book = load_workbook(io.BytesIO(payload), read_only=True, data_only=False, keep_links=False)
        sheet = book.worksheets[0]
        found = list(_filled(sheet))
    except NotAWorkbook:
        raise
    except IndexError as wrong:
        raise NotAWorkbook("a workbook with a sheet") from wrong
    except DefusedXmlException as wrong:
        raise NotAWorkbook("a workbook without a document type and entities") from wrong
    except _UNREADABLE as wrong:
        said = " ".join(str(wrong).split())[:200] or type(wrong).__name__
        raise NotAWorkbook(f"a whole .xlsx workbook: {said}") from wrong
    return str(sheet.title), iter(found)


def _filled(sheet: Any) -> Iterator[tuple[int, Sequence[object]]]:
    """Return the rows that hold anything, whatever size the sheet says it has."""
    sheet.reset_dimensions()
    for number, values in enumerate(sheet.iter_rows(values_only=True), start=1):
        if number > MOST_ROWS:
            raise NotAWorkbook(f"a sheet of up to {MOST_ROWS} rows")
        if any(value not in (None, "") for value in values):
            yield number, values[:MOST_COLUMNS]


def _check(payload: bytes) -> None:
    """Refuse what is no zip archive, and one whose parts are far larger than itself."""
    try:
        with zipfile.ZipFile(io.BytesIO(payload)) as archive:
            expanded = sum(part.file_size for part in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError) as wrong:
        raise NotAWorkbook(f"an .xlsx workbook, not {_what_it_is(payload)}") from wrong
    if expanded > HIGHEST_EXPANDED or expanded > HIGHEST_RATIO * max(len(payload), 1):
        raise NotAWorkbook(
            f"a workbook that expands to at most {HIGHEST_EXPANDED} bytes and"
            f" {HIGHEST_RATIO} times its size"
        )


def _what_it_is(payload: bytes) -> str:
    if not payload:
        return "an empty file"
    if payload.startswith(_OLD_OR_LOCKED):
        return "an .xls one or one behind a password"
    if payload.lstrip()[:1] == b"<":
        return "a web page"
    return "another file or a cut one"
