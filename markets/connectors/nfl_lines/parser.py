"""From rows of lines and of their changes to facts.

A row tells three questions twice: as they opened and as they stood last.  The history repeats
what did not change in row after row; here each observation comes once, with its first row.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from operator import itemgetter
from typing import BinaryIO

from markets.connectors import csv_rows, payloads
from markets.connectors.base import (
    NO_MARK,
    OPENER,
    RECORDS_AT_MOST,
    ParsedBatch,
    ParsedBook,
    ParsedEvent,
    ParsedNotice,
    ParsedPrice,
    Reading,
)
from markets.connectors.csv_rows import Row
from markets.connectors.nfl_lines import kickoffs
from markets.connectors.nflverse.parser import COMPETITION
from markets.connectors.told import Rejected, Told
from markets.domain import formats, kinds, moments
from markets.domain.teams import NFL

REQUIRED = ("game_id", "season", "week", "home_team", "away_team")
BOOKS: Mapping[str, ParsedBook] = {
    "draftkings": ParsedBook("draftkings", "DraftKings"),
    "fanduel": ParsedBook("fanduel", "FanDuel"),
    "action-hq-consensus": ParsedBook("action_consensus", "Action consensus", kind="AGGREGATE"),
}
_SHARES = ("home_spread_tickets_pct", "home_spread_money_pct")


@dataclass(frozen=True, slots=True)
class _Group:
    """The columns of one question at one time: its line, and the price of each answer."""

    kind: str
    mark: int
    line: str
    answers: tuple[tuple[str, str], ...]
    source: str
    stamp: str

    def cells(self, places: Mapping[str, int]) -> Callable[[Sequence[str]], tuple[str, ...]]:
        """Return what takes the group's cells out of a row; none where the file lacks a column."""
        names = (self.source, self.stamp, *(column for _, column in self.answers), self.line)
        wanted = [name for name in names if name]
        known = all(name in places for name in wanted)
        return itemgetter(*(places[name] for name in wanted)) if known else _none


def _none(_: Sequence[str]) -> tuple[str, ...]:
    return ()


def _groups() -> Iterator[_Group]:
    for when, mark in (("open", OPENER), ("last", NO_MARK)):
        spread = (
            ("HOME", f"home_spread_{when}_price"),
            ("AWAY", f"away_spread_{when}_price"),
        )
        moneyline = (("HOME", f"home_ml_{when}"), ("AWAY", f"away_ml_{when}"))
        total = (("OVER", f"over_price_{when}"), ("UNDER", f"under_price_{when}"))
        for kind, line, prefix, answers in (
            ("SPREAD", f"home_spread_{when}", f"home_spread_{when}", spread),
            ("MONEYLINE", "", f"ml_{when}", moneyline),
            ("TOTAL", f"total_line_{when}", f"total_line_{when}", total),
        ):
            yield _Group(kind, mark, line, answers, f"{prefix}_source", f"{prefix}_timestamp")


GROUPS = tuple(_groups())

#: Event, kind, the cells of line, prices, source and stamp.
_Observed = tuple[str, str, tuple[str, ...]]
_Repeated = tuple[str, int, tuple[str, ...]]  # event, group, its cells


@dataclass(slots=True)
class _Portion:
    """A portion of a file: what is told, and where each observation was told first."""

    told: Told
    kickoffs: Mapping[kickoffs.Game, datetime]
    observed: dict[_Observed, list[int]] = field(default_factory=dict)  # places of its prices
    repeated: dict[_Repeated, str] = field(default_factory=dict)  # what is told of each row's
    cells: list[Callable[[Sequence[str]], tuple[str, ...]]] = field(default_factory=list)
    shared: set[str] = field(default_factory=set)

    def batch(self) -> ParsedBatch:
        return self.told.batch(competitions=(COMPETITION,))


def batches(
    stream: BinaryIO, *, reading: Reading, size: int = RECORDS_AT_MOST
) -> Iterator[ParsedBatch]:
    """Yield a file in portions of at most ``size`` records, at least one portion."""
    starts = kickoffs.beside(reading)
    portion = _Portion(Told(reading.name, reading.fetched_at), starts)

    def tell(row: int | None, field: str, message: str, *, reject: bool = False) -> None:
        portion.told.tell(row, field, message, reject=reject)

    try:
        for row in csv_rows.rows(payloads.text_lines(stream), required=REQUIRED, tell=tell):
            portion.told.records += 1
            if row is not None:
                _read(portion, row)
            if portion.told.records >= size:
                yield portion.batch()
                portion = _Portion(Told(reading.name, reading.fetched_at), starts)
    except payloads.BadPayload as wrong:
        portion.told.tell(None, "", str(wrong))
    yield portion.batch()


def _read(portion: _Portion, row: Row) -> None:
    try:
        event = _event(row)
    except Rejected as why:
        portion.told.tell(row.number, why.at, str(why), reject=True)
        return
    portion.told.events.append(event)
    portion.told.excerpts[row.number] = row.line[:300]
    start = portion.kickoffs.get(kickoffs.game(event.season, event.round, event.home, event.away))
    if not portion.cells:
        portion.cells = [group.cells(row.places) for group in GROUPS]
    for number, group in enumerate(GROUPS):
        repeated = event.ref, number, portion.cells[number](row.cells)
        late = portion.repeated.get(repeated)
        if late is None:
            late = portion.repeated[repeated] = _add_group(portion, row, event, group, start)
        if late:
            portion.told.tell(row.number, group.stamp, late)
    _add_shares(portion, row, event)


