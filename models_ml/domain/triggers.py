"""When a pipeline is to be trained anew: every rule with its numbers, whether it fires or not."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from models_ml.domain.drift import Finding, State

NEW_EVENTS = 50
OLDEST = timedelta(days=30)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Reason:
    """What one rule said of training anew.  ``state``: FIRED, QUIET or NOT_ENOUGH."""

    rule: str
    state: str
    text: str
    value: float | None = None
    threshold: float | None = None
    n: int = 0
    low: float | None = None
    high: float | None = None

    @property
    def fired(self) -> bool:
        return self.state == State.FIRED

    def as_figures(self) -> dict[str, Any]:
        """Return the reason as JSON can hold it."""
        return {**asdict(self), "fired": self.fired}


def of_findings(findings: Iterable[Finding]) -> list[Reason]:
    """Return what was found of drift, as reasons."""
    return [
        Reason(f.name, f.state.value, f.text, f.value, f.threshold, f.n, f.low, f.high)
        for f in findings
    ]


def new_events(count: int) -> Reason:
    """Fire where 50 events or more have ended since a version learned.

    >>> new_events(49).fired, new_events(50).fired
    (False, True)
    """
    state = State.FIRED if count >= NEW_EVENTS else State.QUIET
    text = f"{count} events have ended since it learned, {NEW_EVENTS} are worth a training"
    return Reason("new events", state.value, text, float(count), float(NEW_EVENTS), count)


def age(*, trained_until: datetime, now: datetime) -> Reason:
    """Fire where a version learned thirty days ago or longer."""
    days, oldest = (now - trained_until) / DAY, OLDEST / DAY
    state = State.FIRED if days >= oldest else State.QUIET
    text = f"it learned until {days:.1f} days ago, {oldest:.0f} are a month"
    return Reason("age", state.value, text, round(days, 3), oldest)


def asked(why: str) -> Reason:
    """Return that somebody, or the timetable, asked for a training whatever the rules say."""
    return Reason("asked for", State.FIRED.value, why)


def in_short(reasons: Iterable[Reason], most: int = 250) -> str:
    """Return which rules fired and what they said, in a line.

    >>> in_short([new_events(60), new_events(3)])
    'new events: 60 events have ended since it learned, 50 are worth a training'
    """
    text = "; ".join(f"{reason.rule}: {reason.text}" for reason in reasons if reason.fired)
    return text if len(text) <= most else f"{text[: most - 1]}…"
