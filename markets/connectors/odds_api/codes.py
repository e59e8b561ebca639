"""The words of The Odds API: sports, markets, books, and what they are here.

Source: the publisher's lists of sports and betting markets, https://the-odds-api.com
"""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

from markets.connectors.base import ParsedBook, ParsedCompetition
from markets.domain import us_seasons
from markets.domain.teams import LEAGUES

#: What an outcome's name is: a side, a side with a handicap, Over or Under, Over or Under of a
#: team or a player, Yes or No, two of three results, a runner, Yes to a
#: player being the first or last, Yes or No to a player doing it at all.
Shape = Literal[
    "SIDES",
    "HANDICAP",
    "TOTAL",
    "TEAM_TOTAL",
    "PLAYER",
    "YES_NO",
    "TWO_OF_THREE",
    "RUNNERS",
    "LEADER",
    "PLAYER_DOES",
]


@dataclass(frozen=True, slots=True)
class Question:
    """What a market key asks."""

    kind: str
    shape: Shape
    period: str = "FULL"
    statistic: str = ""
    is_main: bool = True  # one line at a time

    @property
    def is_pair(self) -> bool:
        """Say whether both of its answers stand on one line."""
        return self.is_main and self.shape in ("HANDICAP", "TOTAL")


_LEAGUE_KEYS = {
    "americanfootball_nfl": "NFL",
    "basketball_nba": "NBA",
    "basketball_wnba": "WNBA",
}
_SOCCER = {
    "soccer_epl": ("E0", "Premier League", "England", "Europe/London"),
    "soccer_efl_champ": ("E1", "Championship", "England", "Europe/London"),
    "soccer_england_league1": ("E2", "League One", "England", "Europe/London"),
    "soccer_england_league2": ("E3", "League Two", "England", "Europe/London"),
    "soccer_spl": ("SC0", "Premiership", "Scotland", "Europe/London"),
    "soccer_germany_bundesliga": ("D1", "Bundesliga", "Germany", "Europe/Berlin"),
    "soccer_germany_bundesliga2": ("D2", "2. Bundesliga", "Germany", "Europe/Berlin"),
    "soccer_italy_serie_a": ("I1", "Serie A", "Italy", "Europe/Rome"),
    "soccer_italy_serie_b": ("I2", "Serie B", "Italy", "Europe/Rome"),
    "soccer_spain_la_liga": ("SP1", "La Liga", "Spain", "Europe/Madrid"),
    "soccer_spain_segunda_division": ("SP2", "La Liga 2", "Spain", "Europe/Madrid"),
    "soccer_france_ligue_one": ("F1", "Ligue 1", "France", "Europe/Paris"),
    "soccer_france_ligue_two": ("F2", "Ligue 2", "France", "Europe/Paris"),
    "soccer_netherlands_eredivisie": ("N1", "Eredivisie", "Netherlands", "Europe/Amsterdam"),
    "soccer_belgium_first_div": ("B1", "Pro League", "Belgium", "Europe/Brussels"),
    "soccer_portugal_primeira_liga": ("P1", "Primeira Liga", "Portugal", "Europe/Lisbon"),
    "soccer_turkey_super_league": ("T1", "Süper Lig", "Turkey", "Europe/Istanbul"),
    "soccer_greece_super_league": ("G1", "Super League", "Greece", "Europe/Athens"),
}
COMPETITIONS: dict[str, ParsedCompetition] = {
    key: ParsedCompetition(
        code=league,
        name=LEAGUES[league].name,
        country=LEAGUES[league].country,
        sport=LEAGUES[league].sport,
        time_zone=LEAGUES[league].time_zone,
        alias=key,
    )
    for key, league in _LEAGUE_KEYS.items()
} | {
    key: ParsedCompetition(code=code, name=name, country=country, time_zone=zone, alias=key)
    for key, (code, name, country, zone) in _SOCCER.items()
}
#: Sports whose usual rule leaves no draw: there a price on the draw is one of regulation time.
_NO_DRAWS = ("basketball_", "icehockey_", "baseball_")
_BASES: dict[str, tuple[str, Shape]] = {
    "h2h": ("MONEYLINE", "SIDES"),
    "h2h_3_way": ("MATCH_ODDS", "SIDES"),
    "spreads": ("SPREAD", "HANDICAP"),
    "totals": ("TOTAL", "TOTAL"),
    "team_totals": ("TEAM_TOTAL", "TEAM_TOTAL"),
    "btts": ("BOTH_SCORE", "YES_NO"),
    "draw_no_bet": ("DRAW_NO_BET", "SIDES"),
    "double_chance": ("DOUBLE_CHANCE", "TWO_OF_THREE"),
    "outrights": ("OUTRIGHT", "RUNNERS"),
}
_PERIODS = ("h1", "h2", "q1", "q2", "q3", "q4")
#: Players' markets without a line: who is the first or last to do it, and who does it at all.
_LEADERS = {
    "player_first_basket": "first_basket",
    "player_first_td": "first_td",
    "player_last_td": "last_td",
    "player_first_goal_scorer": "first_goal",
    "player_last_goal_scorer": "last_goal",
}
_DOERS = {
    "player_anytime_td": "tds",
    "player_goal_scorer_anytime": "goals",
    "player_double_double": "double_double",
    "player_triple_double": "triple_double",
}
#: Prices at which one lays; a price here is one at which one backs.
LAID = ("h2h_lay", "outrights_lay")
EXCHANGES = ("betfair_ex_au", "betfair_ex_eu", "betfair_ex_uk", "matchbook", "smarkets", "novig")


