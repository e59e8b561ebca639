"""From games of The Odds API to facts: events, prices as columns, results."""

from datetime import datetime
from functools import lru_cache

from markets.connectors.base import (
    ParsedBatch,
    ParsedEvent,
    ParsedResult,
    Reading,
)
from markets.connectors.columns import microseconds
from markets.connectors.odds_api import codes, quotes
from markets.connectors.odds_api.documents import Document, Game
from markets.connectors.told import Rejected, Told
from markets.domain import moments

HIGHEST_SCORE, LONGEST_NAME = 999, 120


def batch(document: Document, *, first: int, reading: Reading) -> ParsedBatch:
    """Take an answer's games apart; the first of them has the number ``first``."""
    told = Told(reading.name, reading.fetched_at)
    if document.wrong:
        told.tell(None, "", document.wrong)
    told_at = _moment(told, None, "timestamp", document.timestamp)
    looked_at = told_at or reading.fetched_at
    collected = quotes.Quotes(told)
    competitions = {}
    for record, game in enumerate(document.games, start=first):
        if isinstance(game, str):
            told.tell(record, "", game, reject=True)
            continue
        event = _event(told, record, game, told_at)
        if isinstance(event, Rejected):
            told.tell(record, event.at, str(event), reject=True)
            continue
        if game.sport_key in codes.COMPETITIONS:
            competitions[game.sport_key] = codes.COMPETITIONS[game.sport_key]
        told.events.append(event)
        collected.add(record, game)
        if game.completed and game.scores is not None:
            _result(told, record, game)
    columns = collected.columns(
        looked_at_us=microseconds(looked_at),
        odds_format=str(reading.options.get("oddsFormat", "")),
    )
    told.records = len(document.games)
    return told.batch(
        columns=columns,
        markets=collected.runners({event.ref: event.record for event in told.events}),
        competitions=tuple(competitions.values()),
    )


def _event(told: Told, record: int, game: Game, told_at: datetime | None) -> ParsedEvent | Rejected:
    """Return a game's event, or what the game would need to be one."""
    home, away = " ".join((game.home_team or "").split()), " ".join((game.away_team or "").split())
    told.excerpts[record] = f"{away} at {home}, {game.commence_time}, {game.sport_key}"[:500]
    if not 0 < len(game.id) <= 80:
        return Rejected("id", f"an id of up to 80 characters, not {game.id[:40]!r}")
    try:
        starts_at, season = _start(game.sport_key, game.commence_time)
    except moments.BadMoment as wrong:
        return Rejected("commence_time", str(wrong))
    is_outright = not home and not away
    if not is_outright and (not home or not away or home == away):
        return Rejected("home_team", "two sides, or none where somebody wins outright")
    for at, side in (("home_team", home), ("away_team", away)):
        if len(side) > LONGEST_NAME or not side.isprintable():
            expected = f"a name of up to {LONGEST_NAME} printable characters"
            return Rejected(at, f"{expected}, not {side[:40]!r}")
    known = codes.COMPETITIONS.get(game.sport_key)
    return ParsedEvent(
        ref=game.id,
        id=game.id,
        competition=known.code if known is not None else game.sport_key,
        season=season,
        home=home,
        away=away,
        name=(" ".join(game.sport_title.split()) or game.sport_key)[:250] if is_outright else "",
        starts_at=starts_at,
        record=record,
        known_at=told_at,
    )


@lru_cache(maxsize=16_384)
def _start(sport_key: str, commence_time: str | int) -> tuple[datetime, str]:
    starts_at = moments.stamp(commence_time)
    return starts_at, codes.season(sport_key, starts_at)


def _result(told: Told, record: int, game: Game) -> None:
    scores = {score.name: score.score for score in game.scores or ()}
    points = [_points(scores.get(side)) for side in (game.home_team or "", game.away_team or "")]
    home, away = points
    if home is None or away is None:
        told.tell(record, "scores", f"a whole score up to {HIGHEST_SCORE} of both sides")
        return
    known_at = _moment(told, record, "last_update", game.last_update)
    told.results.append(
        ParsedResult(game.id, "FINAL", home, away, known_at=known_at, record=record)
    )


def _points(value: object) -> int | None:
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    is_whole = text.isascii() and text.isdigit() and len(text) <= 3
    return int(text) if is_whole else None


def _moment(told: Told, record: int | None, at: str, value: str | int | None) -> datetime | None:
    if value is None:
        return None
    try:
        return moments.stamp(value)
    except moments.BadMoment as wrong:
        told.tell(record, at, str(wrong))
        return None
