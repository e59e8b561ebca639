"""Starts of games from nflverse's table where it lies beside the lines, which tell none."""

from collections.abc import Mapping
from datetime import datetime
from io import BytesIO

from markets.connectors import payloads
from markets.connectors.base import Reading
from markets.connectors.nflverse import parser
from markets.domain.teams import NFL

BESIDE = "games.csv"

Game = tuple[str, str, str, str]  # season, week, home, away: by the names that we use


def beside(reading: Reading) -> Mapping[Game, datetime]:
    """Return the starts that are known exactly; none where the table does not lie there."""
    payload = reading.companion(BESIDE) if reading.companion is not None else None
    if payload is None:
        return {}
    table = Reading(name=BESIDE, fetched_at=reading.fetched_at, time_zone=NFL.time_zone)
    try:
        return {
            game(event.season, event.round, event.home, event.away): event.starts_at
            for event in parser.events(BytesIO(payload), reading=table)
            if event.starts_at is not None and event.certainty == "EXACT"
        }
    except payloads.BadPayload:
        return {}


def game(season: str, week: str, home: str, away: str) -> Game:
    """Return a game by the names that we use.

    >>> game("2024", "1", "LV", "OAK") == game("2024", "1", "OAK", "LV")
    True
    """
    return season, week, NFL.by_name.get(home, home), NFL.by_name.get(away, away)
