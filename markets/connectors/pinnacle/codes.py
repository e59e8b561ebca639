"""The words of Pinnacle: sports, leagues, periods, and what they are here."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from markets.connectors.base import ParsedBook, ParsedCompetition
from markets.domain.teams import LEAGUES

BOOK = ParsedBook("pinnacle", "Pinnacle", reference_rank=1)
SPORTS = {
    "Soccer": "soccer",
    "Football": "american_football",
    "Basketball": "basketball",
    "Tennis": "tennis",
}
SPORT_IDS = {29: "Soccer", 15: "Football", 4: "Basketball", 33: "Tennis"}
_HALVES = {0: "FULL", 1: "H1", 2: "H2"}
_QUARTERS = {**_HALVES, 3: "Q1", 4: "Q2", 5: "Q3", 6: "Q4"}
PERIODS: dict[str, dict[int, str]] = {
    "soccer": _HALVES,
    "american_football": _QUARTERS,
    "basketball": _QUARTERS,
    "tennis": {0: "FULL", 1: "SET1", 2: "SET2", 3: "SET3", 4: "SET4", 5: "SET5"},
}
_SOCCER = {
    "England - Premier League": ("E0", "Premier League", "England", "Europe/London"),
    "England - Championship": ("E1", "Championship", "England", "Europe/London"),
    "England - League 1": ("E2", "League One", "England", "Europe/London"),
    "England - League 2": ("E3", "League Two", "England", "Europe/London"),
    "Scotland - Premiership": ("SC0", "Premiership", "Scotland", "Europe/London"),
    "Germany - Bundesliga": ("D1", "Bundesliga", "Germany", "Europe/Berlin"),
    "Germany - Bundesliga 2": ("D2", "2. Bundesliga", "Germany", "Europe/Berlin"),
    "Italy - Serie A": ("I1", "Serie A", "Italy", "Europe/Rome"),
    "Italy - Serie B": ("I2", "Serie B", "Italy", "Europe/Rome"),
    "Spain - La Liga": ("SP1", "La Liga", "Spain", "Europe/Madrid"),
    "Spain - Segunda Division": ("SP2", "La Liga 2", "Spain", "Europe/Madrid"),
    "France - Ligue 1": ("F1", "Ligue 1", "France", "Europe/Paris"),
    "France - Ligue 2": ("F2", "Ligue 2", "France", "Europe/Paris"),
    "Netherlands - Eredivisie": ("N1", "Eredivisie", "Netherlands", "Europe/Amsterdam"),
    "Belgium - Pro League": ("B1", "Pro League", "Belgium", "Europe/Brussels"),
    "Portugal - Primeira Liga": ("P1", "Primeira Liga", "Portugal", "Europe/Lisbon"),
    "Turkey - Super League": ("T1", "Süper Lig", "Turkey", "Europe/Istanbul"),
    "Greece - Super League": ("G1", "Super League", "Greece", "Europe/Athens"),
}
#: Leagues that may be brought into being, by Pinnacle's name; any other waits to be mapped.
COMPETITIONS: dict[str, ParsedCompetition] = {
    alias: ParsedCompetition(code, name, country, "soccer", zone, alias=alias)
    for alias, (code, name, country, zone) in _SOCCER.items()
} | {
    league.code: ParsedCompetition(
        league.code, league.name, league.country, league.sport, league.time_zone, alias=league.code
    )
    for league in LEAGUES.values()
}
_EASTERN = "America/New_York"
_ONE_YEAR = ("WNBA",)


def season(sport: str, league: str, starts_at: datetime) -> str:
    """Return the label of the season that a start belongs to.

    >>> from datetime import UTC
    >>> season("basketball", "NBA", datetime(2027, 1, 2, 1, 0, tzinfo=UTC))
    '2026-27'
    >>> season("american_football", "NFL", datetime(2027, 2, 8, 23, 30, tzinfo=UTC))
    '2026'
    """
    competition = COMPETITIONS.get(league)
    zone = competition.time_zone if competition else "UTC"
    day = starts_at.astimezone(ZoneInfo(zone)).date()
    if sport == "american_football":
        return str(day.year - (day.month < 3))
    if sport == "tennis" or league in _ONE_YEAR:
        return str(_tour_year(day) if sport == "tennis" else day.year)
    first = day.year - (day.month < (8 if sport == "basketball" else 7))
    return f"{first}-{(first + 1) % 100:02d}"


def _tour_year(day: date) -> int:
    """Return the year of the tennis tours, which begin in the last days of December."""
    return (day + timedelta(days=3)).year
