"""How long before its start an event may be bet on.  Pure: hours in, yes or no out."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Window:
    """Hours to the start, both bounds included; None leaves that side open.

    >>> Window(least=0.5, most=3.0).holds(3.0), Window(least=0.5).holds(0.4), Window().holds(-1.0)
    (True, False, True)
    """

    least: float | None = None
    most: float | None = None

    @property
    def bounds(self) -> list[float]:
        return [bound for bound in (self.least, self.most) if bound is not None]

    def holds(self, hours: float) -> bool:
        return (self.least is None or hours >= self.least) and (
            self.most is None or hours <= self.most
        )


def hours_to(
    *, starts_at: datetime, started_at: datetime | None, as_of: datetime, time_scale: float
) -> float:
    """Return the hours to a start by the competition's own clock, which may run fast.

    >>> from datetime import timedelta
    >>> now = datetime(2031, 3, 1, 12)
    >>> hours_to(
    ...     starts_at=now + timedelta(seconds=10), started_at=None, as_of=now, time_scale=360.0)
    1.0
    """
    start = min(starts_at, started_at or starts_at)
    return (start - as_of).total_seconds() / 3600.0 * time_scale
