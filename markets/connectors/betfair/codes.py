"""Betfair's own words and what they mean here."""

import re
import zlib
from decimal import Decimal

from markets.connectors.base import ParsedBook

NAMESPACE = "betfair"
EXCHANGE, TRADED, STARTING = "betfair_exchange", "betfair_traded", "betfair_sp"
BOOKS = (
    ParsedBook(EXCHANGE, "Betfair Exchange", kind="EXCHANGE"),
    ParsedBook(TRADED, "Betfair last traded", kind="AGGREGATE"),
    ParsedBook(STARTING, "Betfair SP", kind="STARTING", reference_rank=2),
)

SPORTS = {
    "1": "soccer",
    "2": "tennis",
    "4": "cricket",
    "7": "horse_racing",
    "4339": "greyhound_racing",
    "6423": "american_football",
    "7522": "basketball",
}
RACING = ("horse_racing", "greyhound_racing")
THE_DRAW = "The Draw"
#: The first month of a season; sports that are not named here play by the calendar year.
SEASON_TURNS = {"soccer": 7, "basketball": 8, "american_football": 6}
_ONE_YEAR_LABEL = ("american_football",)  # "2024" is the season that began in 2024

_PLAIN = {
    "MATCH_ODDS": ("MATCH_ODDS", "FULL"),
    "HALF_TIME": ("MATCH_ODDS", "H1"),
    "ASIAN_HANDICAP": ("ASIAN_HANDICAP", "FULL"),
    "BOTH_TEAMS_TO_SCORE": ("BOTH_SCORE", "FULL"),
    "DRAW_NO_BET": ("DRAW_NO_BET", "FULL"),
    "DOUBLE_CHANCE": ("DOUBLE_CHANCE", "FULL"),
    "WIN": ("WIN", "FULL"),
    "PLACE": ("PLACE", "FULL"),
    "EACH_WAY": ("EACH_WAY", "FULL"),
    "WINNER": ("OUTRIGHT", "FULL"),
}
_GOALS = re.compile(r"(OVER_UNDER|FIRST_HALF_GOALS)_(\d)(5)")
_NUMBERED = re.compile(r"(\d{1,2})\.\s+(.+)", re.DOTALL)
_RESERVE = re.compile(r"\s+\(res\)$", re.IGNORECASE)
_RACE = re.compile(r"R(\d{1,2})\b")
_METRES = re.compile(r"(.{0,20}?)\b(\d{3,4})m\b(.{0,30})")
_CODE_AT_MOST = 30


def kind_of(market_type: str, *, runners: int) -> tuple[str, str, Decimal | None] | None:
    """Return the kind, period and line of a market type; None where it is not read.

    >>> kind_of("OVER_UNDER_25", runners=2), kind_of("CORRECT_SCORE", runners=17)
    (('TOTAL', 'FULL', Decimal('2.5')), None)
    >>> kind_of("MATCH_ODDS", runners=2)
    ('MONEYLINE', 'FULL', None)
    """
    goals = _GOALS.fullmatch(market_type)
    if goals is not None:
        period = "FULL" if goals[1] == "OVER_UNDER" else "H1"
        return "TOTAL", period, Decimal(f"{goals[2]}.{goals[3]}")
    if market_type not in _PLAIN:
        return None
    kind, period = _PLAIN[market_type]
    return ("MONEYLINE" if kind == "MATCH_ODDS" and runners == 2 else kind), period, None


def runner_name(text: str) -> tuple[str, int | None]:
    """Return a runner's name and its number on the cloth or the trap, which stands before it.

    >>> runner_name("9. Isolating"), runner_name("4. Fast Dog (Res)"), runner_name("Hazy Manor")
    (('Isolating', 9), ('Fast Dog', 4), ('Hazy Manor', None))
    """
    numbered = _NUMBERED.fullmatch(text.strip())
    name = numbered[2] if numbered is not None else text
    number = int(numbered[1]) if numbered is not None else None
    return _RESERVE.sub("", name.strip()), number


def race_number(market_name: str) -> int | None:
    """Return the race's number from a market's name.

    >>> race_number("R6 1000m Hcap"), race_number("1m Hcap")
    (6, None)
    """
    found = _RACE.match(market_name)
    return int(found[1]) if found is not None and int(found[1]) else None


def race_facts(market_name: str, *, sport: str) -> dict[str, str | int]:
    """Return what a race's market name tells: its distance in metres, and its type or grade.

    >>> race_facts("R6 1000m Hcap", sport="horse_racing")
    {'race': 'R6 1000m Hcap', 'distance': 1000, 'type': 'Hcap'}
    >>> race_facts("A5 480m", sport="greyhound_racing")
    {'race': 'A5 480m', 'distance': 480, 'grade': 'A5'}
    >>> race_facts("2m4f Hcap Chs", sport="horse_racing")
    {'race': '2m4f Hcap Chs'}
    """
    facts: dict[str, str | int] = {"race": market_name}
    told = _METRES.fullmatch(_RACE.sub("", market_name, count=1).strip())
    if told is None:
        return facts
    facts["distance"] = int(told[2])
    kind = " ".join(part for part in (told[1].strip(), told[3].strip()) if part)
    if kind:
        facts["grade" if sport == "greyhound_racing" else "type"] = kind
    return facts


def track_code(*, country: str, venue: str, sport: str) -> str:
    """Return a track's code as a competition: no longer than 30, one for each track and sport.

    >>> track_code(country="AU", venue="Ascot Park", sport="horse_racing")
    'au-ascot-park'
    >>> track_code(country="GB", venue="Sheffield", sport="greyhound_racing")
    'gb-sheffield-dogs'
    """
    plain = re.sub(r"[^a-z0-9]+", "-", venue.lower()).strip("-")
    end = "-dogs" if sport == "greyhound_racing" else ""
    code = f"{country.lower() or 'xx'}-{plain or 'x'}{end}"
    if len(code) <= _CODE_AT_MOST and venue.isascii():
        return code
    mark = f"{zlib.crc32(venue.encode()):08x}{end}"
    return f"{code[: _CODE_AT_MOST - len(mark) - 1].rstrip('-')}-{mark}"


def season_label(*, sport: str, year: int, month: int) -> str:
    """Return the label of the season that a month belongs to.

    >>> season_label(sport="soccer", year=2024, month=5)
    '2023-24'
    >>> season_label(sport="american_football", year=2025, month=2)
    '2024'
    >>> season_label(sport="horse_racing", year=2025, month=2)
    '2025'
    """
    first = year - (month < SEASON_TURNS.get(sport, 1))
    if sport in SEASON_TURNS and sport not in _ONE_YEAR_LABEL:
        return f"{first}-{(first + 1) % 100:02d}"
    return str(first)
