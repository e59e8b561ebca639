"""Reading text and JSON that came from outside; what is wrong is said in words."""

from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import msgspec

LONGEST_LINE = 1_048_576
_BOM = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_MARKUP = (b"<!doctype", b"<html", b"<?xml", b"<")
_ARCHIVES = (b"PK\x03\x04", b"\x1f\x8b", b"BZh")
_ERROR_KEYS = ("message", "error", "errors", "faultstring", "faultcode", "errorMessage")
_OF_AN_ERROR = frozenset(
    {
        "code", "error_code", "errorCode", "status", "statusCode", "status_code", "details_url",
        "details", "detail", "timestamp", "path", "message", "data", "success", "ok", "title",
        "type", "requestId", "id", "jsonrpc",
    }
)  # fmt: skip


class BadPayload(ValueError):
    """A payload that cannot be read at all; says what was expected."""


def text_lines(
    stream: BinaryIO, *, encoding: Sequence[str] = ("utf-8", "cp1252")
) -> Iterator[tuple[int, str]]:
    """Yield the lines of a text with their numbers from 1, whatever ends them.

    A line that is not in the first encoding is read in the next one; of the last, what it does
    not know becomes a replacement character.  NUL bytes stay: the line is its reader's to refuse.

    Raises:
        BadPayload: it is empty, UTF-16, a web page or an archive, or a line does not end.

    >>> from io import BytesIO
    >>> list(text_lines(BytesIO(b"\\xef\\xbb\\xbfa,b\\r\\nZ\\xfcrich")))
    [(1, 'a,b'), (2, 'Zürich')]
    """
    number = 0
    while line := stream.readline(LONGEST_LINE + 1):
        if number == 0:
            _refuse_other_kinds(line, "text")
            line = line.removeprefix(_BOM)
        if len(line) > LONGEST_LINE:
            raise BadPayload(f"lines of up to {LONGEST_LINE} bytes; line {number + 1} is longer")
        for part in line.rstrip(b"\r\n").split(b"\r"):
            number += 1
            yield number, _decoded(part, encoding)
    if number == 0:
        raise BadPayload("text, not an empty payload")


def _decoded(line: bytes, encodings: Sequence[str]) -> str:
    for encoding in encodings[:-1]:
        try:
            return line.decode(encoding)
        except UnicodeDecodeError:
            continue
    return line.decode(encodings[-1], errors="replace")


def json_document(payload: bytes, type: Any) -> Any:
    """Return a JSON payload as ``type``, of which it may hold more than is read.

    Numbers that no computer holds, lone surrogates and bytes that are no UTF-8 are refused.

    Raises:
        BadPayload: it is none, or not of that type; says where.

    >>> json_document(b'{"a": [1, 2], "b": 3}', dict[str, Any])
    {'a': [1, 2], 'b': 3}
    >>> json_document(b"<html>", list)
    Traceback (most recent call last):
    ...
    markets.connectors.payloads.BadPayload: JSON, not a web page
    """
    _refuse_other_kinds(payload[:64], "JSON")
    try:
        return msgspec.json.decode(payload.removeprefix(_BOM), type=type)
    except msgspec.ValidationError as wrong:
        raise BadPayload(f"{wrong}") from wrong
    except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
        raise BadPayload(f"whole JSON in UTF-8: {wrong}") from wrong
    except RecursionError as wrong:
        raise BadPayload("JSON that is not nested so deep") from wrong


def _refuse_other_kinds(beginning: bytes, expected: str) -> None:
    if beginning.startswith(_UTF_16):
        raise BadPayload(f"{expected} in UTF-8, not in UTF-16")
    start = beginning.removeprefix(_BOM).lstrip()
    if start[:9].lower().startswith(_MARKUP):
        raise BadPayload(f"{expected}, not a web page")
    if beginning.startswith(_ARCHIVES):
        raise BadPayload(f"{expected}, not an archive")
    if not start and expected == "JSON":
        raise BadPayload("JSON, not an empty payload")


def error_said(payload: bytes) -> str:
    """Return what an answer says went wrong that holds nothing else; "" where it holds data.

    >>> error_said(b'{"message": "Invalid API key", "error_code": "INVALID_KEY"}')
    'Invalid API key'
    >>> error_said(b'[{"id": 1}]'), error_said(b'{"data": [], "message": "ok"}')
    ('', '')
    """
    if payload.removeprefix(_BOM).lstrip()[:1] != b"{":
        return ""
    try:
        document = json_document(payload, dict[str, Any])
    except BadPayload:
        return ""
    told = next((document[key] for key in _ERROR_KEYS if document.get(key)), None)
    if told is None or any(isinstance(value, list) for value in document.values()):
        return ""
    if isinstance(told, dict):
        if told.keys() - _OF_AN_ERROR:
            return ""
        told = told.get("message") or told.get("code") or told
    rest = document.keys() - set(_ERROR_KEYS) - _OF_AN_ERROR
    return "" if rest else " ".join(str(told).split())[:200]
