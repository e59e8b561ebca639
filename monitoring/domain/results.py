"""Make a task's result fit for storing, and tell whether it says "nothing to do".  Pure."""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

LARGEST = 64 * 1024  # characters of JSON; a result is a summary, the rows are the work


def numbers(value: object) -> Iterator[float]:
    """Yield every number in plain data; text, truth values and nothing are no numbers."""
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from numbers(inner)
    elif isinstance(value, list | tuple):
        yield len(value)
    elif value is not None and not isinstance(value, bool | str):
        try:
            yield float(value)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            return


def is_idle(result: Mapping[str, object] | None) -> bool:
    """Tell whether a run found nothing to do: it counted, and every count is zero.

    >>> is_idle({"settled": 0, "ledger_imbalance": "0.00"}), is_idle({"settled": 1})
    (True, False)
    >>> is_idle({"sources": []}), is_idle({"source": "x"}), is_idle({})
    (True, False, False)
    """
    counted = list(numbers(result or {}))
    return bool(counted) and not any(counted)


def storable(result: object) -> Any:
    """Return plain JSON data that PostgreSQL takes: no NaN, no NUL, not too long.

    >>> storable({"yield": float("nan"), "name": "a\\x00b"})
    {'yield': None, 'name': 'ab'}
    """
    plain = json.loads(json.dumps(_finite(result), default=str))
    size = len(json.dumps(plain))
    return plain if size <= LARGEST else {"too_long": size}


def _finite(value: object) -> object:
    if isinstance(value, Mapping):
        return {text(str(name)): _finite(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str):
        return text(value)
    return value


def text(value: str) -> str:
    """Return text without what PostgreSQL refuses: NUL and lone surrogates.

    >>> text("a\\x00b\\ud800")
    'ab?'
    """
    return value.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")
