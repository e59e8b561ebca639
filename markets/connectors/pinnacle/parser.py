"""Pinnacle's payloads, taken apart; and what is asked for.  See docs/sources/pinnacle.md.

No price has a stamp: it is shown when the payload was fetched.  Match-ups name the sides, straight
markets only the match-up's id: those wait until their match-up was read.
"""

import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, BinaryIO

import msgspec

from markets.connectors import payloads
from markets.connectors.base import Answer, Asked, Get, ParsedBatch, Problem, Reading
from markets.connectors.pinnacle import codes, guest, legacy
from markets.connectors.pinnacle.shapes import Fixtures, Odds
from markets.connectors.pinnacle.told import Told

BASE = "https://guest.api.arcadia.pinnacle.com/0.1"
FORMATS = ("american", "decimal")
_OPTIONS = ("sports", "sport", "odds_format")
_SPORT = re.compile(r"sports?[/_-](\d{1,3})(?!\d)")


class Pinnacle:
    """Reads match-ups and straight markets, fixtures and odds."""

    code = namespace = "pinnacle"
    suffixes = (".json",)

    def parse(self, payload: bytes, *, name: str, fetched_at: datetime) -> ParsedBatch:
        """Take one payload apart; see ``Connector.parse``."""
        return next(self.read(io.BytesIO(payload), reading=Reading(name, fetched_at)))

    def read(self, stream: BinaryIO, *, reading: Reading) -> Iterator[ParsedBatch]:
        """Take one payload apart: one batch, as a match-up's markets lie anywhere in it."""
        is_american = reading.options.get("odds_format", "american") == "american"
        told = Told(
            reading.name, reading.fetched_at, is_american=is_american, sport=_sport(reading)
        )
        try:
            _read(stream.read(), told)
        except payloads.BadPayload as wrong:
            yield ParsedBatch(problems=[Problem(reading.name, None, "", str(wrong)[:500])])
            return
        leagues = {event.competition for event in told.events.values()}
        yield ParsedBatch(
            events=list(told.events.values()),
            prices=told.prices,
            problems=told.problems,
            competitions=[codes.COMPETITIONS[league] for league in sorted(leagues & _KNOWN)],
            books=[codes.BOOK],
            records=told.records,
            excerpts={event.record: _excerpt(event) for event in told.events.values()},
        )

    def order(self, name: str) -> tuple[Any, ...]:
        """Return what to sort by: match-ups and fixtures before their markets."""
        return (not any(word in name.lower() for word in ("matchups", "fixtures")), name)

    def check_options(self, options: Mapping[str, Any]) -> list[str]:
        """Return what is wrong with the options: ``sports`` by Pinnacle's number."""
        wrong = [f"{name}: no option of this source" for name in options if name not in _OPTIONS]
        sports = options.get("sports", [])
        if not isinstance(sports, list) or any(one not in codes.SPORT_IDS for one in sports):
            known = ", ".join(f"{number} {name}" for number, name in codes.SPORT_IDS.items())
            wrong.append(f"sports: a list of numbers: {known}")
        if "sport" in options and options["sport"] not in codes.SPORT_IDS:
            wrong.append("sport: the number of the sport of files that tell none")
        if options.get("odds_format", "american") not in FORMATS:
            wrong.append(f"odds_format: {' or '.join(FORMATS)}")
        return wrong

    def ask(self, *, asked: Asked, get: Get) -> Iterator[Answer]:
        """Ask each sport for its match-ups, then for their markets."""
        base = (asked.location or BASE).rstrip("/")
        key = asked.credentials.get("key")
        headers = {"X-API-Key": key.get_secret_value()} if key is not None else {}
        for sport in asked.options.get("sports", list(codes.SPORT_IDS)):
            for what in ("matchups", "markets/straight"):
                answer = get(
                    f"{base}/sports/{int(sport)}/{what}",
                    params={"withSpecials": "false", "primaryOnly": "false"},
                    headers=headers,
                )
                yield replace(answer, name=f"sports/{int(sport)}/{what}")


def _sport(reading: Reading) -> str:
    """Return the sport that the address or the options tell; straight markets tell none."""
    found = _SPORT.search(reading.name)
    number = int(found[1]) if found else reading.options.get("sport", 0)
    return codes.SPORTS.get(codes.SPORT_IDS.get(number, ""), "")


_KNOWN = set(codes.COMPETITIONS)


def _read(payload: bytes, told: Told) -> None:
    """Tell the shape by its structure and read it.

    Raises:
        payloads.BadPayload: it is none of the four.
    """
    document: Any = payloads.json_document(payload, list[msgspec.Raw] | dict[str, msgspec.Raw])
    if isinstance(document, list):
        if guest.are_markets(document):
            guest.markets(told, document)
        else:
            guest.matchups(told, document)
    elif "league" in document:
        legacy.fixtures(told, payloads.json_document(payload, Fixtures))
    elif "leagues" in document:
        legacy.odds(told, payloads.json_document(payload, Odds))
    else:
        raise payloads.BadPayload("match-ups, straight markets, fixtures or odds of Pinnacle")


def _excerpt(event: Any) -> str:
    sides = f" {event.home} v {event.away}, {event.competition}" if event.home else ""
    return f"match-up {event.id}{sides}"[:500]
