"""From rows of games.csv to facts."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import BinaryIO

from markets.connectors import csv_rows, payloads
from markets.connectors.base import (
    CLOSE,
    NO_MARK,
    RECORDS_AT_MOST,
    ParsedBatch,
    ParsedBook,
    ParsedCompetition,
    ParsedEvent,
    ParsedNotice,
    ParsedPrice,
    ParsedResult,
    Reading,
)
from markets.connectors.csv_rows import Row
from markets.connectors.told import Rejected, Told
from markets.domain import formats, kinds, moments
from markets.domain.teams import NFL

REQUIRED = ("game_id", "season", "week", "gameday", "away_team", "home_team")
COMPETITION = ParsedCompetition(
    code=NFL.code, name=NFL.name, country=NFL.country, sport=NFL.sport, time_zone=NFL.time_zone
)
BOOK = ParsedBook("nflverse_close", "Consensus close (nflverse)", kind="AGGREGATE")
CLOSE_BEFORE_START = timedelta(minutes=1)
RESULT_AFTER_START = timedelta(hours=4)
RESULT_AFTER_NOON = timedelta(hours=16)  # of a day without a time: night games are over, too
FIRST_SEASON, LAST_SEASON, HIGHEST_SCORE = 1920, 2100, 199
_KEPT = ("game_type", "roof", "surface", "temp", "wind", "stadium")
#: Kind, column of its line, and of each answer its column.
_MARKETS = (
    ("MONEYLINE", "", (("HOME", "home_moneyline"), ("AWAY", "away_moneyline"))),
    ("SPREAD", "spread_line", (("HOME", "home_spread_odds"), ("AWAY", "away_spread_odds"))),
    ("TOTAL", "total_line", (("OVER", "over_odds"), ("UNDER", "under_odds"))),
)


def batches(
    stream: BinaryIO, *, reading: Reading, size: int = RECORDS_AT_MOST
) -> Iterator[ParsedBatch]:
    """Yield a file in portions of at most ``size`` records, at least one portion."""
    told = Told(reading.name, reading.fetched_at)
    seen: set[str] = set()

    def tell(row: int | None, field: str, message: str, *, reject: bool = False) -> None:
        told.tell(row, field, message, reject=reject)

    try:
        lines = payloads.text_lines(stream)
        for row in csv_rows.rows(lines, required=REQUIRED, tell=tell):
            told.records += 1
            if row is not None:
                _read(told, row, seen, reading.time_zone)
            if told.records >= size:
                yield _batch(told)
                told = Told(reading.name, reading.fetched_at)
    except payloads.BadPayload as wrong:
        told.tell(None, "", str(wrong))
    yield _batch(told)


def events(stream: BinaryIO, *, reading: Reading) -> Iterator[ParsedEvent]:
    """Yield a file's games alone, without those that are refused.

    Raises:
        markets.connectors.payloads.BadPayload: it cannot be read.
    """
    told = Told(reading.name, reading.fetched_at)
    for row in csv_rows.rows(payloads.text_lines(stream), required=REQUIRED, tell=told.tell):
        if row is not None:
            with suppress(Rejected):
                yield _event(told, row, reading.time_zone)


def _batch(told: Told) -> ParsedBatch:
    told.books[BOOK.code] = BOOK
    return told.batch(competitions=(COMPETITION,))


def _read(told: Told, row: Row, seen: set[str], zone: str) -> None:
    try:
        event = _event(told, row, zone)
    except Rejected as why:
        told.tell(row.number, why.at, str(why), reject=True)
        return
    if event.ref in seen:
        told.tell(row.number, "game_id", f"each game once, not {event.ref!r} again", reject=True)
        return
    seen.add(event.ref)
    told.events.append(event)
    told.excerpts[row.number] = row.line[:300]
    _add_prices(told, row, event)
    _add_result(told, row, event)
    _add_referee(told, row, event)


def _event(told: Told, row: Row, zone: str) -> ParsedEvent:
    """Return a row's game.

    Raises:
        Rejected: it tells of none.
    """

    def rejected(column: str, expected: str) -> Rejected:
        return Rejected(column, f"{expected}, not {row[column][:60]!r}")

    ref, home, away = row["game_id"], row["home_team"], row["away_team"]
    if not ref or len(ref) > 80:
        raise rejected("game_id", "an id of up to 80 characters")
    season = csv_rows.whole(row["season"], highest=LAST_SEASON)
    if season is None or season < FIRST_SEASON:
        raise rejected("season", "a year")
    if not home or not away or home == away:
        raise rejected("away_team", f"another team than the home side {home[:60]!r}")
    try:
        starts_at, certainty = _start(told, row, date.fromisoformat(row["gameday"]), zone)
    except ValueError as wrong:
        raise rejected("gameday", "a day from 1970 to 2100 as yyyy-mm-dd") from wrong
    return ParsedEvent(
        ref=ref,
        id=ref,
        competition=NFL.code,
        season=str(season),
        home=home,
        away=away,
        starts_at=starts_at,
        certainty=certainty,
        round=row["week"][:20],
        is_neutral=row["location"] == "Neutral",
        data=_data(row),
        record=row.number,
    )


def _start(told: Told, row: Row, day: date, zone: str) -> tuple[datetime, str]:
    """Return when a game starts and how certain that is: noon where only the day is known."""
    noon = moments.noon(day, zone)
    if row["gametime"]:
        try:
            return moments.local(day, _clock(row["gametime"]), zone), "EXACT"
        except ValueError:
            message = f"hh:mm, not {row['gametime'][:40]!r}; only the day is taken"
            told.tell(row.number, "gametime", message)
    return noon, "DATE"


def _clock(text: str) -> time:
    if not (len(text) in (4, 5) and text.isascii()):
        raise ValueError(text)
    return time.fromisoformat(text.zfill(5))


def _data(row: Row) -> dict[str, object]:
    """Return what is kept beside the game; lines without odds, as the home side's handicap."""
    kept: dict[str, object] = {name: row[name] for name in _KEPT if row[name]}
    spread, total = (_number(row[column]) for column in ("spread_line", "total_line"))
    if spread is not None and not row["home_spread_odds"]:
        kept["spread"] = f"{0 - spread:f}"
    if total is not None and not row["over_odds"]:
        kept["total"] = f"{total:f}"
    return kept


