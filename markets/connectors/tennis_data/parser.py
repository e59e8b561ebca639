"""Workbooks of tennis-data.co.uk, taken apart.  See docs/sources/tennis_data.md.

The file lists the winner first.  Taking that order over would tell the result to whoever sees
the event: the two sides are put into alphabetical order, and only the result says who won.
"""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from openpyxl.utils.datetime import from_excel

from markets.connectors.base import (
    ParsedBatch,
    ParsedEvent,
    ParsedPrice,
    ParsedResult,
    Problem,
)
from markets.connectors.tennis_data import codes
from markets.connectors.tennis_data.sheet import NotAWorkbook, rows
from markets.domain import formats, moments

SEEN_BEFORE_NOON = timedelta(hours=1)
RESULT_AFTER_NOON = timedelta(hours=24)  # the day is over everywhere
HIGHEST_GAMES = 99
LONGEST_ID = 80
_NO_VALUES = ("=", "#REF!", "#N/A", "#VALUE!", "#NAME?", "#DIV/0!", "#NUM!", "#NULL!")
_YEAR = re.compile(r"(?<!\d)(19[7-9]\d|20\d\d)(?!\d)")


class _Rejected(ValueError):
    """A row that cannot be used: its column, and what was expected."""

    def __init__(self, column: str, expected: str) -> None:
        super().__init__(expected)
        self.column = column


@dataclass(slots=True)
class _Match:
    """One row: a match of ``winner`` against ``loser``."""

    number: int
    values: Sequence[object]
    day: date
    round: str
    winner: str
    loser: str
    id: str = ""

    @property
    def sides(self) -> tuple[str, str]:
        home, away = sorted((self.winner, self.loser))
        return home, away

    @property
    def won_by(self) -> str:
        return "HOME" if self.sides[0] == self.winner else "AWAY"


@dataclass(slots=True)
class _Sheet:
    """A workbook while it is read."""

    name: str
    fetched_at: datetime
    places: Mapping[str, int]
    tour: str = ""
    season: str = ""
    problems: list[Problem] = field(default_factory=list)
    first: dict[str, int] = field(default_factory=dict)

    def tell(self, row: int, column: str, message: str, *, is_rejection: bool = False) -> None:
        self.problems.append(Problem(self.name, row, column, message[:500], is_rejection))

    def value(self, values: Sequence[object], column: str) -> object:
        """Return a cell; None where it is blank or its column missing."""
        at = self.places.get(column, -1)
        value = values[at] if 0 <= at < len(values) else None
        if isinstance(value, str):
            value = value.strip()
            return None if value in codes.BLANKS else value
        return value

    def text(self, values: Sequence[object], column: str) -> str:
        value = self.value(values, column)
        return "" if value is None else unicodedata.normalize("NFC", " ".join(str(value).split()))


class TennisData:
    """Reads workbooks of tennis-data.co.uk."""

    code = namespace = "tennis_data"
    suffixes = (".xlsx",)

    def parse(self, payload: bytes, *, name: str, fetched_at: datetime) -> ParsedBatch:
        """Take one workbook apart; see ``Connector.parse``."""
        try:
            title, found = rows(payload)
            sheet = _sheet(name, fetched_at, next(found, None))
        except NotAWorkbook as wrong:
            return ParsedBatch(problems=[Problem(name, None, "", str(wrong))])
        listed = list(found)
        sheet.season = _season(sheet, title, [values for _, values in listed])
        matches = []
        for number, values in listed:
            try:
                matches.append(_match(sheet, number, values))
            except _Rejected as wrong:
                sheet.tell(number, wrong.column, str(wrong), is_rejection=True)
        return _batch(sheet, matches, records=len(listed))


def _batch(sheet: _Sheet, matches: Sequence[_Match], *, records: int) -> ParsedBatch:
    books = codes.books_in(sheet.places)
    results = [result for match in matches if (result := _result(sheet, match)) is not None]
    prices = [price for match in matches for price in _prices(sheet, match, books)]
    return ParsedBatch(
        events=[_event(sheet, match) for match in matches],
        prices=prices,
        results=results,
        problems=sorted(sheet.problems, key=lambda problem: problem.row or 0),
        competitions=[codes.TOURS[sheet.tour]],
        books=list(books.values()),
        records=records,
        excerpts={match.number: _excerpt(match.values) for match in matches},
    )


