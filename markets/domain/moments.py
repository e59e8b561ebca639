"""Moments as payloads write them, as aware UTC.  Pure; nothing naive leaves this module."""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

FIRST_YEAR, LAST_YEAR = 1970, 2100
NOON = time(12, 0)
_FIRST = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC)
_END = datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC)
_SECONDS_AT_MOST = 100_000_000_000  # above it, a number counts milliseconds
_MILLISECOND = timedelta(milliseconds=1)


class BadMoment(ValueError):
    """A time that cannot be; says what was expected."""


def zone(name: str) -> ZoneInfo:
    """Return a time zone by its name.

    Raises:
        BadMoment: there is no such zone.

    >>> zone("Mars/Olympus")
    Traceback (most recent call last):
    ...
    markets.domain.moments.BadMoment: a time zone such as Europe/London, not 'Mars/Olympus'
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as unknown:
        raise BadMoment(f"a time zone such as Europe/London, not {name[:60]!r}") from unknown


@lru_cache(maxsize=65_536)
def local(day: date, at: time, zone_name: str) -> datetime:
    """Return the moment when a zone's clocks showed this, of a doubled hour the first.

    Raises:
        BadMoment: the clocks skipped it, the year is out of range, or the zone is unknown.

    >>> local(date(2024, 7, 1), time(15, 0), "Europe/London").isoformat()
    '2024-07-01T14:00:00+00:00'
    >>> local(date(2024, 3, 31), time(1, 30), "Europe/London")
    Traceback (most recent call last):
    ...
    markets.domain.moments.BadMoment: a time that Europe/London had, not 2024-03-31 01:30
    """
    if at.tzinfo is not None:
        raise BadMoment(f"a time by the clocks of {zone_name}, not one with an offset")
    clock = datetime.combine(day, at, tzinfo=zone(zone_name)).replace(fold=0)
    moment = _in_range(clock.astimezone(UTC), clock.isoformat())
    if moment.astimezone(clock.tzinfo).replace(tzinfo=None) != clock.replace(tzinfo=None):
        raise BadMoment(f"a time that {zone_name} had, not {day} {at:%H:%M}")
    return moment


def noon(day: date, zone_name: str) -> datetime:
    """Return noon of a day: the start of an event of which only the day is known."""
    return local(day, NOON, zone_name)


def stamp(value: str | int | float) -> datetime:
    """Return a stamp as a moment: ISO 8601 with an offset, or seconds or milliseconds since 1970.

    Raises:
        BadMoment: no stamp, without an offset, or out of range.

    >>> stamp("2024-03-31T12:00:00Z"), stamp(1711886400) == stamp(1711886400000)
    (datetime.datetime(2024, 3, 31, 12, 0, tzinfo=datetime.timezone.utc), True)
    >>> stamp("2024-03-31T12:00:00")
    Traceback (most recent call last):
    ...
    markets.domain.moments.BadMoment: a time with its offset, not '2024-03-31T12:00:00'
    """
    if isinstance(value, bool):
        raise BadMoment(f"a time with its offset, not {value}")
    if isinstance(value, str):
        text = value.strip()
        return _number(int(text)) if text.isascii() and text.isdigit() else _iso(text)
    return _number(value)


def no_naive(moment: datetime) -> datetime:
    """Return an aware moment in UTC.

    Raises:
        BadMoment: it is naive.
    """
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise BadMoment(f"a time with its offset, not {moment.isoformat()}")
    return moment.astimezone(UTC)


def _number(value: int | float) -> datetime:
    try:
        milliseconds = round(value if abs(value) > _SECONDS_AT_MOST else value * 1000)
        return _in_range(_FIRST + milliseconds * _MILLISECOND, str(value))
    except (OverflowError, ValueError) as wrong:
        raise BadMoment(f"seconds or milliseconds since 1970, not {str(value)[:40]}") from wrong


@lru_cache(maxsize=65_536)
def _iso(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        expected = "a time with its offset such as 2024-03-31T12:00:00Z"
        raise BadMoment(f"{expected}, not {text[:40]!r}") from None
    if moment.tzinfo is None:
        raise BadMoment(f"a time with its offset, not {text[:40]!r}")
    try:
        return _in_range(moment.astimezone(UTC), text)
    except OverflowError as wrong:
        raise BadMoment(f"a year from {FIRST_YEAR} to {LAST_YEAR}, not {text[:40]!r}") from wrong


def _in_range(moment: datetime, said: str) -> datetime:
    if not _FIRST <= moment < _END:
        raise BadMoment(f"a year from {FIRST_YEAR} to {LAST_YEAR}, not {said[:40]!r}")
    return moment