def _number(text: str) -> Decimal | None:
    is_plain = text.isascii() and text.lstrip("-").replace(".", "", 1).isdigit() and len(text) < 9
    return Decimal(text) if is_plain else None


def _add_prices(told: Told, row: Row, event: ParsedEvent) -> None:
    """Read the close; before the start, what stands there is the price of the day."""
    assert event.starts_at is not None
    close = event.starts_at - CLOSE_BEFORE_START
    is_close = close <= told.fetched_at
    for kind, line_column, answers in _MARKETS:
        if not any(row[column] for _, column in answers):
            continue
        line = None
        if line_column:
            line = _line(told, row, kind, line_column)
            if line is None:
                continue
        for role, column in answers:
            try:
                price = formats.american(row[column])
            except formats.BadPrice as wrong:
                told.tell(row.number, column, str(wrong))
                continue
            told.prices.append(
                ParsedPrice(
                    event_ref=event.ref,
                    kind=kind,
                    line=line,
                    role=role,
                    book=BOOK.code,
                    price=price,
                    seen_at=close if is_close else told.fetched_at,
                    mark=CLOSE if is_close else NO_MARK,
                    record=row.number,
                )
            )


def _line(told: Told, row: Row, kind: str, column: str) -> Decimal | None:
    """Return the market's line; the file's spread is positive where the home side is favoured."""
    told_line = _number(row[column])
    try:
        negated = -told_line if told_line is not None and kind == "SPREAD" else told_line
        return kinds.market_line(kind=kind, line=negated)
    except kinds.BadLine as wrong:
        told.tell(row.number, column, str(wrong))
        return None


def _add_result(told: Told, row: Row, event: ParsedEvent) -> None:
    texts = row["home_score"], row["away_score"]
    if not any(texts):
        return
    home, away = (csv_rows.whole(text, highest=HIGHEST_SCORE) for text in texts)
    if home is None or away is None:
        message = (
            f"both scores or none, not {row['home_score'][:20]!r} and {row['away_score'][:20]!r}"
        )
        told.tell(row.number, "home_score", message)
        return
    margin = _number(row["result"])
    if margin is not None and margin != home - away:
        told.tell(row.number, "result", f"{home - away}, as the scores say, not {margin}")
        return
    assert event.starts_at is not None
    is_exact = event.certainty == "EXACT"
    told.results.append(
        ParsedResult(
            event_ref=event.ref,
            status="FINAL",
            home_score=home,
            away_score=away,
            known_at=event.starts_at + (RESULT_AFTER_START if is_exact else RESULT_AFTER_NOON),
            had_overtime={"1": True, "0": False}.get(row["overtime"].removesuffix(".0")),
            record=row.number,
        )
    )


def _add_referee(told: Told, row: Row, event: ParsedEvent) -> None:
    if not row["referee"]:
        return
    told.notices.append(
        ParsedNotice(
            kind="REFEREE",
            ref=f"{event.ref}|referee",
            title=f"Referee: {row['referee'][:120]}",
            published_at=_told_by(event, told.fetched_at),
            event_ref=event.ref,
            person=row["referee"][:120],
            record=row.number,
        )
    )


def _told_by(event: ParsedEvent, fetched_at: datetime) -> datetime | None:
    """Return the start, by which everybody knew; nobody tells when it was published."""
    is_over = event.starts_at is not None and event.starts_at <= fetched_at
    return event.starts_at if is_over else None