def _sheet(name: str, fetched_at: datetime, header: tuple[int, Sequence[object]] | None) -> _Sheet:
    """Read the header.

    Raises:
        NotAWorkbook: it is none of this publisher's.
    """
    places: dict[str, int] = {}
    for at, cell in enumerate(header[1] if header else ()):
        if isinstance(cell, str):
            places.setdefault(cell.strip(), at)
    if missing := [column for column in codes.REQUIRED if column not in places]:
        raise NotAWorkbook(f"a header with {', '.join(missing)}")
    tours = [tour for tour in codes.TOURS if tour in places]
    if len(tours) != 1:
        raise NotAWorkbook(f"a header with one of {', '.join(codes.TOURS)}")
    return _Sheet(name, fetched_at, places, tour=tours[0])


def _season(sheet: _Sheet, title: str, listed: Sequence[Sequence[object]]) -> str:
    """Return the year that the sheet's title or the file's name tells, else that of most rows."""
    for text in (title, re.split(r"[/\\]", sheet.name.partition("?")[0])[-1]):
        years = _YEAR.findall(text)
        if len(set(years)) == 1:
            return str(years[0])
    days = Counter(day.year for values in listed if (day := _day(sheet, values)) is not None)
    return str(days.most_common(1)[0][0]) if days else ""


def _match(sheet: _Sheet, number: int, values: Sequence[object]) -> _Match:
    """Return the match of a row.

    Raises:
        _Rejected: it tells none, or one that an earlier row told.
    """
    if all(sheet.value(values, column) == column for column in codes.REQUIRED):
        raise _Rejected("", "one header, not a second one")
    for column in (sheet.tour, *codes.REQUIRED):
        text = str(sheet.value(values, column) or "")
        if text.startswith(_NO_VALUES):
            raise _Rejected(column, f"a value, not {text[:40]!r}")
    day = _day(sheet, values)
    if day is None:
        told = str(sheet.value(values, "Date") or "")[:40]
        raise _Rejected("Date", f"a day from 1970 to 2100 as a date or yyyy-mm-dd, not {told!r}")
    if not date(int(sheet.season) - 1, 12, 15) <= day <= date(int(sheet.season), 12, 31):
        raise _Rejected("Date", f"a day of the season {sheet.season}, not {day}")
    winner, loser = (_player(sheet, values, column) for column in ("Winner", "Loser"))
    if winner == loser:
        raise _Rejected("Loser", f"another player than {winner!r}")
    match = _Match(number, values, day, sheet.text(values, "Round")[:20], winner, loser)
    match.id = _id(sheet, match)
    already = sheet.first.setdefault(match.id, number)
    if already != number:
        raise _Rejected("Winner", f"a match that is not in row {already} already")
    return match


def _day(sheet: _Sheet, values: Sequence[object]) -> date | None:
    """Return the day of a row; a workbook may hold it as a date, a number or a text."""
    value = sheet.value(values, "Date")
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            value = from_excel(value)
        except (ValueError, OverflowError):
            return None
    if isinstance(value, str):
        try:
            value = date.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, datetime):
        value = value.date()
    is_day = isinstance(value, date) and moments.FIRST_YEAR <= value.year <= moments.LAST_YEAR
    return value if is_day else None  # type: ignore[return-value]


def _player(sheet: _Sheet, values: Sequence[object], column: str) -> str:
    name = sheet.text(values, column)
    if not name or not name.isprintable() or len(name) > 120:
        expected = "a player's name of up to 120 printable characters"
        raise _Rejected(column, f"{expected}, not {name[:40]!r}")
    return name


def _id(sheet: _Sheet, match: _Match) -> str:
    """Return what tells this match from all others: two players meet once in a round."""
    number = sheet.text(match.values, sheet.tour)
    home, away = match.sides
    key = f"{sheet.tour.lower()}|{sheet.season}|{number}|{match.round}|{home}|{away}"
    if len(key) <= LONGEST_ID:
        return key
    return f"{key[: LONGEST_ID - 17]}|{hashlib.sha256(key.encode()).hexdigest()[:16]}"


def _event(sheet: _Sheet, match: _Match) -> ParsedEvent:
    home, away = match.sides
    data: dict[str, object] = {}
    for column, name in codes.DATA.items():
        value = sheet.value(match.values, column)
        if str(value or "").startswith(_NO_VALUES):
            sheet.tell(match.number, column, f"a value, not {str(value)[:40]!r}")
        elif value is not None:
            data[name] = value if isinstance(value, int) else str(value)[:120]
    letters = ("W", "L") if match.won_by == "HOME" else ("L", "W")
    for side, letter in zip(("home", "away"), letters, strict=True):
        for column, name in codes.RANKS.items():
            value = sheet.value(match.values, f"{letter}{column}")
            if isinstance(value, int) and value > 0:
                data[f"{side}_{name}"] = value
    return ParsedEvent(
        match.id,
        codes.TOURS[sheet.tour].code,
        sheet.season,
        home,
        away,
        starts_at=moments.noon(match.day, "UTC"),
        record=match.number,
        id=match.id,
        round=match.round,
        certainty="DATE",
        data=data,
    )


