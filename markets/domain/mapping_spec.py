"""The parts of a mapping: what the columns of a file mean, as an operator writes it.  Pure.

``MappingSpec`` is the JSON of ``markets.models.ImportMapping.spec``; a column is named by its
header.  ``markets.domain.mapping`` reads one and says what is wrong with it.
"""

from collections.abc import Iterator
from typing import Literal

import msgspec


class Spec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A part of a mapping: unknown fields are refused, left out ones have their default."""


class Pick(Spec, frozen=True):
    """What a column says, translated by ``map`` where it is given."""

    column: str
    map: dict[str, str] = {}


Text = str | Pick  # the same in every row, or what a column says


class Competition(Spec, frozen=True):
    """Whose events they are: one competition, or the one that a column names."""

    code: Text
    name: str = ""
    country: str = ""
    time_zone: str = "UTC"


class Season(Spec, frozen=True):
    """Where the season's label comes from.

    LABEL: the column has it; START_YEAR, END_YEAR: the column has the year in which a season
    across two years begins or ends; YEAR: a season is a calendar year; BY_DATE: from the event's
    local day, ``turns`` being the month in which a new season begins (1: calendar years).
    """

    rule: Literal["LABEL", "START_YEAR", "END_YEAR", "YEAR", "BY_DATE"]
    column: str = ""
    turns: int = 1


class Time(Spec, frozen=True):
    """When an event starts.  A format is strptime's; "" is ISO 8601, or seconds since 1970.

    Without a ``time`` column the date column tells the moment, or with certainty DATE the day.
    """

    date: str
    time: str = ""
    date_format: str = ""
    time_format: str = ""
    zone: str = ""
    certainty: Literal["EXACT", "ZONE", "DATE"] = "EXACT"


class Sides(Spec, frozen=True):
    """The columns of the two sides.  ``is_neutral``: the column that says so, and how."""

    home: str
    away: str
    neutral: Pick | None = None


class Ident(Spec, frozen=True):
    """The publisher's own id of an event, a market or a runner."""

    column: str
    prefix: str = ""


class Race(Spec, frozen=True):
    """A race that is known already, by its number on that day's programme."""

    number: str


class Runner(Spec, frozen=True):
    """Who runs, in a file with a line for each runner: by id, or by name."""

    id: str = ""
    name: str = ""


class Sign(Spec, frozen=True):
    """Turns a number's sign where a column says one of these words."""

    column: str
    negative: list[str]


class Line(Spec, frozen=True):
    """A market's line: the home side's handicap, or the total."""

    column: str = ""
    value: str = ""
    negate: bool = False
    sign: Sign | None = None


class Seen(Spec, frozen=True):
    """When a price was shown: a column's moment, an hour of the local day, or minutes before.

    Left out, a closing price was shown a minute before the start.
    """

    column: str = ""
    format: str = ""
    clock: str = ""
    minutes_before_start: int | None = None
    zone: str = ""


class Book(Spec, frozen=True):
    """A book that the file may bring into being."""

    code: str
    name: str
    kind: Literal["BOOKMAKER", "EXCHANGE", "AGGREGATE", "STARTING", "RATED"] = "BOOKMAKER"
    reference_rank: int | None = None


class Price(Spec, frozen=True):
    """A column of prices."""

    kind: str
    role: Text
    book: Text
    column: str
    format: Literal["DECIMAL", "AMERICAN", "FRACTIONAL"] = "DECIMAL"
    line: Line | None = None
    period: str = "FULL"
    of: Literal["", "HOME", "AWAY"] = ""  # whose total
    mark: Literal["NONE", "OPENER", "CLOSE"] = "NONE"
    seen: Seen | None = None


class Result(Spec, frozen=True):
    """The score, and those of its periods: {"Q1": ["q1_home", "q1_away"]}."""

    home: str
    away: str
    half: list[str] = []
    periods: dict[str, list[str]] = {}
    overtime: str = ""  # which of the periods
    can_be_drawn: bool = True
    adds_up: bool = True  # the periods' scores make the final one
    known_after_hours: int = 4


class Data(Spec, frozen=True):
    """A column that is kept with the event as it is."""

    key: str
    column: str
    kind: Literal["TEXT", "NUMBER", "FLAG"] = "TEXT"
    negate: bool = False
    sign: Sign | None = None


class MappingSpec(Spec, frozen=True):
    """What every column of a file means.

    ``sides``, a ``race`` or the id of an ``event`` say which event a row is about; an id beside
    sides is kept, and finds the event again.
    ``creates_events``, ``creates_names``: what is not known yet may be made; else its rows wait.
    ``namespace``: whose ids the file's ids are.
    """

    sport: str
    competition: Competition | None = None
    season: Season | None = None
    time: Time | None = None
    sides: Sides | None = None
    race: Race | None = None
    event: Ident | None = None
    market: Ident | None = None
    runner: Runner | None = None
    round: str = ""
    books: list[Book] = []
    prices: list[Price] = []
    result: Result | None = None
    data: list[Data] = []
    delimiter: str = ","
    decimal: Literal[".", ","] = "."
    encoding: str = "utf-8"
    blanks: list[str] = []
    namespace: str = ""
    creates_events: bool = True
    creates_names: bool = False
    creates_players: bool = False


def columns(spec: MappingSpec) -> tuple[list[str], list[str]]:
    """Return the columns without which no row can be read, and the others.

    >>> spec = MappingSpec(sport="tennis", sides=Sides("p1", "p2"), time=Time("day"))
    >>> columns(spec)
    (['day', 'p1', 'p2'], [])
    """
    needed = [*_identity(spec)]
    others = [name for part in (spec.prices, spec.data) for one in part for name in _names(one)]
    others += _names(spec.result) if spec.result is not None else []
    others += [spec.round] if spec.round else []
    seen = dict.fromkeys(needed)
    return list(seen), [name for name in dict.fromkeys(others) if name not in seen]


def _identity(spec: MappingSpec) -> Iterator[str]:
    """Name the columns that say which event a row is about."""
    if spec.competition is not None and isinstance(spec.competition.code, Pick):
        yield spec.competition.code.column
    if spec.season is not None and spec.season.column:
        yield spec.season.column
    for part in (spec.time, spec.sides, spec.race, spec.event, spec.market, spec.runner):
        if part is not None:
            yield from _names(part)


def _names(part: Spec) -> list[str]:
    """Return the columns that a part of a mapping speaks of."""
    match part:
        case Time():
            named = [part.date, part.time]
        case Sides():
            named = [part.home, part.away, *(_names(part.neutral) if part.neutral else ())]
        case Race():
            named = [part.number]
        case Runner():
            named = [part.id, part.name]
        case Price():
            inner = (part.role, part.book, part.line, part.seen)
            named = [part.column, *(name for one in inner for name in _of(one))]
        case Result():
            pairs = [part.half, *part.periods.values()]
            named = [part.home, part.away, *(name for pair in pairs for name in pair)]
        case Data() | Line():
            named = [part.column, *(_names(part.sign) if part.sign else ())]
        case Ident() | Pick() | Sign() | Seen():
            named = [part.column]
        case _:
            named = []
    return [name for name in named if name]


def _of(part: Spec | str | None) -> list[str]:
    return _names(part) if isinstance(part, Spec) else []
