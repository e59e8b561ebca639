"""What the cells of one record mean by a mapping.  Pure functions of text."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache

from markets.domain import formats, moments
from markets.domain.mapping_spec import Data, Line, MappingSpec, Price, Season, Text, Time

LONGEST_NAME = 120
HIGHEST_SCORE = 999
CLOSE_BEFORE_START = timedelta(minutes=1)
_NUMBER = re.compile(r"[+-]?\d{1,12}(\.\d{1,12})?")
_PRICES: Mapping[str, Callable[[str], Decimal]] = {
    "DECIMAL": formats.decimal_price,
    "AMERICAN": formats.american,
    "FRACTIONAL": formats.fractional,
}
_YES = frozenset({"true", "yes", "y", "1"})
_NO = frozenset({"false", "no", "n", "0", ""})


class BadCell(ValueError):
    """A cell that cannot be used: which, and what was expected."""

    def __init__(self, column: str, expected: str) -> None:
        super().__init__(expected)
        self.column = column
        self.expected = expected


@dataclass(frozen=True, slots=True)
class Cells:
    """One record: its texts, found by the names of their columns."""

    places: Mapping[str, int]
    values: Sequence[str]
    spec: MappingSpec

    def text(self, column: str) -> str:
        """Return what a column says; "" where it is blank or missing."""
        at = self.places.get(column, -1)
        text = self.values[at].strip() if 0 <= at < len(self.values) else ""
        return "" if text in self.spec.blanks else text


def picked(cells: Cells, source: Text) -> str:
    """Return a constant, or what a column says, translated where the mapping translates."""
    if isinstance(source, str):
        return source
    text = cells.text(source.column)
    if not source.map:
        return text
    if text not in source.map:
        raise BadCell(source.column, f"one of {', '.join(list(source.map)[:8])}, not {text[:40]!r}")
    return source.map[text]


def name(cells: Cells, column: str) -> str:
    """Return a participant's name, composed and with single spaces.

    Raises:
        BadCell: it is empty, too long, or holds what cannot be seen.
    """
    text = unicodedata.normalize("NFC", " ".join(cells.text(column).split()))
    if not text or not text.isprintable() or len(text) > LONGEST_NAME:
        raise BadCell(column, f"a name of up to {LONGEST_NAME} printable characters")
    return text


def number(cells: Cells, column: str) -> Decimal | None:
    """Return a plain number: no exponent, no separators of thousands, no other script's digits.

    Raises:
        BadCell: it is none.
    """
    text = cells.text(column)
    if not text:
        return None
    plain = _with_point(text, cells.spec.decimal)
    if plain is None or not (plain.isascii() and _NUMBER.fullmatch(plain)):
        raise BadCell(column, f"a number, not {text[:40]!r}")
    return Decimal(plain)


def _with_point(text: str, mark: str) -> str | None:
    """Return a number with a decimal point; None where a point stands for something else."""
    if mark == ".":
        return text
    return None if "." in text else text.replace(",", ".")


def signed(cells: Cells, spec: Line | Data) -> Decimal | None:
    """Return a number with the sign that the mapping gives it.

    Raises:
        BadCell: no number, or nothing tells its sign.
    """
    value = number(cells, spec.column)
    if value is None:
        return None
    is_turned = spec.negate
    if spec.sign is not None and value:
        word = cells.text(spec.sign.column)
        if not word:
            raise BadCell(spec.sign.column, f"whose {spec.column} it is")
        is_turned ^= word in spec.sign.negative
    return -value if is_turned else value


def price(cells: Cells, spec: Price) -> Decimal | None:
    """Return the decimal odds of a column.

    Raises:
        BadCell: they are none.
    """
    text = cells.text(spec.column)
    if not text:
        return None
    plain = _with_point(text, cells.spec.decimal) if spec.format == "DECIMAL" else text
    try:
        return _PRICES[spec.format](text if plain is None else plain)
    except formats.BadPrice as wrong:
        raise BadCell(spec.column, str(wrong)) from wrong


def line(cells: Cells, spec: Line) -> Decimal | None:
    """Return a market's line.

    Raises:
        BadCell: it is none.
    """
    if spec.value:
        return Decimal(spec.value)
    value = signed(cells, spec)
    if value is None:
        raise BadCell(spec.column, "a line for the prices beside it")
    if value % Decimal("0.25"):
        raise BadCell(spec.column, f"a line in quarters, not {value}")
    return value


def score(cells: Cells, column: str) -> int | None:
    """Return a score.

    Raises:
        BadCell: it is no whole number from 0 up.
    """
    value = number(cells, column)
    if value is None:
        return None
    if value % 1 or not 0 <= value <= HIGHEST_SCORE:
        raise BadCell(column, f"a whole number up to {HIGHEST_SCORE}, not {value}")
    return int(value)


def datum(cells: Cells, spec: Data) -> object:
    """Return what is kept with the event; None where the cell is blank.

    Raises:
        BadCell: no number or no flag, where one is expected.
    """
    if spec.kind == "NUMBER":
        value = signed(cells, spec)
        return None if value is None else (int(value) if not value % 1 else float(value))
    text = cells.text(spec.column)
    if spec.kind == "FLAG":
        return flag(spec.column, text)
    return text[:200] or None


def flag(column: str, text: str) -> bool:
    """Return a yes or a no.

    Raises:
        BadCell: it is neither.

    >>> flag("neutral", "True"), flag("neutral", "")
    (True, False)
    """
    word = text.lower()
    if word not in _YES | _NO:
        raise BadCell(column, f"yes or no, not {text[:40]!r}")
    return word in _YES


def starts_at(cells: Cells, spec: Time, *, zone: str) -> tuple[datetime, date]:
    """Return when an event starts, and on which day of its zone; noon where only that is known.

    Raises:
        BadCell: no day, or no time that the zone had.
    """
    zone = spec.zone or zone
    column, text = spec.date, cells.text(spec.date)
    try:
        if spec.certainty == "DATE":
            day = _clock(text, spec.date_format).date()
            return moments.noon(day, zone), day
        if not spec.time:
            moment = _moment(text, spec.date_format, zone)
        else:
            day = _clock(text, spec.date_format).date()
            column = spec.time
            at = _clock_time(cells.text(spec.time), spec.time_format)
            moment = moments.local(day, at, zone)
    except moments.BadMoment as wrong:
        raise BadCell(column, str(wrong)) from wrong
    return moment, moment.astimezone(moments.zone(zone)).date()


def seen_at(
    cells: Cells, spec: Price, *, start: datetime | None, day: date | None, zone: str
) -> datetime:
    """Return when a price was shown.

    Raises:
        BadCell: its column tells no moment.
    """
    seen = spec.seen
    if seen is None or seen.minutes_before_start is not None:
        before = CLOSE_BEFORE_START
        if seen is not None and seen.minutes_before_start is not None:
            before = timedelta(minutes=seen.minutes_before_start)
        assert start is not None, "a mapping without a start tells when prices were shown"
        return start - before
    column = seen.column
    try:
        if seen.column:
            return _moment(cells.text(seen.column), seen.format, seen.zone or zone)
        assert day is not None, "a mapping without a day tells the moment of its prices"
        return moments.local(day, time.fromisoformat(seen.clock), seen.zone or zone)
    except moments.BadMoment as wrong:
        raise BadCell(column, str(wrong)) from wrong


def season(cells: Cells, spec: Season, *, day: date | None) -> str:
    """Return a season's label.

    Raises:
        BadCell: the column tells none.
    """
    if spec.rule == "BY_DATE":
        assert day is not None, "a mapping without a day has a column of seasons"
        return by_date(day, turns=spec.turns)
    text = cells.text(spec.column)
    if spec.rule == "LABEL":
        if not text or len(text) > 20:
            raise BadCell(spec.column, "a season's label of up to 20 characters")
        return text
    if not (text.isascii() and text.isdigit() and 1900 <= int(text) <= 2100):
        raise BadCell(spec.column, f"a year from 1900 to 2100, not {text[:40]!r}")
    year = int(text)
    return str(year) if spec.rule == "YEAR" else across(year - (spec.rule == "END_YEAR"))


def by_date(day: date, *, turns: int) -> str:
    """Return the label of the season that a day belongs to.

    >>> by_date(date(2024, 1, 5), turns=8), by_date(date(2024, 1, 5), turns=1)
    ('2023-24', '2024')
    """
    if turns == 1:
        return str(day.year)
    return across(day.year if day.month >= turns else day.year - 1)


def across(first_year: int) -> str:
    """Return the label of a season across two years.

    >>> across(1999)
    '1999-00'
    """
    return f"{first_year}-{(first_year + 1) % 100:02d}"


def _moment(text: str, form: str, zone: str) -> datetime:
    """Return a moment: by its format, else a stamp with its offset, else a local time."""
    if not form:
        try:
            return moments.stamp(text)
        except moments.BadMoment:
            pass
    clock = _clock(text, form)
    if clock.tzinfo is not None:
        return moments.no_naive(clock)
    return moments.local(clock.date(), clock.time(), zone)


@lru_cache(maxsize=16_384)
def _clock(text: str, form: str) -> datetime:
    """Return a date, or a date and time, as the file writes it."""
    try:
        if not text.isascii():
            raise ValueError
        if form:
            return datetime.strptime(text, form)  # noqa: DTZ007 - its zone is asked for by callers
        return datetime.fromisoformat(text)
    except ValueError as wrong:
        example = datetime(2024, 2, 29, 13, 45, tzinfo=UTC)
        expected = example.strftime(form) if form else "2024-02-29"
        raise moments.BadMoment(f"a date such as {expected}, not {text[:40]!r}") from wrong


@lru_cache(maxsize=4_096)
def _clock_time(text: str, form: str) -> time:
    try:
        if not text.isascii():
            raise ValueError
        if form:
            return datetime.strptime(text, form).time()  # noqa: DTZ007 - a clock's reading alone
        return time.fromisoformat(text)
    except ValueError as wrong:
        expected = time(13, 45).strftime(form) if form else "13:45"
        raise moments.BadMoment(f"a time such as {expected}, not {text[:40]!r}") from wrong
