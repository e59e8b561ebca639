"""When versions may be promoted: on some weekdays, before an hour, by the clocks of a zone."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
WEEK = 7


@dataclass(frozen=True, slots=True)
class ChangeWindow:
    """Open on ``weekdays`` (Monday is 0) from midnight until before ``until``, local time.

    >>> window = ChangeWindow(frozenset({1, 2, 3}), time(18), "UTC")
    >>> str(window)
    'Tue, Wed, Thu before 18:00 UTC'
    >>> window.is_open(datetime(2026, 11, 19, 17, 59, tzinfo=UTC))  # a Thursday
    True

    Raises:
        ValueError: there is no such weekday or zone.
    """

    weekdays: frozenset[int]
    until: time
    zone: str = "UTC"

    def __post_init__(self) -> None:
        wrong = sorted(str(day) for day in self.weekdays if day not in range(WEEK))
        if wrong:
            raise ValueError(f"no weekday: {', '.join(wrong)}; Monday is 0")
        try:
            ZoneInfo(self.zone)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"there is no time zone {self.zone!r}") from None

    def is_open(self, moment: datetime) -> bool:
        """Tell whether a version may be promoted at this moment."""
        local = moment.astimezone(ZoneInfo(self.zone))
        return local.weekday() in self.weekdays and local.time() < self.until

    def opens_at(self, moment: datetime) -> datetime | None:
        """Return the first moment, now or later, at which the window is open; None is never."""
        if self.is_open(moment):
            return moment
        zone = ZoneInfo(self.zone)
        today = moment.astimezone(zone).date()
        for days in range(1, WEEK + 1):
            midnight = datetime.combine(today + timedelta(days=days), time(0), tzinfo=zone)
            if self.is_open(opening := midnight.astimezone(UTC)):
                return opening
        return None

    def __str__(self) -> str:
        days = ", ".join(DAYS[day] for day in sorted(self.weekdays)) or "no day"
        return f"{days} before {self.until:%H:%M} {self.zone}"
