"""Reads files of starting prices in portions of whole races."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from io import BytesIO
from typing import Any, BinaryIO

from markets.connectors import payloads
from markets.connectors.base import RECORDS_AT_MOST, ParsedBatch, Reading
from markets.connectors.betfair import codes
from markets.connectors.betfair.batches import joined
from markets.connectors.betfair_bsp.races import Gathering
from markets.connectors.betfair_bsp.rows import Row, Sheet

USUAL_ZONE = "Australia/Melbourne"
_ROOM_FOR_A_RACE = 200


class BetfairBsp:
    """Reads Betfair's monthly files of runners with their starting prices and results."""

    code = "betfair_bsp"
    namespace = codes.NAMESPACE
    suffixes = (".csv",)

    def parse(self, payload: bytes, *, name: str, fetched_at: datetime) -> ParsedBatch:
        """Take one whole file apart by the usual clocks; see ``Connector.parse``."""
        reading = Reading(name=name, fetched_at=fetched_at, time_zone=USUAL_ZONE)
        return joined(list(self.read(BytesIO(payload), reading=reading)))

    def read(self, stream: BinaryIO, *, reading: Reading) -> Iterator[ParsedBatch]:
        """Take a file apart in portions; see ``ReadingConnector.read``."""
        sheet = Sheet(reading.name, reading.time_zone)
        lines = _lines(sheet, stream)
        _, header = next(lines, (0, ""))
        if sheet.problems or not sheet.read_header(header.split(",")):
            yield ParsedBatch(problems=sheet.problems)
            return
        yield from _portions(sheet, lines)

    def order(self, name: str) -> tuple[Any, ...]:
        """Return files by name: their months."""
        return (name,)

    def check_options(self, options: Mapping[str, Any]) -> list[str]:
        """Return what is wrong: this source has no options but its time zone."""
        return [f"no option {key!r}: this source has none" for key in options]


def _portions(sheet: Sheet, lines: Iterator[tuple[int, str]]) -> Iterator[ParsedBatch]:
    """Gather whole races; one that is still being told goes into the next portion."""
    races: dict[str, list[Row]] = {}
    done: dict[str, int] = {}
    records = 0
    for number, line in lines:
        records += 1
        row = _row(sheet, number, line)
        if row is None:
            continue
        if row.win_id in done:
            sheet.tell(
                number,
                "WIN_MARKET_ID",
                f"a runner beside the others of its race, which ended in row {done[row.win_id]}",
                is_rejection=True,
            )
            continue
        if records > RECORDS_AT_MOST - _ROOM_FOR_A_RACE and row.win_id not in races:
            yield _gathered(sheet, races, records - 1)
            done |= {win_id: rows[-1].record for win_id, rows in races.items()}
            races, records = {}, 1
        races.setdefault(row.win_id, []).append(row)
    yield _gathered(sheet, races, records)


def _gathered(sheet: Sheet, races: Mapping[str, list[Row]], records: int) -> ParsedBatch:
    gathering = Gathering(sheet)
    for rows in races.values():
        gathering.add(rows)
    return gathering.as_batch(records=records)


def _lines(sheet: Sheet, stream: BinaryIO) -> Iterator[tuple[int, str]]:
    """Return the lines that hold anything, by their number, as far as they can be read."""
    try:
        for number, line in payloads.text_lines(stream):
            if line.strip(" \t,"):
                yield number, line
    except payloads.BadPayload as bad:
        sheet.tell(None, "", str(bad))


def _row(sheet: Sheet, number: int, line: str) -> Row | None:
    if "\0" in line:
        sheet.tell(number, "", "text without NUL bytes", is_rejection=True)
        return None
    return sheet.row(number, line)
