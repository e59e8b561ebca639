"""Races put together from their runners' lines: event, markets, prices, result."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np

from markets.connectors.base import (
    CLOSE,
    NO_MARK,
    ParsedBatch,
    ParsedCompetition,
    ParsedEvent,
    ParsedMarket,
    ParsedPerson,
    ParsedResult,
    ParsedRunnerResult,
)
from markets.connectors.betfair import codes
from markets.connectors.betfair_bsp.rows import REMOVED, WINNER, Row, Sheet
from markets.connectors.columns import PriceColumns, PriceKey, microseconds
from markets.domain import kinds

BEFORE_THE_OFF = timedelta(seconds=1)
RESULT_AFTER_START = timedelta(minutes=15)
NEAR = 0.25  # how close to a whole number a book of place prices must be
_SPORT = "horse_racing"
_NEW_ZEALAND = "NZ"
_BOOKS = (codes.EXCHANGE, codes.TRADED, codes.STARTING)
_ZONES = {
    "NZ": "Pacific/Auckland", "NSW": "Australia/Sydney", "ACT": "Australia/Sydney",
    "VIC": "Australia/Melbourne", "QLD": "Australia/Brisbane", "SA": "Australia/Adelaide",
    "WA": "Australia/Perth", "TAS": "Australia/Hobart", "NT": "Australia/Darwin",
}  # fmt: skip


class Gathering:
    """The facts of many races."""

    def __init__(self, sheet: Sheet) -> None:
        self._sheet = sheet
        self._events: list[ParsedEvent] = []
        self._markets: list[ParsedMarket] = []
        self._results: list[ParsedResult] = []
        self._competitions: dict[str, ParsedCompetition] = {}
        self._keys: dict[PriceKey, int] = {}
        self._rows: list[tuple[int, int, int, int, int, int]] = []

    def add(self, rows: Sequence[Row]) -> None:
        """Take one race; a runner told twice counts once."""
        runners = self._once(rows)
        first = runners[0]
        country = country_of(first.state)
        competition = _competition(first, country)
        self._competitions[competition.code] = competition
        event = _event(runners, competition.code)
        self._events.append(event)
        people = {row.selection_id: _person(row, country) for row in runners}
        self._market(event, "WIN", f"1.{first.win_id}", runners, people)
        placed = [row for row in runners if row.place_id]
        if placed:
            self._market(event, "PLACE", f"1.{placed[0].place_id}", placed, people)
        for row in runners:
            self._prices(event, row)
        self._result(event, runners, people)

    def _once(self, rows: Sequence[Row]) -> list[Row]:
        """Keep one row of each runner: the one that knows how it was placed, else the first.

        A race stands more than once in a file where its place market was made anew.
        """
        kept: dict[str, Row] = {}
        for row in rows:
            before = kept.setdefault(row.selection_id, row)
            if before is not row and row.place_result and not before.place_result:
                kept[row.selection_id] = row
        for row in rows:
            best = kept[row.selection_id]
            if best is not row:
                self._sheet.tell(
                    row.record,
                    "SELECTION_ID",
                    f"a runner that is not in row {best.record} already",
                    is_rejection=True,
                )
        return sorted(kept.values(), key=lambda row: row.record)

    def _market(
        self,
        event: ParsedEvent,
        kind: str,
        market_id: str,
        rows: Sequence[Row],
        people: dict[str, ParsedPerson],
    ) -> None:
        self._markets.append(
            ParsedMarket(
                event_ref=event.ref,
                kind=kind,
                places=places(rows) if kind == "PLACE" else None,
                id=market_id,
                runners=[people[row.selection_id] for row in rows],
                record=rows[0].record,
            )
        )

    def _prices(self, event: ParsedEvent, row: Row) -> None:
        assert event.starts_at is not None
        off = (event.started_at or event.starts_at) - BEFORE_THE_OFF
        planned = event.starts_at - BEFORE_THE_OFF
        self._price(event, row, "WIN", codes.STARTING, "WIN_BSP", off, CLOSE)
        self._price(event, row, "WIN", codes.TRADED, "WIN_PREPLAY_LAST_PRICE_TAKEN", off)
        self._price(event, row, "WIN", codes.EXCHANGE, "BEST_AVAIL_BACK_AT_SCHEDULED_OFF", planned)
        if row.place_id:
            self._price(event, row, "PLACE", codes.STARTING, "PLACE_BSP", off, CLOSE)
            self._price(event, row, "PLACE", codes.TRADED, "PLACE_LAST_PRICE_TAKEN", off)

    def _price(
        self,
        event: ParsedEvent,
        row: Row,
        kind: str,
        book: str,
        column: str,
        at: datetime,
        mark: int = NO_MARK,
    ) -> None:
        price = row.prices.get(column)
        if price is None:
            return
        runner = f"#{row.selection_id}"
        key: PriceKey = (event.ref, kind, "FULL", None, "", "", kinds.RUNNER, runner)
        number = self._keys.setdefault(key, len(self._keys))
        self._rows.append(
            (number, _BOOKS.index(book), int(price * 1000), microseconds(at), mark, row.record)
        )

    def _result(
        self, event: ParsedEvent, rows: Sequence[Row], people: dict[str, ParsedPerson]
    ) -> None:
        if not any(row.win_result == WINNER for row in rows):
            if any(row.win_result for row in rows):
                self._sheet.tell(
                    rows[0].record, "WIN_RESULT", "a winner among the runners; no result taken"
                )
            return
        assert event.starts_at is not None
        self._results.append(
            ParsedResult(
                event_ref=event.ref,
                status="FINAL",
                home_score=None,
                away_score=None,
                known_at=(event.started_at or event.starts_at) + RESULT_AFTER_START,
                runners=[
                    ParsedRunnerResult(
                        people[row.selection_id],
                        is_winner=_is(WINNER, row.win_result),
                        is_placed=_is(WINNER, row.place_result),
                        is_removed=row.win_result == REMOVED,
                    )
                    for row in rows
                ],
                record=rows[0].record,
            )
        )

    def as_batch(self, *, records: int) -> ParsedBatch:
        """Return what was gathered, and empty the sheet of its problems."""
        problems, self._sheet.problems = self._sheet.problems, []
        columns = np.array(self._rows, dtype=np.int64).reshape(-1, 6).T
        return ParsedBatch(
            events=self._events,
            results=self._results,
            problems=sorted(problems, key=lambda problem: problem.row or 0),
            competitions=list(self._competitions.values()),
            books=codes.BOOKS,
            markets=self._markets,
            columns=PriceColumns(list(self._keys), _BOOKS, *columns),
            records=records,
        )


def country_of(state: str) -> str:
    """Return the country of a state's code: New Zealand is told as one of them.

    >>> country_of("NZ"), country_of("WA")
    ('NZ', 'AU')
    """
    return "NZ" if state == _NEW_ZEALAND else "AU"


def places(rows: Sequence[Row]) -> int | None:
    """Return how many places a place market pays, None where nothing tells it.

    The starting prices of a market that pays k places have a book near k, for the exchange takes
    no margin on them; where they are missing or the book is between two numbers, the runners
    that were placed are counted.  The book goes first, because a dead heat for the last place
    places one runner more than the market has places.

    Source: Betfair, "What is the Betfair Starting Price": stakes and liabilities are balanced.
    """
    placed = sum(row.place_result == WINNER for row in rows)
    prices = [row.prices.get("PLACE_BSP") for row in rows if row.place_result]
    if not placed:
        return None
    if any(price is None for price in prices):
        return placed
    book = sum(1 / float(price or Decimal(1)) for price in prices)
    return round(book) if abs(book - round(book)) <= NEAR and 0 < round(book) <= placed else placed


def _is(what: str, told: str) -> bool | None:
    return None if told in ("", REMOVED) else told == what


def _competition(row: Row, country: str) -> ParsedCompetition:
    return ParsedCompetition(
        code=codes.track_code(country=country, venue=row.track, sport=_SPORT),
        name=f"{row.track} ({row.state or country})",
        country=country,
        sport=_SPORT,
        time_zone=_ZONES.get(row.state, "Australia/Melbourne"),
    )


def _event(rows: Sequence[Row], competition: str) -> ParsedEvent:
    first = rows[0]
    data = {"race": first.race_name, "type": first.race_type, "distance": first.distance}
    return ParsedEvent(
        ref=f"1.{first.win_id}",
        competition=competition,
        season=str(first.day.year),
        starts_at=first.starts_at,
        started_at=first.started_at,
        status="FINISHED" if any(row.win_result == WINNER for row in rows) else "SCHEDULED",
        record=first.record,
        id=f"1.{first.win_id}",
        round=f"R{first.race}",
        meeting_date=first.day,
        race_number=first.race,
        name=f"{first.track} {first.day} R{first.race}",
        certainty="ZONE",
        data={name: value for name, value in data.items() if value},
    )


def _person(row: Row, country: str) -> ParsedPerson:
    return ParsedPerson(
        name=row.name,
        id=row.selection_id,
        country=country,
        qualifier=country,
        number=row.number,
    )
