"""The shapes of ESPN's answers; what is not named here is not read."""

from typing import Any

import msgspec


class Named(msgspec.Struct, gc=False):
    """Anything that has names: a team, an athlete, a state, a position, a kind."""

    id: str = ""
    name: str = ""
    displayName: str = ""
    fullName: str = ""
    abbreviation: str = ""


class Line(msgspec.Struct, gc=False):
    displayValue: str | None = None
    value: float | None = None


class Competitor(msgspec.Struct, gc=False):
    homeAway: str
    team: Named
    score: Any = None
    linescores: list[Line] = []


class Status(msgspec.Struct, gc=False):
    type: Named


class Competition(msgspec.Struct, gc=False):
    competitors: list[Competitor]
    date: str = ""
    type: Named | None = None
    neutralSite: bool = False
    status: Status | None = None


class Season(msgspec.Struct, gc=False):
    year: int
    type: int = 2


class Game(msgspec.Struct, gc=False):
    """A scoreboard's game, or a summary's header."""

    id: str
    date: str = ""
    competitions: list[Competition] = []
    season: Season | None = None
    status: Status | None = None
    league: Named | None = None


class Link(msgspec.Struct, gc=False):
    href: str = ""


class Person(msgspec.Struct, gc=False):
    id: str = ""
    displayName: str = ""
    links: list[Link] = []
    position: Named | None = None


class Injury(msgspec.Struct, gc=False):
    id: str
    athlete: Person
    status: str = ""
    date: str = ""
    shortComment: str = ""
    longComment: str = ""
    details: dict[str, Any] = {}


class InjuredTeam(msgspec.Struct, gc=False):
    displayName: str
    injuries: list[msgspec.Raw] = []


class Played(msgspec.Struct, gc=False):
    athlete: Person
    stats: list[str] = []
    starter: bool = False
    didNotPlay: bool = False


class Table(msgspec.Struct, gc=False):
    labels: list[str]
    athletes: list[Played] = []


class Squad(msgspec.Struct, gc=False):
    team: Named
    statistics: list[Table] = []


class BoxTeam(msgspec.Struct, gc=False):
    team: Named
    homeAway: str = ""


class Boxscore(msgspec.Struct, gc=False):
    teams: list[BoxTeam] = []
    players: list[Squad] = []


class Official(msgspec.Struct, gc=False):
    displayName: str = ""
    fullName: str = ""
    position: Named | None = None
    order: int | None = None


class GameInfo(msgspec.Struct, gc=False):
    officials: list[Official] = []


class Document(msgspec.Struct, gc=False):
    """Any answer: exactly one of the three kinds has its field."""

    events: list[msgspec.Raw] | None = None
    leagues: list[Named] = []
    injuries: list[InjuredTeam] | None = None
    header: Game | None = None
    boxscore: Boxscore | None = None
    gameInfo: GameInfo | None = None
    message: Any = None
    code: Any = None
