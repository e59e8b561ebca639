"""Plans of events: what stood before each move, and since when; days and seasons as numbers."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from models_ml.domain import known
from models_ml.domain.facts import EVER
from models_ml.domain.features import microseconds


class Change(NamedTuple):
    """What was moved of an event's plan."""

    field: str
    before: str
    after: str
    known_at: datetime


def plans(*, starts_at: int, told: Sequence[Change]) -> list[tuple[int, bool, int]]:
    """Return the plans that changes make: what stood before the first one is known since ever.

    ``starts_at``: where the event stands now, which is what it always did if no start was moved.

    >>> from datetime import UTC
    >>> friday = datetime(1970, 1, 2, tzinfo=UTC)
    >>> plans(starts_at=7, told=[Change("status", "SCHEDULED", "POSTPONED", friday)])
    [(7, True, -4611686018427387904), (7, False, 86400000000)]
    """
    begun = next((_micros(one.before) for one in told if one.field == "starts_at"), starts_at)
    stood = next((one.before for one in told if one.field == "status"), "")
    found = [(begun, stood not in known.OFF, EVER)]
    for one in told:
        start, is_on, since = found[-1]
        if one.field == "starts_at":
            start = _micros(one.after)
        else:
            is_on = one.after not in known.OFF
        if microseconds(one.known_at) == since:
            found.pop()
        else:
            since = microseconds(one.known_at)
        if not found or found[-1][:2] != (start, is_on):
            found.append((start, is_on, since))
    return found


def _micros(text: str) -> int:
    return microseconds(datetime.fromisoformat(text))


def day(moment: int, zone: str) -> int:
    local = datetime.fromtimestamp(moment / 1e6, tz=ZoneInfo(zone))
    return local.date().toordinal() - 719_163


def ranks(seasons: Iterable[tuple[int, str]]) -> dict[tuple[int, str], int]:
    """Return each season's place among those of its competition, the first one 0.

    >>> ranks([(1, "2023-24"), (1, "2022-23"), (2, "2023-24"), (1, "2023-24")])
    {(1, '2022-23'): 0, (1, '2023-24'): 1, (2, '2023-24'): 0}
    """
    labels: dict[int, set[str]] = {}
    for competition, label in seasons:
        labels.setdefault(competition, set()).add(label)
    return {
        (competition, label): place
        for competition, found in labels.items()
        for place, label in enumerate(sorted(found))
    }
