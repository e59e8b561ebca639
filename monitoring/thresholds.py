"""What the thresholds are now: the declared defaults, and the rows that an operator changed.

Every process keeps the changed rows for a few seconds, so that a request or a task pays for one
small query at most.  Where a value is changed it holds at once, elsewhere after ``LIFE``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic

from monitoring.domain import thresholds as domain
from monitoring.domain.thresholds import Threshold
from monitoring.models import Threshold as Row

LIFE = 10.0  # seconds


@dataclass(slots=True)
class _Held:
    """The changed rows as they were read; each change in this process counts ``changes`` on."""

    values: Mapping[str, float] | None = None
    until: float = 0.0
    changes: int = 0


_held = _Held()


def value(threshold: Threshold) -> float:
    """Return what the threshold is now."""
    return domain.holding(threshold=threshold, changed_to=_changed().get(threshold.key))


def whole(threshold: Threshold) -> int:
    """Return what a threshold that counts something is now."""
    return int(value(threshold))


def span(threshold: Threshold) -> timedelta:
    """Return what a threshold of time is now."""
    return threshold.span(value(threshold))


def forget() -> None:
    """Read the rows again at the next question."""
    _held.changes += 1
    _held.values = None


def _changed() -> Mapping[str, float]:
    values = _held.values
    if values is not None and monotonic() < _held.until:
        return values
    before = _held.changes
    values = _read()
    if before == _held.changes:  # else it may be older than what was changed meanwhile
        _held.until = monotonic() + LIFE
        _held.values = values
    return values


def _read() -> Mapping[str, float]:
    """Return the values that are no defaults, by key."""
    rows = Row.objects.filter(value__isnull=False).values_list("key", "value")
    return {key: changed_to for key, changed_to in rows if changed_to is not None}