def _event(row: Row) -> ParsedEvent:
    """Return a row's game, which somebody else must have told.

    Raises:
        Rejected: it tells of none.
    """

    def rejected(column: str, expected: str) -> Rejected:
        return Rejected(column, f"{expected}, not {row[column][:60]!r}")

    home, away, game_id = row["home_team"], row["away_team"], row["game_id"]
    if not game_id or len(game_id) > 80:
        raise rejected("game_id", "an id of up to 80 characters")
    season = csv_rows.whole(row["season"], highest=2100)
    if season is None or season < 1920:
        raise rejected("season", "a year")
    week = csv_rows.whole(row["week"], highest=30)
    if not week:
        raise rejected("week", "a week from 1 to 30")
    if not home or not away or home == away:
        raise rejected("away_team", f"another team than the home side {home[:60]!r}")
    return ParsedEvent(
        ref=f"{season}|{week}|{home}|{away}",
        id=game_id,
        competition=NFL.code,
        season=str(season),
        home=home,
        away=away,
        starts_at=None,
        round=str(week),
        is_known_only=True,
        record=row.number,
    )


def _add_group(
    portion: _Portion, row: Row, event: ParsedEvent, group: _Group, start: datetime | None
) -> str:
    """Add a group's observation where it is new; return what is wrong with its moment, or ""."""
    prices = [row[column] for _, column in group.answers]
    if not any(prices):
        return ""
    line_text, source, stamp = (row[name] for name in (group.line, group.source, group.stamp))
    told = portion.told
    try:
        seen_at = moments.stamp(stamp)
    except moments.BadMoment as wrong:
        return str(wrong)
    observed = event.ref, group.kind, (line_text, *prices, source, stamp)
    places = portion.observed.get(observed)
    if places is None:
        portion.observed[observed] = _new_prices(told, row, event, group, seen_at)
    elif group.mark == OPENER:
        for place in places:
            told.prices[place] = replace(told.prices[place], mark=OPENER)
    is_late = start is not None and seen_at >= start
    said = f"{start:%Y-%m-%d %H:%M} UTC, not {stamp[:40]}" if is_late else ""
    return f"a time before the start {said}" if is_late else ""


def _new_prices(
    told: Told, row: Row, event: ParsedEvent, group: _Group, seen_at: datetime
) -> list[int]:
    """Add the prices of an observation that is new, and return their places."""
    book = BOOKS.get(row[group.source])
    if book is None:
        told.tell(row.number, group.source, f"a known book, not {row[group.source][:60]!r}")
        return []
    try:
        line = kinds.market_line(kind=group.kind, line=_line(row[group.line]))
    except kinds.BadLine as wrong:
        told.tell(row.number, group.line, str(wrong))
        return []
    told.books[book.code] = book
    first = len(told.prices)
    for role, column in group.answers:
        try:
            price = formats.american(row[column])
        except formats.BadPrice as wrong:
            told.tell(row.number, column, str(wrong))
            continue
        told.prices.append(
            ParsedPrice(
                event_ref=event.ref,
                kind=group.kind,
                line=line,
                role=role,
                book=book.code,
                price=price,
                seen_at=seen_at,
                mark=group.mark,
                record=row.number,
            )
        )
    return list(range(first, len(told.prices)))


def _line(text: str) -> Decimal | None:
    is_plain = text.isascii() and text.lstrip("-").replace(".", "", 1).isdigit() and len(text) < 9
    return Decimal(text) if is_plain else None


def _add_shares(portion: _Portion, row: Row, event: ParsedEvent) -> None:
    """Add how bets and money were divided on the spread, each published division once."""
    texts = [row[column] for column in _SHARES]
    stamp = row["home_spread_pct_timestamp"]
    ref = f"{event.id}|{stamp}"[:120]
    if not any(texts) or ref in portion.shared:
        return
    try:
        published_at = moments.stamp(stamp)
        tickets, money = (_share(text) for text in texts)
    except moments.BadMoment as wrong:
        portion.told.tell(row.number, "home_spread_pct_timestamp", str(wrong))
        return
    except ValueError as wrong:
        portion.told.tell(row.number, _SHARES[0], str(wrong))
        return
    portion.shared.add(ref)
    portion.told.notices.append(
        ParsedNotice(
            kind="PUBLIC_SHARE",
            ref=ref,
            title=f"Spread, home side: {tickets} of bets, {money} of money",
            published_at=published_at,
            event_ref=event.ref,
            data={
                "kind": "SPREAD",
                "role": "HOME",
                "tickets": tickets,
                "money": money,
                "by": row["home_spread_pcts_source"][:60],
            },
            record=row.number,
        )
    )


def _share(text: str) -> str:
    """Return a share from 0 to 1 as text with two places.

    >>> _share("0.5")
    '0.50'
    """
    value = _line(text)
    if value is None or not 0 <= value <= 1:
        raise ValueError(f"a share from 0 to 1, not {text[:40]!r}")
    return f"{value:.2f}"
