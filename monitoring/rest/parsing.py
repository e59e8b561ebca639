"""JSON as RFC 8259 has it, and nothing beyond: what would mislead us later is refused here."""

import codecs
import json
import math
from collections.abc import Mapping
from typing import IO, Any, NoReturn

from django.conf import settings
from rest_framework import status
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser

MAX_DEPTH = 32


class TooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = "The body is too large."
    default_code = "too_large"


class StrictJSONParser(BaseParser):
    """Refuses duplicate keys, NaN and Infinity, NUL, lone surrogates and absurd nesting."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        largest = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body = stream.read(largest + 1)
        if len(body) > largest:
            raise TooLarge(f"A body has at most {largest} bytes.")
        try:
            text = codecs.decode(body, "utf-8")
        except UnicodeDecodeError as error:
            raise ParseError(f"The body must be UTF-8; byte {error.start} is not.") from None
        return loads(text)


def loads(text: str) -> Any:
    """Read one JSON value.

    Raises:
        ParseError: it is not strict JSON; the message says where or what.
    """
    try:
        value = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_int=_integer,
            parse_float=_fraction,
        )
    except json.JSONDecodeError as error:
        raise ParseError(
            f"Not JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        ) from None
    except RecursionError:
        raise ParseError(f"Nested deeper than {MAX_DEPTH} levels.") from None
    _check(value, "body", 0)
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ParseError(f"The key {key!r} stands twice.")
        found[key] = value
    return found


def _no_constant(name: str) -> NoReturn:
    raise ParseError(f"{name} is not JSON.")


def _integer(digits: str) -> int:
    if len(digits) > 30:
        raise ParseError("A number has more than 30 digits.")
    return int(digits)


def _fraction(digits: str) -> float:
    value = float(digits)
    if len(digits) > 40 or not math.isfinite(value):
        raise ParseError("A number is too long or too large.")
    return value


def _check(value: Any, place: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise ParseError(f"Nested deeper than {MAX_DEPTH} levels.")
    if isinstance(value, str):
        _check_text(value, place)
    elif isinstance(value, dict):
        for key, inner in value.items():
            _check_text(key, f"a key of {place}")
            _check(inner, key, depth + 1)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            _check(inner, f"{place}[{index}]", depth + 1)


def _check_text(text: str, place: str) -> None:
    if "\x00" in text:
        raise ParseError(f"{place}: text must not hold a NUL character.")
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ParseError(f"{place}: text must not hold a lone surrogate.")
