"""What single cells and names of football-data.co.uk mean.  Pure functions of their text."""

import re
import unicodedata
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from markets.domain import formats

UK = ZoneInfo("Europe/London")
COLLECTED_AT = time(15, 0)  # on Friday before Friday to Monday, on Tuesday before the others
COLLECTED_BEFORE_START = timedelta(hours=3)
_DATE = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4}|\d{2})")
_NUMBER = re.compile(r"[+-]?\d{1,7}(\.\d{1,12})?")
_SEASON = re.compile(r"(?<!\d)(\d{2})(\d{2})(?!\d)")


def number(text: str) -> Decimal | None:
    """Read a plain decimal number: no exponent, no other script's digits, no separators."""
    if not (text.isascii() and _NUMBER.fullmatch(text)):
        return None
    return Decimal(text)


def price(text: str) -> Decimal | str:
    """Return the price, or what was expected instead; "" for an empty cell."""
    text = text.strip()
    if not text:
        return ""
    value = number(text)
    if value is None or not 1 < value <= formats.HIGHEST_PRICE:
        return f"a price above 1 and up to {formats.HIGHEST_PRICE}, not {text[:40]!r}"
    rounded = round(value, 3)
    return rounded if rounded > 1 else f"a price above 1, not {text[:40]!r}"


def day(text: str) -> date | None:
    """Read dd/mm/yy or dd/mm/yyyy; two digits mean 1970 to 2069.

    >>> day("16/08/19"), day("16/08/2019"), day("31/02/2019")
    (datetime.date(2019, 8, 16), datetime.date(2019, 8, 16), None)
    """
    match = _DATE.fullmatch(text)
    if match is None or not text.isascii():
        return None
    day_of_month, month, year = (int(part) for part in match.groups())
    if len(match[3]) == 2:
        year += 1900 if year >= 70 else 2000
    try:
        found = date(year, month, day_of_month)
    except ValueError:
        return None
    return found if 1970 <= found.year <= 2100 else None


def team(text: str) -> str:
    """Return a team's name, composed and with single spaces; "" where it is none."""
    name = unicodedata.normalize("NFC", " ".join(text.split()))
    return name if name.isprintable() and len(name) <= 120 else ""


def season_from_name(name: str) -> str | None:
    """Read the season off a file's name or its folder: ``E0_2324.csv``, ``mmz4281/2324/E0.csv``.

    >>> season_from_name("E0_2324.csv"), season_from_name("https://x.example/mmz4281/9900/E0.csv")
    ('2023-24', '1999-00')
    >>> season_from_name("E0_2024.csv") is None
    True
    """
    parts = re.split(r"[/\\]", name.partition("?")[0])
    for text in (parts[-1], parts[-2] if len(parts) > 1 else ""):
        for match in _SEASON.finditer(text):
            first, second = int(match[1]), int(match[2])
            if second == (first + 1) % 100:
                return season_label(first + (1900 if first >= 70 else 2000))
    return None


def season_label(first_year: int) -> str:
    return f"{first_year}-{(first_year + 1) % 100:02d}"


def season_days(label: str) -> tuple[date, date]:
    """Return the first and the last day on which a season could have a match.

    2019/20 ended in August.
    """
    first_year = int(label[:4])
    return date(first_year, 6, 15), date(first_year + 1, 8, 31)


def collected_at(starts_at: datetime) -> datetime:
    """Return when the publisher collected the pre-closing prices, as far as it tells.

    Friday 15:00 UK before matches from Friday to Monday, Tuesday 15:00 before the others; never
    later than three hours before the start.

    >>> collected_at(datetime(2023, 8, 13, 13, 0, tzinfo=UTC)).isoformat()
    '2023-08-11T14:00:00+00:00'
    """
    local = starts_at.astimezone(UK)
    weekday = local.weekday()
    back = (weekday - 4) % 7 if weekday in (4, 5, 6, 0) else weekday - 1
    collected = datetime.combine(local.date() - timedelta(days=back), COLLECTED_AT, tzinfo=UK)
    return min(collected.astimezone(UTC), starts_at - COLLECTED_BEFORE_START)
