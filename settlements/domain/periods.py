"""Days, weeks and months that a report may be of.  Pure."""

import calendar
import re
from dataclasses import dataclass
from datetime import date, timedelta

_DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_WEEK = re.compile(r"([0-9]{4})-W([0-9]{2})")
_MONTH = re.compile(r"([0-9]{4})-([0-9]{2})")


@dataclass(frozen=True, slots=True)
class Period:
    """A day, a week of ISO 8601 or a month by its name, and its days."""

    name: str
    first: date
    last: date


def read(name: str) -> Period:
    """Return the period of this name.

    Raises:
        ValueError: there is no such day, week or month.

    >>> read("2026-W53").first, read("2026-02").last, read("2026-11-21").last
    (datetime.date(2026, 12, 28), datetime.date(2026, 2, 28), datetime.date(2026, 11, 21))
    """
    try:
        if found := _DAY.fullmatch(name):
            day = date(*map(int, found.groups()))
            return Period(name, day, day)
        if found := _WEEK.fullmatch(name):
            return week_of(date.fromisocalendar(int(found[1]), int(found[2]), 1))
        if found := _MONTH.fullmatch(name):
            return month_of(date(int(found[1]), int(found[2]), 1))
    except ValueError as no:
        raise ValueError(f"there is no {name}: {no}") from no
    raise ValueError(f"{name!r} is no period: 2026-11-21, 2026-W47 or 2026-11")


def day_of(day: date) -> Period:
    return Period(day.isoformat(), day, day)


def week_of(day: date) -> Period:
    """Return the week that a day is in.

    >>> week_of(date(2027, 1, 3)).name
    '2026-W53'
    """
    year, week, weekday = day.isocalendar()
    first = day - timedelta(days=weekday - 1)
    return Period(f"{year:04}-W{week:02}", first, first + timedelta(days=6))


def month_of(day: date) -> Period:
    last = calendar.monthrange(day.year, day.month)[1]
    return Period(f"{day:%Y-%m}", day.replace(day=1), day.replace(day=last))
