"""football-data.co.uk: one CSV file per division and season, prices and results in one row.

The format, its flaws and what is made of them stand in docs/sources/football_data.md.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from io import BytesIO
from itertools import islice
from typing import Any, BinaryIO

from markets.connectors import csv_rows, payloads
from markets.connectors.base import (
    ParsedBatch,
    ParsedEvent,
    ParsedResult,
    Reading,
)
from markets.connectors.football_data import cells as cells_of
from markets.connectors.football_data import codes, lines, quoted
from markets.connectors.football_data.outline import Outline, Verdicts
from markets.connectors.football_data.rows import File, Row

REQUIRED = ("Div", "Date", "HomeTeam", "AwayTeam")
USUAL_START = time(15, 0)
RESULT_AFTER_START = timedelta(hours=2)
HIGHEST_SCORE = 99
ROWS_AT_MOST, CHARACTERS_OF_A_ROW = 1_000, 1_000  # of a portion; about 80,000 prices
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::\d{2})?")


class FootballData:
    """Reads files of football-data.co.uk."""

    code = namespace = "football_data"
    suffixes = (".csv",)

    def parse(self, payload: bytes, *, name: str, fetched_at: datetime) -> ParsedBatch:
        """Take one file apart; see ``Connector.parse``."""
        reading = Reading(name=name, fetched_at=fetched_at)
        return next(batches(BytesIO(payload), reading=reading, size=10**9))

    def read(self, stream: BinaryIO, *, reading: Reading) -> Iterator[ParsedBatch]:
        """Take one file apart in portions; see ``ReadingConnector.read``."""
        return batches(stream, reading=reading)

    def order(self, name: str) -> tuple[Any, ...]:
        """Sort by name."""
        return (name,)

    def check_options(self, options: Mapping[str, Any]) -> list[str]:
        """Return what is wrong with an operator's options: it has none."""
        return [f"{name}: no option of this source" for name in options]


def batches(
    stream: BinaryIO, *, reading: Reading, size: int = ROWS_AT_MOST
) -> Iterator[ParsedBatch]:
    """Yield a file in portions of at most ``size`` rows, at least one portion.

    The file is read twice: what only the whole of it tells must be known before its first row.
    """
    file = File(name=reading.name, fetched_at=reading.fetched_at)
    try:
        text = lines.opened(stream)
        _read_header(file, text)
    except payloads.BadPayload as wrong:
        file.tell(None, "", str(wrong))
    if file.problems:
        yield ParsedBatch(problems=file.problems)
        return
    verdicts = _verdicts(file, text)
    rows: list[Row] = []
    place = records = length = 0
    is_begun = False
    for row, of_line in _rows(file, text):
        records, length = records + 1, length + of_line
        if row is not None:
            if _is_kept(file, row, verdicts, place):
                rows.append(row)
            place += 1
        if records >= size or length >= size * CHARACTERS_OF_A_ROW:
            yield _batch(file, rows)
            rows, records, length, is_begun = [], 0, 0, True
    if records or not is_begun:
        yield _batch(file, rows)


def _batch(file: File, rows: Sequence[Row]) -> ParsedBatch:
    """Return the facts of these rows, and what was told since the portion before."""
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
    problems, file.problems = file.problems, []
    rejected = {problem.row for problem in problems if problem.is_rejection}
    return ParsedBatch(
        events=events,
        columns=columns,
        results=results,
        problems=sorted(problems, key=lambda problem: problem.row or 0),
        competitions=[codes.DIVISIONS[code] for code in divisions],
        books=codes.BOOKS,
        records=len({row.number for row in rows} | rejected),
        excerpts={row.number: ",".join(row.cells)[:500] for row in rows},
    )


def _read_header(file: File, text: lines.Text) -> None:
    """Find the columns; tell where they cannot be found.

    Raises:
        markets.connectors.payloads.BadPayload: not one line of it is text.
    """
    header: list[str] = []
    for number, cells, _ in islice(lines.split(text), ROWS_AT_MOST):
        if isinstance(cells, list):
            file.header, header = number, cells
            break
        file.tell(number, "", cells)
    if not header:
        file.problems.clear()
        raise payloads.BadPayload("a CSV file with a header in UTF-8 or Windows-1252")
    names = [cell.strip() for cell in header]
    for at, name in enumerate(names):
        if name:
            file.places.setdefault(name, at)
            file.width = at + 1
    missing = [column for column in REQUIRED if column not in file.places]
    if missing:
        file.tell(None, missing[0], csv_rows.without(missing, names))
    else:
        file.problems.clear()  # what stands before the header is met again with the rows


def _verdicts(file: File, text: lines.Text) -> Verdicts:
    """Look through all rows once; what is wrong with them is told when they are read."""
    outline = Outline()
    for row, _ in _rows(file, text):
        file.problems.clear()
        if row is not None:
            outline.add(row)
    file.problems.clear()
    return outline.verdicts(named=cells_of.season_from_name(file.name))


def _is_kept(file: File, row: Row, verdicts: Verdicts, place: int) -> bool:
    """Give a row its season and leg, or reject it for what the whole file tells."""
    row.season = verdicts.seasons[row.division]
    if verdicts.is_of_another_season(place):
        file.reject(row.number, "Date", f"a day of the season {row.season}, not {row.day:%d/%m/%Y}")
        return False
    if first := verdicts.repeats(place):
        file.reject(row.number, "Date", f"a match that is not in row {first} already")
        return False
    row.leg = int(verdicts.legs[place])
    return True


def _rows(file: File, text: lines.Text) -> Iterator[tuple[Row | None, int]]:
    """Yield each record below the header with its length; None for a rejected one."""
    held: lines.Line | None = None
    for line in lines.split(text):
        if line[0] == file.header:
            continue
        if held is not None:
            yield _read_row(file, held, is_half=False), held[2]
        held = line
    if held is not None:
        yield _read_row(file, held, is_half=text.is_cut), held[2]


def _read_row(file: File, line: lines.Line, *, is_half: bool) -> Row | None:
    number, cells, _ = line
    if isinstance(cells, str):
        file.reject(number, "", cells)
        return None
    if file.cell(cells, "Div") == "Div":
        file.reject(number, "Div", "one header, not a second one")
        return None
    if len(cells) < file.width:
        file.tell(number, "", f"{file.width} cells, not {len(cells)}: the row is cut short")
        if is_half:
            cells = cells[:-1]
    return _row(file, number, cells)


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
