"""Lines of a file of starting prices: one runner each, checked cell by cell."""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from markets.connectors import csv_rows
from markets.connectors.base import Problem
from markets.domain import formats, moments

REQUIRED = (
    "LOCAL_MEETING_DATE", "SCHEDULED_RACE_TIME", "TRACK", "STATE_CODE", "RACE_NO",
    "WIN_MARKET_ID", "SELECTION_ID", "SELECTION_NAME",
)  # fmt: skip
PRICES = (
    "WIN_BSP", "WIN_PREPLAY_LAST_PRICE_TAKEN", "BEST_AVAIL_BACK_AT_SCHEDULED_OFF",
    "PLACE_BSP", "PLACE_LAST_PRICE_TAKEN",
)  # fmt: skip
WINNER, LOSER, REMOVED = "WINNER", "LOSER", "REMOVED"
OUTCOMES = (WINNER, LOSER, REMOVED, "")
NAME_AT_MOST, NUMBER_AT_MOST = 120, 999
#: A start told earlier before the plan, or later after it, than this is a slip of the pen.
EARLY_AT_MOST, LATE_AT_MOST = timedelta(minutes=5), timedelta(minutes=60)
_CLOCK = re.compile(r"(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,6}))?")
_DAY = timedelta(days=1)
_TEXT_AT_MOST = 60


class BadRow(Exception):
    """A line that cannot be used at all; says which cell, and what was expected."""

    def __init__(self, column: str, expected: str) -> None:
        super().__init__(expected)
        self.column, self.expected = column, expected


@dataclass(frozen=True, slots=True)
class Row:
    """One runner of one race."""

    record: int
    day: date
    starts_at: datetime
    started_at: datetime | None
    track: str
    state: str
    race: int
    race_name: str
    race_type: str
    distance: int | None
    win_id: str
    place_id: str
    selection_id: str
    number: int | None
    name: str
    win_result: str
    place_result: str
    prices: Mapping[str, Decimal]


