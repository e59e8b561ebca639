"""What the tables mean in columns: codes of their choices, and which attributes may be read.

``Event.data`` has no versions: it holds what a source said last.  So only keys that are known
with the fixture list are read here, and become numbers.  What is known at the start (weather,
closing lines) or after it is never read; a value that nobody has seen before is unknown.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

NAN = float("nan")

CERTAINTIES = ("EXACT", "ZONE", "DATE")
KINDS = (
    "MATCH_ODDS",
    "MONEYLINE",
    "SPREAD",
    "ASIAN_HANDICAP",
    "TOTAL",
    "TEAM_TOTAL",
    "BOTH_SCORE",
    "DRAW_NO_BET",
    "DOUBLE_CHANCE",
    "PLAYER_TOTAL",
    "PLAYER_LEADER",
    "WIN",
    "PLACE",
    "EACH_WAY",
    "OUTRIGHT",
)
ROLES = (
    "HOME",
    "DRAW",
    "AWAY",
    "OVER",
    "UNDER",
    "YES",
    "NO",
    "HOME_DRAW",
    "HOME_AWAY",
    "DRAW_AWAY",
    "RUNNER",
)
NOTICES = ("NEWS", "LINEUP", "INJURY", "REFEREE", "ROSTER", "WEATHER", "PUBLIC_SHARE")
#: Kinds of notices whose data are figures.
WITH_FIGURES = ("WEATHER", "PUBLIC_SHARE")
#: Events in these states are not played at the planned time.
OFF = ("POSTPONED", "CANCELLED")
BOOKS = ("BOOKMAKER", "EXCHANGE", "AGGREGATE", "STARTING", "RATED")


@dataclass(frozen=True, slots=True)
class Attribute:
    """A number made from one key of an event's data, which is known with the fixture."""

    name: str
    sport: str
    key: str
    read: Callable[[Any], float]

    def of(self, data: Mapping[str, Any]) -> float:
        """Return the number; NaN where the key is missing or its value is strange.

        >>> roof = Attribute("is_dome", "american_football", "roof", flag({"dome"}, {"outdoors"}))
        >>> roof.of({"roof": "dome"}), roof.of({"roof": "outdoors"}), roof.of({"roof": "glass"})
        (1.0, 0.0, nan)
        """
        value = data.get(self.key)
        if value is None or value == "":
            return NAN
        return self.read(value)


def flag(yes: set[str], no: set[str]) -> Callable[[Any], float]:
    """Return what reads 1 for some words, 0 for others, and NaN for a word never seen."""

    def read(value: Any) -> float:
        word = str(value).strip().lower()
        return 1.0 if word in yes else 0.0 if word in no else NAN

    return read


def truth(value: Any) -> float:
    """Read a yes or no, as JSON or as text.

    >>> truth(True), truth("false"), truth("perhaps")
    (1.0, 0.0, nan)
    """
    return flag({"true", "1", "yes"}, {"false", "0", "no"})(value)


def number(value: Any) -> float:
    """Read a plain number; whatever else stands there is unknown.

    >>> number("1200"), number(1200), number("1e400"), number("far")
    (1200.0, 1200.0, nan, nan)
    """
    try:
        found = float(value)
    except (TypeError, ValueError):
        return NAN
    return found if abs(found) < 1e12 else NAN


def race_class(value: Any) -> float:
    """Read the class of a class race.

    >>> race_class("CL3"), race_class("Mdn")
    (3.0, nan)
    """
    word = str(value).strip().upper()
    return float(word[2:]) if word[:2] == "CL" and word[2:].isdigit() else NAN


def race_group(value: Any) -> float:
    """Read how good the company is: a group race 3, 2, 1, a listed one 4; others are 5.

    >>> race_group("Grp1"), race_group("Listed"), race_group("Hcap"), race_group("Odd")
    (1.0, 4.0, 5.0, nan)
    """
    word = str(value).strip().lower()
    if word == "listed":
        return 4.0
    if word[:3] == "grp":
        return float(word[3:]) if word[3:] in ("1", "2", "3") else 3.0
    return 5.0 if word in _PLAIN else NAN


_PLAIN = {
    "hcap",
    "mdn",
    "2yo",
    "3yo",
    "cup",
    "qlty",
    "hrd",
    "stpl",
    *(f"cl{n}" for n in range(1, 7)),
}
_RACES = _PLAIN | {"listed", "grp", "grp1", "grp2", "grp3"}
_GRASS = {"grass", "dessograss"}
_CARPET = {"fieldturf", "astroturf", "sportturf", "matrixturf", "astroplay", "a_turf"}
_ROOFS = {"dome", "outdoors", "open", "closed", "retractable"}
_LATER = {"wc", "div", "con", "sb"}
_FOOTBALL, _BASKETBALL, _HORSES = "american_football", "basketball", "horse_racing"

ATTRIBUTES = (
    Attribute("is_dome", _FOOTBALL, "roof", flag({"dome"}, _ROOFS - {"dome"})),
    Attribute(
        "is_retractable",
        _FOOTBALL,
        "roof",
        flag({"open", "closed", "retractable"}, {"dome", "outdoors"}),
    ),
    Attribute("is_grass", _FOOTBALL, "surface", flag(_GRASS, _CARPET)),
    Attribute("is_playoff", _FOOTBALL, "game_type", flag(_LATER, {"reg"})),
    Attribute("is_playoff", _BASKETBALL, "is_playoff", truth),
    Attribute("distance", _HORSES, "distance", number),
    Attribute("is_maiden", _HORSES, "type", flag({"mdn"}, _RACES - {"mdn"})),
    Attribute("is_handicap", _HORSES, "type", flag({"hcap"}, _RACES - {"hcap"})),
    Attribute("race_class", _HORSES, "type", race_class),
    Attribute("race_group", _HORSES, "type", race_group),
)


def attributes_of(sport: str) -> tuple[Attribute, ...]:
    """Return what may be read of a sport's events."""
    return tuple(attribute for attribute in ATTRIBUTES if attribute.sport == sport)


def round_number(text: str) -> int:
    """Return the number in a round's name, -1 where there is none.

    >>> round_number("22"), round_number("R3"), round_number("Final")
    (22, 3, -1)
    """
    digits = text.strip().lstrip("Rr")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 6 else -1
