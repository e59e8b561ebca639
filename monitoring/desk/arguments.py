"""Turn what a person typed for a job's argument into what the job takes."""

import inspect
import types
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Union, get_args, get_origin, get_type_hints

from monitoring.registry import Job

_TRUE, _FALSE = {"1", "yes", "true", "on"}, {"0", "no", "false", "off"}


def kinds_of(job: Job) -> dict[str, type]:
    """Return the type of each of a job's arguments; text where the task does not say."""
    hints: Mapping[str, Any] = {}
    if job.body is not None:
        try:
            hints = get_type_hints(inspect.unwrap(job.body))
        except (NameError, TypeError):
            hints = {}
    return {name: _plain(hints.get(name, str)) for name in job.arguments}


def read(text: str, kind: type) -> Any:
    """Return the argument that a text stands for; JSON can hold it.

    >>> read("12", int), read("yes", bool), read("E0", str), read("a, b", list)
    (12, True, 'E0', ['a', 'b'])

    Raises:
        ValueError: the text is no such value; the message says what is expected.
    """
    text = text.strip()
    if "\x00" in text:
        raise ValueError("plain text is expected")
    if kind is bool:
        if text.lower() not in _TRUE | _FALSE:
            raise ValueError("yes or no is expected")
        return text.lower() in _TRUE
    if kind in (int, float):
        return _number(text, kind)
    if kind is Decimal:
        return _decimal(text)
    if kind in (datetime, date):
        return _moment(text, kind)
    if kind in (list, tuple):
        return [part.strip() for part in text.split(",") if part.strip()]
    return text


def _number(text: str, kind: type) -> int | float:
    noun = "a whole number" if kind is int else "a number"
    if not text.isascii() or len(text) > 18 or "_" in text:
        raise ValueError(f"{noun} is expected")
    try:
        value: int | float = kind(text)
    except ValueError:
        raise ValueError(f"{noun} is expected") from None
    if value != value or value in (float("inf"), float("-inf")):
        raise ValueError(f"{noun} is expected")
    return value


def _decimal(text: str) -> str:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise ValueError("an amount such as 12.50 is expected") from None
    if not value.is_finite():
        raise ValueError("an amount such as 12.50 is expected")
    return str(value)


def _moment(text: str, kind: type) -> str:
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("a date such as 2026-03-28 is expected") from None
    if kind is datetime and len(text) > 10 and value.tzinfo is None:
        raise ValueError("a time with its zone is expected, such as 2026-03-28T12:00Z")
    return text


def _plain(hint: Any) -> type:
    """Return the class behind "int | None", "list[str]" and the like."""
    if get_origin(hint) in (Union, types.UnionType):
        named = [arm for arm in get_args(hint) if arm is not type(None)]
        hint = named[0] if named else str
    origin = get_origin(hint) or hint
    return origin if isinstance(origin, type) else str
