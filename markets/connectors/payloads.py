"""Reading text and JSON that came from outside; what is wrong is said in words."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import msgspec

from markets.connectors import json_shape

LONGEST_LINE = 1_048_576
_BOM = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_MARKUP = (b"<!doctype", b"<html", b"<?xml", b"<")
_ARCHIVES = (b"PK\x03\x04", b"\x1f\x8b", b"BZh")
_WORTH_MENDING = re.compile(rb"NaN|Infinity|\d[eE]\+?\d{3}|\d{300}|\\u[dD][89a-fA-F]")
#: A string, or what is no number: NaN, and one that no computer holds.
_MENDED = re.compile(
    rb'"(?:[^"\\]|\\.)*+"?|-?\b(?:NaN|Infinity)\b|-?\d+(?:\.\d+)?[eE]\+?\d{3,}|-?\d{300,}',
    re.DOTALL,
)
_SURROGATES = re.compile(
    rb"(\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)
_TYPES = re.compile(r"Expected `(.+?)`, got `(.+?)`")
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
    Of a line that is longer than any honest one, the beginning is yielded.

    Raises:
        BadPayload: it is empty, UTF-16, a web page or an archive.

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
            while not line.endswith(b"\n") and (rest := stream.readline(LONGEST_LINE)):
                line = line[:LONGEST_LINE] + rest[-1:]
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

    A key that the document tells twice and nesting deeper than ``json_shape.DEEPEST`` are
    refused.  What some programs write and JSON does not know becomes text, which is refused
    where it stands for a number: NaN, and numbers that no computer holds.  Half a surrogate pair
    becomes NUL, which no name may hold.

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
    payload = payload.removeprefix(_BOM)
    n_keys = json_shape.count_keys(payload)
    if n_keys is None:
        raise BadPayload(json_shape.TOO_DEEP)
    try:
        found = msgspec.json.decode(payload, type=type)
    except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
        _refuse_keys_told_twice(payload, n_keys)
        is_other = isinstance(wrong, msgspec.ValidationError) and "out of range" not in str(wrong)
        better = payload if is_other else mended(payload)
        if better is not payload:
            return json_document(better, type)
        what = "JSON" if is_other else "whole JSON in UTF-8"
        raise BadPayload(in_words(wrong, what=what, payload=payload)) from wrong
    if not isinstance(found, dict) or len(found) != n_keys:
        _refuse_keys_told_twice(payload, n_keys)
    return found


def _refuse_keys_told_twice(payload: bytes, n_keys: int) -> None:
    told_twice = json_shape.what_is_told_twice(payload, n_keys=n_keys)
    if told_twice:
        raise BadPayload(told_twice)


def mended(payload: bytes) -> bytes:
    """Return JSON in which what is no number is text, and half a surrogate pair is NUL.

    The payload itself where nothing of that is in it.

    >>> mended(b'{"a": NaN, "b": 1e999, "c": "NaN 1e999"}')
    b'{"a": "NaN", "b": "1e999", "c": "NaN 1e999"}'
    """
    if _WORTH_MENDING.search(payload) is None:
        return payload
    better = _MENDED.sub(_as_text, payload)
    return payload if better == payload else better


def _as_text(found: re.Match[bytes]) -> bytes:
    token = found[0]
    if not token.startswith(b'"'):
        return b'"' + token[:60] + b'"'
    if b"\\u" not in token:
        return token
    return _SURROGATES.sub(lambda pair: pair[1] or b"\\u0000", token)


def in_words(wrong: Exception, *, what: str, payload: bytes = b"") -> str:
    """Say what was expected where a decoder found something else.

    >>> in_words(msgspec.ValidationError("Expected `str`, got `null` - at `$.id`"), what="a game")
    'a game: str, not null, at $.id'
    """
    said = _TYPES.sub(r"\1, not \2", str(wrong)).replace(" - at ", ", at ").replace("`", "")
    place = re.search(r"\(byte (\d+)\)", said)
    if place is not None and payload:
        before = payload[: int(place[1])]
        near = payload[max(0, len(before) - 20) : len(before) + 20].decode("utf-8", "replace")
        said = f"{said[: place.start()]}in line {before.count(10) + 1}, near {near!r}"
    return f"{what}: {said}"


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
