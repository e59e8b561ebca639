"""Mappings that are shipped: files of known publishers that no connector of their own reads."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Preset:
    name: str
    title: str
    file_pattern: str
    spec: Mapping[str, Any] = field(repr=False)


#: What an empty form begins with: a season's matches with one book's closing prices.
EXAMPLE: Mapping[str, Any] = {
    "sport": "soccer",
    "competition": {"code": "XX1", "name": "First league", "country": "", "time_zone": "UTC"},
    "season": {"rule": "BY_DATE", "turns": 7},
    "time": {"date": "Date", "time": "Time", "date_format": "%d/%m/%Y", "time_format": "%H:%M"},
    "sides": {"home": "Home", "away": "Away"},
    "books": [{"code": "somebook", "name": "Some book", "kind": "BOOKMAKER"}],
    "prices": [
        {"kind": "MATCH_ODDS", "role": role, "book": "somebook", "column": column, "mark": "CLOSE"}
        for role, column in (("HOME", "PriceH"), ("DRAW", "PriceD"), ("AWAY", "PriceA"))
    ],
    "result": {"home": "GoalsH", "away": "GoalsA"},
}
_QUARTERS = ("Q1", "Q2", "Q3", "Q4", "OT")
_NBA_GAMES = {
    "sport": "basketball",
    "competition": {
        "code": "NBA",
        "name": "National Basketball Association",
        "country": "USA",
        "time_zone": "America/New_York",
    },
    "season": {"rule": "END_YEAR", "column": "season"},
    "time": {"date": "date", "zone": "America/New_York", "certainty": "DATE"},
    "sides": {"home": "home", "away": "away"},
    "books": [{"code": "nba_games_line", "name": "NBA games file", "kind": "AGGREGATE"}],
    "prices": [
        {
            "kind": "MONEYLINE",
            "role": role,
            "book": "nba_games_line",
            "column": column,
            "format": "AMERICAN",
            "mark": "CLOSE",
        }
        for role, column in (("HOME", "moneyline_home"), ("AWAY", "moneyline_away"))
    ],
    "result": {
        "home": "score_home",
        "away": "score_away",
        "periods": {name: [f"{name.lower()}_home", f"{name.lower()}_away"] for name in _QUARTERS},
        "overtime": "OT",
        "can_be_drawn": False,
        "known_after_hours": 16,  # of noon, as a day without a time: four in the morning
    },
    "data": [
        {
            "key": "spread",
            "column": "spread",
            "kind": "NUMBER",
            "sign": {"column": "whos_favored", "negative": ["home"]},
        },
        {"key": "total", "column": "total", "kind": "NUMBER"},
        {"key": "is_playoff", "column": "playoffs", "kind": "FLAG"},
    ],
}
_KASH_MODEL = {
    "sport": "horse_racing",
    "event": {"column": "Market", "prefix": "1."},
    "market": {"column": "Market", "prefix": "1."},
    "runner": {"id": "Selection"},
    "time": {"date": "Date", "zone": "Australia/Melbourne", "certainty": "DATE"},
    "books": [{"code": "kash_model", "name": "Kash ratings", "kind": "RATED"}],
    "prices": [
        {
            "kind": "WIN",
            "role": "RUNNER",
            "book": "kash_model",
            "column": "RP",
            "seen": {"clock": "09:00"},
        }
    ],
    "namespace": "betfair",
    "creates_events": False,
}
PRESETS = (
    Preset("nba_games", "NBA games with one line each", "games_*.csv", _NBA_GAMES),
    Preset("kash_model", "Kash ratings of Australian races", "Kash_Model_*.csv", _KASH_MODEL),
)
