"""What a connector hands over: plain facts in the source's own names.  Knows no tables.

Words
    ref      the connector's own name for an event within one batch
    line     the market's line: the home side's handicap, or the total; None where there is none
    role     HOME, DRAW, AWAY, OVER or UNDER
    price    decimal odds, above 1
    seen_at  when the book showed the price (aware, UTC)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ParsedCompetition:
    """A competition that the source may bring into being."""

    code: str
    name: str
    country: str = ""
    sport: str = "soccer"
    time_zone: str = "UTC"
    is_simulated: bool = False
    time_scale: float = 1.0


@dataclass(frozen=True, slots=True)
class ParsedBook:
    """A book that the source may bring into being.  ``kind`` as in ``markets.models.Book``."""

    code: str
    name: str
    kind: str = "BOOKMAKER"
    reference_rank: int | None = None
    is_simulated: bool = False


@dataclass(frozen=True, slots=True)
class ParsedEvent:
    """One match: ``competition`` by its code, ``season`` by its label, sides by their names."""

    ref: str
    competition: str
    season: str
    home: str
    away: str
    leg: int
    starts_at: datetime
    started_at: datetime | None = None
    status: str = "SCHEDULED"


@dataclass(frozen=True, slots=True)
class ParsedPrice:
    event_ref: str
    kind: str
    line: Decimal | None
    role: str
    book: str
    price: Decimal
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class ParsedResult:
    event_ref: str
    status: str
    home_score: int | None
    away_score: int | None
    home_score_half: int | None = None
    away_score_half: int | None = None
    known_at: datetime | None = None  # when the world could know it; None: from the load on


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that could not be used; ``row`` is the 1-based line of the file."""

    file: str
    row: int | None
    field: str
    message: str  # what was expected


@dataclass(frozen=True, slots=True)
class ParsedBatch:
    """One payload, taken apart.  ``competitions`` and ``books`` are made where they are missing."""

    events: Sequence[ParsedEvent] = ()
    prices: Sequence[ParsedPrice] = ()
    results: Sequence[ParsedResult] = ()
    problems: Sequence[Problem] = ()
    competitions: Sequence[ParsedCompetition] = ()
    books: Sequence[ParsedBook] = ()


class Connector(Protocol):
    """A pure reader of one source's payloads."""

    code: str
    suffix: str  # of the files that a folder is searched for: ".csv"

    def parse(self, payload: bytes, *, name: str, fetched_at: datetime) -> ParsedBatch:
        """Take one payload apart; what cannot be used becomes a problem, never an exception.

        ``name`` is the file's name or URL and may say what the payload is about; problems
        carry it.  A payload that cannot be read at all is one problem without a row.
        """
        ...