def _prices(
    sheet: _Sheet, match: _Match, books: Mapping[str, codes.ParsedBook]
) -> list[ParsedPrice]:
    """Read both players' prices of every book; when they were shown, the file does not tell."""
    seen_at = min(moments.noon(match.day, "UTC") - SEEN_BEFORE_NOON, sheet.fetched_at)
    roles = ("HOME", "AWAY") if match.won_by == "HOME" else ("AWAY", "HOME")
    found = []
    for prefix, book in books.items():
        for letter, role in zip("WL", roles, strict=True):
            column = f"{prefix}{letter}"
            price = _price(sheet, match, column)
            if price is not None:
                told = (match.id, "MONEYLINE", None, role, book.code, price, seen_at)
                found.append(ParsedPrice(*told, record=match.number))
    return found


def _price(sheet: _Sheet, match: _Match, column: str) -> Decimal | None:
    value = sheet.value(match.values, column)
    if value is None:
        return None
    try:
        if isinstance(value, float):  # 1.36 is kept as 1.3600000000000001 by some programs
            value = round(value, 6)
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise formats.BadPrice(f"a price above 1, not {str(value)[:40]!r}")
        return formats.decimal_price(value)
    except formats.BadPrice as wrong:
        sheet.tell(match.number, column, str(wrong))
        return None


def _result(sheet: _Sheet, match: _Match) -> ParsedResult | None:
    """Read who won, and the sets; a match that was broken off has a winner all the same."""
    comment = sheet.text(match.values, "Comment")
    status = codes.ENDS.get(comment.lower())
    if status is None:
        if comment.lower() not in ("", "sched"):
            expected = ", ".join(word.capitalize() for word in codes.ENDS)
            sheet.tell(match.number, "Comment", f"one of {expected}, not {comment[:40]!r}")
        return None
    won, lost = (_games(sheet, match, f"{letter}sets") for letter in "WL")
    if (won is None) != (lost is None):
        sheet.tell(match.number, "Wsets", "the sets of both players")
        won = lost = None
    if status == "FINAL" and not _decided(sheet, match, won, lost):
        return None
    home, away = (won, lost) if match.won_by == "HOME" else (lost, won)
    known_at = moments.noon(match.day, "UTC") + RESULT_AFTER_NOON
    return ParsedResult(
        match.id,
        status,
        home,
        away,
        known_at=min(known_at, sheet.fetched_at),
        winner=match.won_by,
        periods=_sets(sheet, match),
        record=match.number,
    )


def _decided(sheet: _Sheet, match: _Match, won: int | None, lost: int | None) -> bool:
    """Say whether a completed match has the sets that end one; tell where it has not."""
    best_of = sheet.value(match.values, "Best of")
    needed = best_of // 2 + 1 if isinstance(best_of, int) and best_of in (3, 5) else None
    if won is None or lost is None or won <= lost or (needed is not None and won != needed):
        sets = f"{needed} sets" if needed else "more sets"
        sheet.tell(match.number, "Wsets", f"{sets} of the winner, not {won}:{lost}; no result")
        return False
    return True


def _sets(sheet: _Sheet, match: _Match) -> dict[str, list[int]]:
    """Return the games of each set, the home side's first."""
    found: dict[str, list[int]] = {}
    for number in codes.SETS:
        won, lost = (_games(sheet, match, f"{letter}{number}") for letter in "WL")
        if won is None or lost is None:
            break
        found[f"SET{number}"] = [won, lost] if match.won_by == "HOME" else [lost, won]
    return found


def _games(sheet: _Sheet, match: _Match, column: str) -> int | None:
    value = sheet.value(match.values, column)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if value is None or (isinstance(value, int) and 0 <= value <= HIGHEST_GAMES):
        return value
    sheet.tell(match.number, column, f"a whole number, not {str(value)[:40]!r}")
    return None


def _excerpt(values: Sequence[object]) -> str:
    return ",".join("" if value is None else str(value) for value in values)[:500]