@lru_cache(maxsize=4_096)
def question(key: str, sport_key: str, has_draw: bool) -> Question | None:
    """Return what a market key asks, or None where that is not read.

    >>> question("h2h", "soccer_epl", True).kind
    'MATCH_ODDS'
    >>> asked = question("player_points_rebounds_q1", "basketball_nba", False)
    >>> asked.kind, asked.period, asked.statistic
    ('PLAYER_TOTAL', 'Q1', 'points_rebounds')
    >>> question("player_first_td", "americanfootball_nfl", False).kind
    'PLAYER_LEADER'
    >>> question("spreads", "soccer_epl", False).kind
    'ASIAN_HANDICAP'
    >>> question("batter_home_runs", "baseball_mlb", False) is None
    True
    """
    base, _, suffix = key.rpartition("_")
    base, period = (base, suffix.upper()) if base and suffix in _PERIODS else (key, "FULL")
    if base in _LEADERS:
        return Question("PLAYER_LEADER", "LEADER", period, _LEADERS[base], is_main=False)
    if base in _DOERS:
        return Question("PLAYER_TOTAL", "PLAYER_DOES", period, _DOERS[base], is_main=False)
    if base.startswith("player_"):
        statistic = base.removeprefix("player_").removesuffix("_alternate")
        if not statistic.isidentifier() or len(statistic) > 40:
            return None
        return Question("PLAYER_TOTAL", "PLAYER", period, statistic, is_main=False)
    is_main = not base.startswith("alternate_")
    found = _BASES.get(base.removeprefix("alternate_"))
    if found is None:
        return None
    kind, shape = found
    is_soccer = sport_key.startswith("soccer_")
    if kind == "MONEYLINE" and (has_draw or is_soccer):
        kind = "MATCH_ODDS"
    if kind == "MATCH_ODDS" and period == "FULL" and sport_key.startswith(_NO_DRAWS):
        period = "REG"
    if kind == "SPREAD" and is_soccer:
        kind = "ASIAN_HANDICAP"
    return Question(kind, shape, period, is_main=is_main)


def book(key: str, title: str) -> ParsedBook:
    """Return a book as The Odds API names it."""
    return _book(key, " ".join(title.split())[:60] or key)


@lru_cache(maxsize=4_096)
def _book(key: str, name: str) -> ParsedBook:
    kind = "EXCHANGE" if key in EXCHANGES else "BOOKMAKER"
    return ParsedBook(key, name, kind=kind, reference_rank=1 if key == "pinnacle" else None)


def season(sport_key: str, starts_at: datetime) -> str:
    """Return the label of the season that a start belongs to.

    >>> from datetime import UTC
    >>> season("basketball_nba", datetime(2024, 1, 1, 2, 0, tzinfo=UTC))
    '2023-24'
    >>> season("soccer_epl", datetime(2024, 5, 19, 15, 0, tzinfo=UTC))
    '2023-24'
    """
    competition = COMPETITIONS.get(sport_key)
    if competition is not None and competition.sport == "soccer":
        day = starts_at.astimezone(ZoneInfo(competition.time_zone))
        return us_seasons.over_new_year(day.year - (day.month < 7))
    league = competition.code if competition is not None else sport_key
    return us_seasons.of_start(league=league, starts_at=starts_at)
