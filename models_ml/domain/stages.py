"""The ladder of moments before a start at which an event is looked at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from monitoring.errors import Refused

_HOURS, _MINUTES = (48, 24, 12, 6, 3), (120, 100, 90, 80, 75, 60, 45, 30, 20, 15, 10, 5, 2)
#: Every stage that a ladder may have, the earliest first.
STAGES: dict[str, timedelta] = {
    **{f"T-{hours}h": timedelta(hours=hours) for hours in _HOURS},
    **{f"T-{minutes}m": timedelta(minutes=minutes) for minutes in _MINUTES},
}
FINAL_STAGE = "T-60m"  # of most sports; what replays look at
MINUTES: dict[str, int] = {name: int(span.total_seconds()) // 60 for name, span in STAGES.items()}

_USUAL = ("T-24h", "T-100m", "T-80m", "T-75m", "T-60m")
_LINE_UPS = ("T-24h", "T-100m", "T-60m", "T-30m")  # line-ups are told in the last hour
_RACES = ("T-24h", "T-60m", "T-10m", "T-2m")  # most money comes in the last minutes
_FAST = ("T-24h", "T-100m", "T-60m")  # what a calendar 360 times too fast leaves time for
_DEFAULTS: Mapping[str, tuple[str, ...]] = {
    "basketball": _LINE_UPS,
    "horse_racing": _RACES,
    "greyhound_racing": _RACES,
}


class BadLadder(Refused):
    """Stages that make no ladder."""


@dataclass(frozen=True, slots=True)
class Step:
    """A stage of a ladder; ``closes`` is how many minutes before the start the next one opens."""

    name: str
    minutes: int
    closes: int

    @property
    def is_final(self) -> bool:
        return self.closes == 0


def default_names(*, sport: str, is_simulated: bool) -> tuple[str, ...]:
    """Return the stages that a sport's events are looked at unless somebody says otherwise.

    >>> default_names(sport="basketball", is_simulated=False)[-1]
    'T-30m'
    >>> default_names(sport="basketball", is_simulated=True)
    ('T-24h', 'T-100m', 'T-60m')
    """
    return _FAST if is_simulated else _DEFAULTS.get(sport, _USUAL)


def rows_of(names: Sequence[str]) -> list[dict[str, Any]]:
    """Return stages as a ladder's row keeps them.

    >>> rows_of(["T-24h", "T-60m"])
    [{'name': 'T-24h', 'minutes': 1440}, {'name': 'T-60m', 'minutes': 60}]

    Raises:
        BadLadder: they make no ladder.
    """
    check(names)
    return [{"name": name, "minutes": MINUTES[name]} for name in names]


def check(names: Sequence[str]) -> None:
    """Refuse stages that make no ladder.

    >>> check(["T-60m", "T-24h"])
    Traceback (most recent call last):
    ...
    models_ml.domain.stages.BadLadder: T-24h comes before T-60m: the earliest stage stands first

    Raises:
        BadLadder: there is none, one is unknown, or they do not come one after the other.
    """
    if not names:
        raise BadLadder("a ladder needs a stage: its last one is the final look")
    for name in names:
        if name not in STAGES:
            raise BadLadder(f"no stage {name!r}; there are: {', '.join(STAGES)}")
    for before, after in pairwise(names):
        if before == after:
            raise BadLadder(f"{after} stands there twice")
        if STAGES[before] < STAGES[after]:
            raise BadLadder(f"{after} comes before {before}: the earliest stage stands first")


def steps(rows: Sequence[Mapping[str, Any]]) -> tuple[Step, ...]:
    """Return the steps of a ladder's row, the final one last.

    >>> [(step.name, step.closes) for step in steps(rows_of(["T-24h", "T-60m"]))]
    [('T-24h', 60), ('T-60m', 0)]
    """
    minutes = [int(row["minutes"]) for row in rows]
    return tuple(
        Step(str(row["name"]), opens, closes)
        for row, opens, closes in zip(rows, minutes, [*minutes[1:], 0], strict=True)
    )


def opens_at(starts_at: datetime, stage: str, time_scale: float = 1.0) -> datetime:
    """Return when a stage opens; a calendar running ``time_scale`` times too fast shortens it.

    >>> from datetime import UTC
    >>> start = datetime(2024, 5, 1, 15, 0, tzinfo=UTC)
    >>> opens_at(start, "T-60m").isoformat()
    '2024-05-01T14:00:00+00:00'
    >>> opens_at(start, "T-60m", 360.0).isoformat()
    '2024-05-01T14:59:50+00:00'

    Raises:
        KeyError: there is no such stage.
    """
    return starts_at - STAGES[stage] / time_scale
