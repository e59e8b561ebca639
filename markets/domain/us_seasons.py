"""Labels of the seasons of American leagues.  Pure."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from markets.domain.teams import NEW_YORK

_EASTERN = ZoneInfo(NEW_YORK)
#: The season that the pandemic moved ended in October.
_LATE_NBA = (date(2020, 8, 1), date(2020, 11, 30))


def of_start(*, league: str, starts_at: datetime) -> str:
    """Return the label of the season that a game belongs to, by the Eastern day of its start.

    >>> from datetime import UTC
    >>> of_start(league="NBA", starts_at=datetime(2024, 1, 1, 2, 0, tzinfo=UTC))
    '2023-24'
    >>> of_start(league="NFL", starts_at=datetime(2025, 2, 9, 23, 30, tzinfo=UTC))
    '2024'
    >>> of_start(league="WNBA", starts_at=datetime(2025, 7, 6, 17, 0, tzinfo=UTC))
    '2025'
    """
    day = starts_at.astimezone(_EASTERN).date()
    if league == "NBA":
        is_late = _LATE_NBA[0] <= day <= _LATE_NBA[1]
        return over_new_year(2019 if is_late else day.year - (day.month < 8))
    return str(day.year - (league == "NFL" and day.month < 3))


def of_year(*, league: str, year: int) -> str:
    """Return the label of the season that is named after a year: the NBA's after its last.

    >>> of_year(league="NBA", year=2027), of_year(league="WNBA", year=2025)
    ('2026-27', '2025')
    """
    return over_new_year(year - 1) if league == "NBA" else str(year)


def over_new_year(first: int) -> str:
    """Return the label of a season that ends in the year after ``first``.

    >>> over_new_year(1999)
    '1999-00'
    """
    return f"{first}-{(first + 1) % 100:02d}"
