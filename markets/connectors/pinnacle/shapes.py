"""The JSON of Pinnacle, as far as it is read."""

from typing import Any

import msgspec
from msgspec import Struct


class Sport(Struct):
    name: str = ""


class League(Struct):
    name: str = ""
    sport: Sport = msgspec.field(default_factory=Sport)


class Side(Struct):
    name: str
    alignment: str = ""


class Matchup(Struct):
    """An element of ``/matchups``."""

    id: int
    startTime: str
    league: League
    participants: list[Side] = []
    type: str = "matchup"
    isLive: bool = False


class Quote(Struct):
    price: float
    designation: str = ""
    points: float | None = None


class Straight(Struct):
    """An element of ``/markets/straight``."""

    matchupId: int
    type: str
    prices: list[Quote]
    period: int = 0
    side: str | None = None
    status: str = "open"
    cutoffAt: str | None = None


class Fixture(Struct):
    """An event of ``/v3/fixtures``."""

    id: int
    starts: str
    home: str
    away: str
    liveStatus: int = 0


class FixtureLeague(Struct):
    name: str
    events: list[msgspec.Raw]


class Fixtures(Struct):
    sportId: int
    league: list[FixtureLeague]


class Spread(Struct):
    hdp: float
    home: float
    away: float


class Moneyline(Struct):
    home: float | None = None
    away: float | None = None
    draw: float | None = None


class Total(Struct):
    points: float
    over: float
    under: float


class TeamTotals(Struct):
    home: Total | None = None
    away: Total | None = None


class Period(Struct):
    number: int
    status: int = 1  # 1: open
    cutoff: str | None = None
    spreads: list[Spread] = []
    moneyline: Moneyline | None = None
    totals: list[Total] = []
    teamTotal: TeamTotals | None = None


class Priced(Struct):
    """An event of ``/v3/odds``."""

    id: int
    periods: list[Any] = []


class PricedLeague(Struct):
    events: list[msgspec.Raw]


class Odds(Struct):
    sportId: int
    leagues: list[PricedLeague]
