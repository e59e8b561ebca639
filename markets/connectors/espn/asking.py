"""What ESPN's site is asked."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from markets.connectors import payloads
from markets.connectors.base import Answer, Asked, Get
from markets.connectors.espn.documents import Document, Game
from markets.connectors.espn.parser import FINAL
from markets.domain.teams import LEAGUES, NEW_YORK

BASE = "https://site.api.espn.com/apis/site/v2/sports"
PATHS = {"NBA": "basketball/nba", "WNBA": "basketball/wnba", "NFL": "football/nfl"}
_DEFAULTS: Mapping[str, Any] = {
    "league": "",
    "leagues": (),
    "days_back": 1,
    "days_ahead": 1,
    "injuries": True,
    "summaries_at_most": 0,
}
_NUMBERS = {"days_back": 30, "days_ahead": 30, "summaries_at_most": 100}


def wrong_options(options: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with an operator's options, in words.

    >>> wrong_options({"leagues": ["WNBA"], "summaries_at_most": 20})
    []
    >>> wrong_options({"leagues": ["NHL"]})
    ['leagues: a list of NFL, NBA, WNBA']
    """
    known = ", ".join(LEAGUES)
    wrong = [f"{name}: no option of this source" for name in options if name not in _DEFAULTS]
    leagues = options.get("leagues", ())
    if not isinstance(leagues, list | tuple) or not all(name in LEAGUES for name in leagues):
        wrong.append(f"leagues: a list of {known}")
    if options.get("league", "") not in ("", *LEAGUES):
        wrong.append(f"league: one of {known}")
    for name, highest in _NUMBERS.items():
        value = options.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= highest:
            wrong.append(f"{name}: a whole number up to {highest}")
    if not isinstance(options.get("injuries", True), bool):
        wrong.append("injuries: true or false")
    return wrong


def ask(*, asked: Asked, get: Get) -> Iterator[Answer]:
    """Ask each league for the scoreboard of some days, for finished games, and for injuries."""
    options = {**_DEFAULTS, **asked.options}
    base = (asked.location or BASE).rstrip("/")
    today = asked.now.astimezone(ZoneInfo(NEW_YORK)).date()
    first = asked.since or today - timedelta(days=options["days_back"])
    last = today + timedelta(days=options["days_ahead"])
    for league in options["leagues"]:
        path = f"{base}/{PATHS[league]}"
        days = f"{first:%Y%m%d}-{last:%Y%m%d}"
        answer = get(f"{path}/scoreboard", params={"dates": days, "limit": "500"})
        yield answer
        for game_id in _finished(answer)[: options["summaries_at_most"]]:
            yield get(f"{path}/summary", params={"event": game_id}, if_changed=True)
        if options["injuries"]:
            yield get(f"{path}/injuries", if_changed=True)


def _finished(answer: Answer) -> list[str]:
    """Return the ids of the games that are over; a page that cannot be read names none."""
    payload = answer.payload.read_bytes() if isinstance(answer.payload, Path) else answer.payload
    found = []
    try:
        document: Document = payloads.json_document(payload, Document)
        for raw in document.events or ():
            game = msgspec.json.decode(raw, type=Game)
            if game.id.isascii() and game.id.isdigit() and game.status is not None:
                found += [game.id] if game.status.type.name == FINAL else []
    except (payloads.BadPayload, msgspec.DecodeError):
        return found
    return found
