"""What people approve, as one text that is the same wherever it is written: canonical JSON.

Its SHA-256 names exactly this evidence.  It survives the database: a whole number is written
alike whether it was a float or an integer, as RFC 8785 does.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

LARGEST = 1_000_000  # characters; evidence is read by people


def canonical(bundle: Mapping[str, Any]) -> str:
    """Return the bundle's canonical JSON: names in order, no spaces, one way for each number.

    >>> canonical({"slope": 1.0, "brier": -0.25, "n": 200, "gates": ["sound"]})
    '{"brier":-0.25,"gates":["sound"],"n":200,"slope":1}'

    Raises:
        ValueError: a number is not finite, a text cannot be stored, a name is no text, or the
            bundle is longer than anybody reads.
        TypeError: something in it is no JSON.
    """
    text = json.dumps(
        _plain(bundle), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    if len(text) > LARGEST:
        raise ValueError(f"evidence of {len(text)} characters; {LARGEST} are allowed")
    return text


def digest(bundle: Mapping[str, Any]) -> str:
    """Return the SHA-256 of the bundle's canonical JSON.

    >>> digest({"b": 2.0, "a": 1}) == digest({"a": 1.0, "b": 2})
    True
    """
    return hashlib.sha256(canonical(bundle).encode()).hexdigest()


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return _number(float(value))
    if isinstance(value, Mapping):
        return {_name(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    raise TypeError(f"{type(value).__name__} is no JSON")


def _number(value: float) -> int | float:
    if not math.isfinite(value):
        raise ValueError(f"{value} is no figure")
    return int(value) if value.is_integer() else value


def _name(name: Any) -> str:
    if not isinstance(name, str):
        raise ValueError(f"the name {name!r} is no text")
    return _text(name)


def _text(value: str) -> str:
    if "\x00" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
        raise ValueError(f"the text {value!r} cannot be stored")
    return str(value)