@dataclass(slots=True)
class Sheet:
    """One file while it is read: where its columns are, and what was wrong with it."""

    name: str
    zone: str
    places: Mapping[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def tell(
        self, record: int | None, column: str, expected: str, *, is_rejection: bool = False
    ) -> None:
        self.problems.append(Problem(self.name, record, column, expected[:500], is_rejection))

    def read_header(self, cells: Sequence[str]) -> bool:
        """Find the columns; return whether those are there that nothing can be read without."""
        named = reversed(list(enumerate(cells)))  # of two of one name, the first counts
        self.places = {cell.strip(): at for at, cell in named if cell.strip()}
        missing = [column for column in REQUIRED if column not in self.places]
        if missing:
            self.tell(None, missing[0], csv_rows.without(missing, [cell.strip() for cell in cells]))
        return not missing

    def row(self, record: int, line: str) -> Row | None:
        """Return a line as a runner; None where it was rejected, and told why."""
        try:
            cells = next(csv.reader([line], strict=True), [])
            return self._row(record, cells)
        except csv.Error as wrong:
            self.tell(record, "", f"cells between commas: {wrong}", is_rejection=True)
        except BadRow as bad:
            self.tell(record, bad.column, bad.expected, is_rejection=True)
        return None

    def _row(self, record: int, cells: Sequence[str]) -> Row:
        cell = self._cells(cells)
        if cell["WIN_MARKET_ID"] == "WIN_MARKET_ID":
            raise BadRow("WIN_MARKET_ID", "one header, not a second one")
        day = _day(cell["LOCAL_MEETING_DATE"])
        starts_at = self._starts_at(day, cell["SCHEDULED_RACE_TIME"])
        return Row(
            record=record,
            day=day,
            starts_at=starts_at,
            started_at=self._started_at(record, day, starts_at, cell.get("ACTUAL_OFF_TIME", "")),
            track=_text(cell["TRACK"], "TRACK"),
            state=cell["STATE_CODE"].upper()[:3],
            race=_number(cell["RACE_NO"], "RACE_NO"),
            race_name=cell.get("WIN_MARKET_NAME", "")[:NAME_AT_MOST],
            race_type=cell.get("RACE_TYPE", "")[:NAME_AT_MOST],
            distance=self._whole(record, cell, "DISTANCE", 99_999),
            win_id=_id(cell["WIN_MARKET_ID"], "WIN_MARKET_ID"),
            place_id=_id(cell["PLACE_MARKET_ID"], "PLACE_MARKET_ID")
            if cell.get("PLACE_MARKET_ID")
            else "",
            selection_id=_id(cell["SELECTION_ID"], "SELECTION_ID"),
            number=self._whole(record, cell, "TAB_NUMBER", NUMBER_AT_MOST),
            name=_text(cell["SELECTION_NAME"], "SELECTION_NAME"),
            win_result=self._outcome(record, cell, "WIN_RESULT"),
            place_result=self._outcome(record, cell, "PLACE_RESULT"),
            prices=self._prices(record, cell),
        )

    def _cells(self, cells: Sequence[str]) -> dict[str, str]:
        width = max(self.places.values()) + 1
        if len(cells) < width:
            raise BadRow("", f"{width} cells, not {len(cells)}: the line is cut short")
        return {column: cells[at].strip() for column, at in self.places.items()}

    def _starts_at(self, day: date, text: str) -> datetime:
        try:
            return moments.local(day, _clock(text, "SCHEDULED_RACE_TIME"), self.zone)
        except moments.BadMoment as wrong:
            raise BadRow("SCHEDULED_RACE_TIME", str(wrong)) from wrong

    def _started_at(self, record: int, day: date, planned: datetime, text: str) -> datetime | None:
        """Return the actual start, unless it cannot be one of this race."""
        if not text:
            return None
        try:
            started = moments.local(day, _clock(text, "ACTUAL_OFF_TIME"), self.zone)
        except (BadRow, moments.BadMoment) as wrong:
            self.tell(record, "ACTUAL_OFF_TIME", str(wrong))
            return None
        if planned - started > _DAY / 2:  # it went off after midnight
            started += _DAY
        if not -EARLY_AT_MOST <= started - planned <= LATE_AT_MOST:
            self.tell(
                record,
                "ACTUAL_OFF_TIME",
                f"a start near the planned one, not {text}; the planned one stands",
            )
            return None
        return started

    def _whole(self, record: int, cell: Mapping[str, str], column: str, highest: int) -> int | None:
        if not cell.get(column):
            return None
        try:
            return _number(cell[column], column, highest)
        except BadRow as bad:
            self.tell(record, column, bad.expected)
            return None

    def _outcome(self, record: int, cell: Mapping[str, str], column: str) -> str:
        told = cell.get(column, "").upper()
        if told in OUTCOMES:
            return told
        self.tell(record, column, f"WINNER, LOSER or REMOVED, not {told[:_TEXT_AT_MOST]!r}")
        return ""

    def _prices(self, record: int, cell: Mapping[str, str]) -> dict[str, Decimal]:
        prices = {}
        for column in PRICES:
            text = cell.get(column)
            if not text:
                continue
            try:
                prices[column] = formats.decimal_price(text)
            except formats.BadPrice as bad:
                self.tell(record, column, str(bad))
        return prices


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadRow(
            "LOCAL_MEETING_DATE", f"a day as yyyy-mm-dd, not {text[:_TEXT_AT_MOST]!r}"
        ) from None


def _clock(text: str, column: str) -> time:
    match = _CLOCK.fullmatch(text)
    if match is None or int(match[1]) > 23 or int(match[2]) > 59 or int(match[3]) > 59:
        raise BadRow(column, f"hh:mm:ss, not {text[:_TEXT_AT_MOST]!r}")
    return time(int(match[1]), int(match[2]), int(match[3]), int((match[4] or "").ljust(6, "0")))


def _text(text: str, column: str) -> str:
    name = " ".join(text.split())
    if not name or len(name) > NAME_AT_MOST or not name.isprintable():
        raise BadRow(
            column, f"a name of up to {NAME_AT_MOST} printable characters, not {name[:40]!r}"
        )
    return name


def _number(text: str, column: str, highest: int = NUMBER_AT_MOST) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 0 < int(text) <= highest):
        raise BadRow(column, f"a whole number from 1 to {highest}, not {text[:_TEXT_AT_MOST]!r}")
    return int(text)


def _id(text: str, column: str) -> str:
    if not (text.isascii() and text.isdigit() and len(text) <= 20):
        raise BadRow(column, f"Betfair's number of it, not {text[:_TEXT_AT_MOST]!r}")
    return text
