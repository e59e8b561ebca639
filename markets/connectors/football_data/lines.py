"""The lines of a file of football-data.co.uk: decoded, numbered and split, never held whole."""

import codecs
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from markets.connectors import payloads

_CHUNK = 65_536
_OTHER_KINDS = (b"<", b"{", b"pk\x03\x04", b"\x1f\x8b")

#: The number of a line that holds anything, its cells or what was expected of it, its length.
Line = tuple[int, list[str] | str, int]


@dataclass(frozen=True, slots=True)
class Text:
    """A file that is text; it is read as often as anybody asks for its lines."""

    stream: BinaryIO
    encoding: str
    is_cut: bool  # the last line has no end, so that its last cell may be half a number

    def lines(self) -> Iterator[tuple[int, str]]:
        """Yield the lines with their numbers from 1, whatever ends them.

        Of a line that is longer than any honest one, the beginning is yielded.
        """
        self.stream.seek(0)
        errors = "replace" if self.encoding == "cp1252" else "strict"
        text = io.TextIOWrapper(self.stream, self.encoding, errors)
        number = 0
        try:
            while line := text.readline(payloads.LONGEST_LINE):
                rest = line
                while rest and len(rest) == payloads.LONGEST_LINE and not rest.endswith("\n"):
                    rest = text.readline(payloads.LONGEST_LINE)
                for part in line.splitlines():
                    number += 1
                    yield number, part
        finally:
            text.detach()


def opened(stream: BinaryIO) -> Text:
    """Look through a file, which is UTF-8 as a whole or else Windows-1252.

    Raises:
        markets.connectors.payloads.BadPayload: it is no text; says what was expected.
    """
    start = stream.read(512).lstrip().lower()
    if not start:
        raise payloads.BadPayload("a CSV file, not an empty one")
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise payloads.BadPayload("a CSV file in UTF-8 or Windows-1252, not in UTF-16")
    if start.removeprefix(codecs.BOM_UTF8).startswith(_OTHER_KINDS):
        raise payloads.BadPayload("a CSV file, not a web page or an archive")
    stream.seek(0)
    decoder, is_utf_8, last = codecs.getincrementaldecoder("utf-8")(), True, b""
    while chunk := stream.read(_CHUNK):
        last = chunk[-1:]
        is_utf_8 = is_utf_8 and _decodes(decoder, chunk)
    is_utf_8 = is_utf_8 and _decodes(decoder, b"", final=True)
    return Text(stream, "utf-8-sig" if is_utf_8 else "cp1252", last not in b"\r\n")


def _decodes(decoder: codecs.IncrementalDecoder, chunk: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(chunk, final)
    except UnicodeDecodeError:
        return False
    return True


def split(text: Text) -> Iterator[Line]:
    """Yield the lines that hold anything, split into cells."""
    for number, line in text.lines():
        cells = _cells(line)
        if isinstance(cells, str) or any(cell.strip() for cell in cells):
            yield number, cells, len(line)


def _cells(line: str) -> list[str] | str:
    if "\0" in line:
        return "text without NUL bytes"
    try:
        return next(csv.reader([line], strict=True), [])
    except csv.Error as wrong:
        return f"cells between commas: {wrong}"
