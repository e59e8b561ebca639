"""Leagues whose teams are known by heart, and every name that sources give them.  Pure.

A franchise is one team wherever it played: its former names are aliases.  Names that meant two
franchises at different times ("Hornets") are left out.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property

NEW_YORK = "America/New_York"


@dataclass(frozen=True)
class League:
    """A competition and its teams: the name that we use, and the others in use."""

    code: str
    name: str
    sport: str
    country: str
    time_zone: str  # whose day a game belongs to
    teams: Mapping[str, tuple[str, ...]] = field(repr=False)

    @cached_property
    def by_name(self) -> Mapping[str, str]:
        """Return the team behind every name, the teams' own names among them.

        >>> NFL.by_name["OAK"], NFL.by_name["LV"], NBA.by_name["gs"]
        ('Las Vegas Raiders', 'Las Vegas Raiders', 'Golden State Warriors')
        """
        names = {team: team for team in self.teams}
        return names | {alias: team for team, others in self.teams.items() for alias in others}


NFL = League(
    code="NFL",
    name="National Football League",
    sport="american_football",
    country="USA",
    time_zone=NEW_YORK,
    teams={
        "Arizona Cardinals": ("ARI", "ARZ", "PHO", "Phoenix Cardinals"),
        "Atlanta Falcons": ("ATL",),
        "Baltimore Ravens": ("BAL", "BLT"),
        "Buffalo Bills": ("BUF",),
        "Carolina Panthers": ("CAR",),
        "Chicago Bears": ("CHI",),
        "Cincinnati Bengals": ("CIN",),
        "Cleveland Browns": ("CLE", "CLV"),
        "Dallas Cowboys": ("DAL",),
        "Denver Broncos": ("DEN",),
        "Detroit Lions": ("DET",),
        "Green Bay Packers": ("GB", "GNB"),
        "Houston Texans": ("HOU", "HST"),
        "Indianapolis Colts": ("IND",),
        "Jacksonville Jaguars": ("JAX", "JAC"),
        "Kansas City Chiefs": ("KC", "KAN"),
        "Las Vegas Raiders": ("LV", "LVR", "OAK", "Oakland Raiders", "Los Angeles Raiders"),
        "Los Angeles Chargers": ("LAC", "SD", "SDG", "San Diego Chargers", "LA Chargers"),
        "Los Angeles Rams": ("LA", "LAR", "STL", "SL", "St. Louis Rams", "LA Rams"),
        "Miami Dolphins": ("MIA",),
        "Minnesota Vikings": ("MIN",),
        "New England Patriots": ("NE", "NWE"),
        "New Orleans Saints": ("NO", "NOR"),
        "New York Giants": ("NYG",),
        "New York Jets": ("NYJ",),
        "Philadelphia Eagles": ("PHI",),
        "Pittsburgh Steelers": ("PIT",),
        "San Francisco 49ers": ("SF", "SFO"),
        "Seattle Seahawks": ("SEA",),
        "Tampa Bay Buccaneers": ("TB", "TAM"),
        "Tennessee Titans": ("TEN",),
        "Washington Commanders": ("WAS", "WSH", "Washington Redskins", "Washington Football Team"),
    },
)
NBA = League(
    code="NBA",
    name="National Basketball Association",
    sport="basketball",
    country="USA",
    time_zone=NEW_YORK,
    teams={
        "Atlanta Hawks": ("atl", "ATL"),
        "Boston Celtics": ("bos", "BOS"),
        "Brooklyn Nets": ("bkn", "BKN", "BRK", "nj", "NJ", "NJN", "New Jersey Nets"),
        "Charlotte Hornets": ("cha", "CHA", "CHO", "Charlotte Bobcats"),
        "Chicago Bulls": ("chi", "CHI"),
        "Cleveland Cavaliers": ("cle", "CLE"),
        "Dallas Mavericks": ("dal", "DAL"),
        "Denver Nuggets": ("den", "DEN"),
        "Detroit Pistons": ("det", "DET"),
        "Golden State Warriors": ("gs", "GS", "GSW"),
        "Houston Rockets": ("hou", "HOU"),
        "Indiana Pacers": ("ind", "IND"),
        "Los Angeles Clippers": ("lac", "LAC", "LA Clippers"),
        "Los Angeles Lakers": ("lal", "LAL", "LA Lakers"),
        "Memphis Grizzlies": ("mem", "MEM", "Vancouver Grizzlies"),
        "Miami Heat": ("mia", "MIA"),
        "Milwaukee Bucks": ("mil", "MIL"),
        "Minnesota Timberwolves": ("min", "MIN"),
        "New Orleans Pelicans": ("no", "NO", "NOP", "NOH", "New Orleans Hornets"),
        "New York Knicks": ("ny", "NY", "NYK"),
        "Oklahoma City Thunder": ("okc", "OKC", "sea", "SEA", "Seattle SuperSonics"),
        "Orlando Magic": ("orl", "ORL"),
        "Philadelphia 76ers": ("phi", "PHI"),
        "Phoenix Suns": ("phx", "PHX", "PHO"),
        "Portland Trail Blazers": ("por", "POR"),
        "Sacramento Kings": ("sac", "SAC"),
        "San Antonio Spurs": ("sa", "SA", "SAS"),
        "Toronto Raptors": ("tor", "TOR"),
        "Utah Jazz": ("utah", "UTAH", "UTA"),
        "Washington Wizards": ("wsh", "WSH", "was", "WAS"),
    },
)
WNBA = League(
    code="WNBA",
    name="Women's National Basketball Association",
    sport="basketball",
    country="USA",
    time_zone=NEW_YORK,
    teams={
        "Atlanta Dream": ("ATL",),
        "Chicago Sky": ("CHI",),
        "Connecticut Sun": ("CON", "CONN"),
        "Dallas Wings": ("DAL", "Tulsa Shock"),
        "Golden State Valkyries": ("GS", "GSV"),
        "Indiana Fever": ("IND",),
        "Las Vegas Aces": ("LV", "LVA", "San Antonio Stars", "San Antonio Silver Stars"),
        "Los Angeles Sparks": ("LA", "LAS"),
        "Minnesota Lynx": ("MIN",),
        "New York Liberty": ("NY", "NYL"),
        "Phoenix Mercury": ("PHX", "PHO"),
        "Portland Fire": ("POR",),
        "Seattle Storm": ("SEA",),
        "Toronto Tempo": ("TOR",),
        "Washington Mystics": ("WSH", "WAS"),
    },
)
LEAGUES: Mapping[str, League] = {league.code: league for league in (NFL, NBA, WNBA)}


def league_of(names: Collection[str]) -> League | None:
    """Return the one league that knows all of these names, or None.

    >>> league_of(["Seattle Storm", "New York Liberty"]).code, league_of(["NY", "LV"]).code
    ('WNBA', 'WNBA')
    >>> league_of(["CHI", "DAL"]) is None, league_of([]) is None
    (True, True)
    """
    if not names:
        return None
    found = [league for league in LEAGUES.values() if all(name in league.by_name for name in names)]
    return found[0] if len(found) == 1 else None
