"""Periods as people name them: betting days of a bankroll's zone, or moments with their zone."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from betting import queries as betting_queries
from monitoring.errors import Refused

YEARS = range(1970, 2201)


class PeriodRefused(Refused):
    """This is no period of time."""


@dataclass(frozen=True, slots=True)
class Period:
    """From ``since`` until before ``until``, in UTC."""

    since: datetime
    until: datetime

    def __post_init__(self) -> None:
        if self.since >= self.until:
            raise PeriodRefused("the period ends before it begins")


def between(*, first: str | date | datetime, last: str | date | datetime, time_zone: str) -> Period:
    """Return a period: a day counts whole, the last one too; a moment is where it ends.

    >>> found = between(first="2026-03-29", last="2026-03-29", time_zone="Europe/London")
    >>> str(found.since), str(found.until)  # the day the clocks go forward has 23 hours
    ('2026-03-29 00:00:00+00:00', '2026-03-29 23:00:00+00:00')
    >>> between(first="2026-03-29", last="2026-03-28", time_zone="UTC")
    Traceback (most recent call last):
    settlements.services.periods.PeriodRefused: the period ends before it begins

    Raises:
        PeriodRefused: one of them is neither, or the period ends before it begins.
    """
    return Period(
        _edge(_read(first), time_zone=time_zone, is_end=False),
        _edge(_read(last), time_zone=time_zone, is_end=True),
    )


def month_of(*, at: datetime, time_zone: str) -> tuple[date, date]:
    """Return the first day of a moment's month in a zone, and the moment's own day."""
    today = at.astimezone(ZoneInfo(time_zone)).date()
    return today.replace(day=1), today


def day_before(*, at: datetime, time_zone: str) -> date:
    """Return the betting day that ended last."""
    return at.astimezone(ZoneInfo(time_zone)).date() - timedelta(days=1)


def _read(given: str | date | datetime) -> date | datetime:
    if not isinstance(given, str):
        return given
    text = given.strip()
    try:
        if not text.isascii():
            raise ValueError
        return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
    except ValueError:
        raise PeriodRefused(
            f"{given[:40]!r} is neither a day such as 2026-05-01 nor a moment with its zone"
        ) from None


def _edge(given: date | datetime, *, time_zone: str, is_end: bool) -> datetime:
    if given.year not in YEARS:
        raise PeriodRefused(f"the year {given.year} is not one of {YEARS[0]} to {YEARS[-1]}")
    if isinstance(given, datetime):
        if given.tzinfo is None:
            raise PeriodRefused(f"{given.isoformat()} names no zone, such as +00:00")
        return given.astimezone(UTC)
    bounds = betting_queries.day_bounds(day=given, time_zone=time_zone)
    return bounds[is_end].astimezone(UTC)
