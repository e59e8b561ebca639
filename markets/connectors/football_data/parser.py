"""football-data.co.uk: one CSV file per division and season, prices and results in one row.

The format, its flaws and what is made of them stand in docs/sources/football_data.md.
"""

import csv
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from markets.connectors import csv_rows
from markets.connectors.base import (
    ParsedBatch,
    ParsedEvent,
    ParsedResult,
)
from markets.connectors.football_data import cells as cells_of
from markets.connectors.football_data import codes, quoted
from markets.connectors.football_data.rows import File, Row

REQUIRED = ("Div", "Date", "HomeTeam", "AwayTeam")
USUAL_START = time(15, 0)
RESULT_AFTER_START = timedelta(hours=2)
HIGHEST_SCORE = 99
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::\d{2})?")


class FootballData:
    """Reads files of football-data.co.uk."""

    code = namespace = "football_data"
    suffixes = (".csv",)

    def parse(self, payload: bytes, *, name: str, fetched_at: datetime) -> ParsedBatch:
        """Take one file apart; see ``Connector.parse``."""
        file = File(name=name, fetched_at=fetched_at)
        lines = _lines(file, payload)
        if not lines and not any(problem.row is None for problem in file.problems):
            file.problems.clear()  # not one line of it is text
            file.tell(None, "", "a CSV file with a header in UTF-8 or Windows-1252")
        if not lines or not _read_header(file, lines[0][1]):
            return ParsedBatch(problems=[replace(p, is_rejection=False) for p in file.problems])
        rows = _in_season(file, list(_rows(file, lines[1:], _is_cut(payload))))
        events = [
            ParsedEvent(
                row.ref,
                row.division,
                row.season,
                row.home,
                row.away,
                row.leg,
                row.starts_at,
                record=row.number,
            )
            for row in rows
        ]
        results = [result for row in rows if (result := _result(file, row)) is not None]
        columns = quoted.columns(file, rows)
        divisions = sorted({row.division for row in rows})
        return ParsedBatch(
            events=events,
            columns=columns,
            results=results,
            problems=sorted(file.problems, key=lambda problem: problem.row or 0),
            competitions=[codes.DIVISIONS[code] for code in divisions],
            books=codes.BOOKS,
            records=len({row.number for row in rows} | file.rejected),
            excerpts={row.number: ",".join(row.cells)[:500] for row in rows},
        )


def _lines(file: File, payload: bytes) -> list[tuple[int, list[str]]]:
    """Return the lines that hold anything, each with its number, split into cells."""
    start = payload[:512].lstrip().lower()
    if not start:
        file.tell(None, "", "a CSV file, not an empty one")
        return []
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        file.tell(None, "", "a CSV file in UTF-8 or Windows-1252, not in UTF-16")
        return []
    if start.removeprefix(b"\xef\xbb\xbf").startswith((b"<", b"{", b"pk\x03\x04", b"\x1f\x8b")):
        file.tell(None, "", "a CSV file, not a web page or an archive")
        return []
    lines = []
    for number, line in enumerate(_decode(payload).splitlines(), start=1):
        if "\0" in line:
            file.reject(number, "", "text without NUL bytes")
            continue
        try:
            cells = next(csv.reader([line], strict=True), [])
        except csv.Error as wrong:
            file.reject(number, "", f"cells between commas: {wrong}")
            continue
        if any(cell.strip() for cell in cells):
            lines.append((number, cells))
    return lines


def _decode(payload: bytes) -> str:
    try:
        return payload.decode("utf-8-sig")
    except UnicodeDecodeError:
        return payload.decode("cp1252", errors="replace")


def _is_cut(payload: bytes) -> bool:
    """Say whether the last line has no end, so that its last cell may be half a number."""
    return not payload.endswith((b"\n", b"\r"))


def _read_header(file: File, cells: Sequence[str]) -> bool:
    for at, cell in enumerate(cells):
        if cell.strip():
            file.places.setdefault(cell.strip(), at)
            file.width = at + 1
    missing = [column for column in REQUIRED if column not in file.places]
    if missing:
        file.tell(None, missing[0], csv_rows.without(missing, [cell.strip() for cell in cells]))
    return not missing


def _rows(file: File, lines: Sequence[tuple[int, list[str]]], is_cut: bool) -> Iterator[Row]:
    for place, (number, cells) in enumerate(lines):
        if file.cell(cells, "Div") == "Div":
            file.reject(number, "Div", "one header, not a second one")
            continue
        if len(cells) < file.width:
            file.tell(number, "", f"{file.width} cells, not {len(cells)}: the row is cut short")
            if is_cut and place == len(lines) - 1:
                cells = cells[:-1]
        row = _row(file, number, cells)
        if row is not None:
            yield row


def _row(file: File, number: int, cells: list[str]) -> Row | None:
    division = file.cell(cells, "Div")
    if division not in codes.DIVISIONS:
        file.reject(number, "Div", f"a known division, not {division[:40]!r}")
        return None
    day = cells_of.day(file.cell(cells, "Date"))
    if day is None:
        told = file.cell(cells, "Date")[:40]
        file.reject(number, "Date", f"a day from 1970 to 2100 as dd/mm/yyyy, not {told!r}")
        return None
    home, away = (cells_of.team(file.cell(cells, column)) for column in ("HomeTeam", "AwayTeam"))
    for column, team in (("HomeTeam", home), ("AwayTeam", away)):
        if not team:
            told = file.cell(cells, column)
            file.reject(
                number,
                column,
                f"a team's name of up to 120 printable characters, not {told[:40]!r}",
            )
            return None
    if home == away:
        file.reject(number, "AwayTeam", f"another team than the home side {home!r}")
        return None
    local = datetime.combine(day, _start_time(file, number, cells), tzinfo=cells_of.UK)
    return Row(number, cells, division, day, local.astimezone(UTC), home, away)


def _start_time(file: File, number: int, cells: Sequence[str]) -> time:
    """Return the start by UK clocks; files before 2019/20 do not tell it."""
    text = file.cell(cells, "Time")
    if not text:
        return USUAL_START
    match = _TIME.fullmatch(text)
    if match is None or int(match[1]) > 23 or int(match[2]) > 59:
        file.tell(number, "Time", f"hh:mm, not {text!r}; taken as {USUAL_START:%H:%M}")
        return USUAL_START
    return time(int(match[1]), int(match[2]))


def _in_season(file: File, rows: Sequence[Row]) -> list[Row]:
    """Give each row its season and leg, and leave out what belongs to another season."""
    by_division: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_division[row.division].append(row)
    kept: list[Row] = []
    for division_rows in by_division.values():
        label = _season(file, division_rows)
        for row in division_rows:
            if cells_of.belongs(row.day, label):
                row.season = label
                kept.append(row)
            else:
                file.reject(
                    row.number, "Date", f"a day of the season {label}, not {row.day:%d/%m/%Y}"
                )
    kept = _number_legs(file, kept)
    return sorted(kept, key=lambda row: row.number)


def _season(file: File, rows: Sequence[Row]) -> str:
    """Take the name's word for the season where most rows agree, else the rows' own.

    That is the season to which most of them can belong, of equal ones the earliest.
    """
    named = cells_of.season_from_name(file.name)
    if named and sum(cells_of.belongs(row.day, named) for row in rows) * 2 > len(rows):
        return named
    days = Counter(row.day for row in rows)
    labels = sorted({cells_of.season_label(day.year - (day.month < 7)) for day in days})
    return max(
        labels,
        key=lambda label: sum(n for day, n in days.items() if cells_of.belongs(day, label)),
    )


def _number_legs(file: File, rows: Sequence[Row]) -> list[Row]:
    """Count the meetings of each pairing at one home, in order of time."""
    meetings: Counter[tuple[str, str, str]] = Counter()
    seen: dict[tuple[str, str, str, date], int] = {}
    kept = []
    for row in sorted(rows, key=lambda row: (row.starts_at, row.number)):
        pairing = (row.division, row.home, row.away)
        first = seen.setdefault((*pairing, row.day), row.number)
        if first != row.number:
            file.reject(row.number, "Date", f"a match that is not in row {first} already")
            continue
        meetings[pairing] += 1
        row.leg = meetings[pairing]
        kept.append(row)
    return kept


def _result(file: File, row: Row) -> ParsedResult | None:
    """Read the score; a row without one is a fixture, a contradictory one has no result."""
    scores = [_score(file, row, column) for column in ("FTHG", "FTAG")]
    home, away = scores
    said = file.cell(row.cells, "FTR")
    if home is None or away is None:
        if home is not None or away is not None:
            missing = "FTHG" if home is None else "FTAG"
            if not file.cell(row.cells, missing):
                file.tell(row.number, missing, "a score for both sides")
        elif said and not any(file.cell(row.cells, column) for column in ("FTHG", "FTAG")):
            file.tell(row.number, "FTHG", f"a score beside the result {said!r}")
        return None
    means = "D" if home == away else "H" if home > away else "A"
    if said and said != means:
        file.tell(row.number, "FTR", f"{means!r} for {home}:{away}, not {said!r}; no result taken")
        return None
    half = _half_time(file, row, home, away)
    known_at = row.starts_at + RESULT_AFTER_START
    return ParsedResult(row.ref, "FINAL", home, away, *half, known_at=known_at, record=row.number)


def _half_time(file: File, row: Row, home: int, away: int) -> tuple[int | None, int | None]:
    halves = (_score(file, row, "HTHG"), _score(file, row, "HTAG"))
    if halves[0] is None or halves[1] is None:
        return None, None
    if halves[0] > home or halves[1] > away:
        file.tell(
            row.number, "HTHG", f"at most the final {home}:{away}, not {halves[0]}:{halves[1]}"
        )
        return None, None
    return halves


def _score(file: File, row: Row, column: str) -> int | None:
    text = file.cell(row.cells, column)
    if not text:
        return None
    number = cells_of.number(text)
    if number is None or number % 1 or not 0 <= number <= HIGHEST_SCORE:
        file.tell(row.number, column, f"a whole number up to {HIGHEST_SCORE}, not {text!r}")
        return None
    return int(number)
