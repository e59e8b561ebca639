"""What a connector hands over: plain facts in the source's own names.  Knows no tables.

Words
    record     the unit that a payload is counted in, by its number: a line of text, a row of a
               sheet, an element of a list; each ends as loaded, unchanged, parked or rejected
    ref        the connector's own name for an event within one batch
    id         the publisher's own, by which the same thing is found again: kept as an alias
    line       the market's line: the home side's handicap, or the total; None where there is none
    role       the answer: HOME, DRAW, OVER, …; RUNNER where the answer is a participant
    price      decimal odds, above 1
    seen_at    when the book showed the price (aware, UTC)
    mark       what the source says of the price: 0 nothing, 1 it is the opener, 2 the close
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO, Protocol, runtime_checkable

from pydantic import SecretStr

from markets.connectors.columns import PriceColumns

NO_MARK, OPENER, CLOSE = 0, 1, 2
RECORDS_AT_MOST = 20_000  # in one batch


@dataclass(frozen=True, slots=True)
class ParsedCompetition:
    """A competition that the source may bring into being; ``alias``: the source's own name."""

    code: str
    name: str
    country: str = ""
    sport: str = "soccer"
    time_zone: str = "UTC"
    is_simulated: bool = False
    time_scale: float = 1.0
    alias: str = ""


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
    """One event: ``competition`` by its code or alias, ``season`` by its label, sides by name.

    Both sides are "" in a race (``meeting_date`` and ``race_number`` say which) and in an
    outright (``name`` says which).  Without a ``leg`` the event is found by its id, else by its
    sides and start.  Without a start it joins an event that stands and never makes one, and so
    does one that ``is_known_only``.
    """

    ref: str
    competition: str
    season: str
    home: str = ""
    away: str = ""
    leg: int | None = None
    starts_at: datetime | None = None
    started_at: datetime | None = None
    status: str = "SCHEDULED"
    record: int = 0
    id: str = ""
    round: str = ""
    meeting_date: date | None = None
    race_number: int | None = None
    name: str = ""
    certainty: str = "EXACT"  # of the start: EXACT, ZONE or DATE
    is_neutral: bool = False
    is_known_only: bool = False
    data: Mapping[str, object] = field(default_factory=dict)
    known_at: datetime | None = None  # when it was told so, where the payload says


@dataclass(frozen=True, slots=True)
class ParsedPerson:
    """A player or runner as the source calls it; ``qualifier`` tells namesakes apart."""

    name: str
    id: str = ""
    country: str = ""
    qualifier: str = ""
    number: int | None = None
    removed_at: datetime | None = None
    reduction: Decimal | None = None


@dataclass(frozen=True, slots=True)
class ParsedMarket:
    """A market that needs more than its kind and line: an id, runners, places.

    Prices find it by (event_ref, kind, period, line, participant, statistic).  ``answers`` are the
    publisher's ids of answers that are no participants, with their roles; ``part_of`` is its
    market's id where one of theirs is many of ours.
    """

    event_ref: str
    kind: str
    period: str = "FULL"
    line: Decimal | None = None
    participant: str = ""
    statistic: str = ""
    places: int | None = None
    place_fraction: str = ""
    id: str = ""
    runners: Sequence[ParsedPerson] = ()
    record: int = 0
    answers: Sequence[tuple[str, str]] = ()
    part_of: str = ""


@dataclass(frozen=True, slots=True)
class ParsedPrice:
    """One price; ``runner`` is a name of the market's runners, or "#<id>"."""

    event_ref: str
    kind: str
    line: Decimal | None
    role: str
    book: str
    price: Decimal
    seen_at: datetime
    period: str = "FULL"
    participant: str = ""
    statistic: str = ""
    runner: str = ""
    mark: int = NO_MARK
    record: int = 0


@dataclass(frozen=True, slots=True)
class ParsedLadder:
    """The best offers on both sides of one selection: (price, size), best first."""

    event_ref: str
    kind: str
    runner: str
    book: str
    seen_at: datetime
    back: Sequence[tuple[Decimal, Decimal]] = ()
    lay: Sequence[tuple[Decimal, Decimal]] = ()
    last_traded: Decimal | None = None
    matched: Decimal | None = None
    record: int = 0
    role: str = "RUNNER"  # another one where the answer is no participant
    period: str = "FULL"
    line: Decimal | None = None


@dataclass(frozen=True, slots=True)
class ParsedRunnerResult:
    person: ParsedPerson
    position: int | None = None
    is_winner: bool | None = None
    is_placed: bool | None = None
    is_removed: bool = False


@dataclass(frozen=True, slots=True)
class ParsedStatistic:
    """One figure of one player; ``team`` by the name that the event's side has."""

    person: ParsedPerson
    team: str
    statistic: str
    value: Decimal | None
    took_part: bool = True


@dataclass(frozen=True, slots=True)
class ParsedResult:
    event_ref: str
    status: str
    home_score: int | None
    away_score: int | None
    home_score_half: int | None = None
    away_score_half: int | None = None
    known_at: datetime | None = None  # when the world could know it; None: from the load on
    winner: str = ""  # HOME, AWAY or DRAW where the scores cannot say
    periods: Mapping[str, Sequence[int]] = field(default_factory=dict)
    had_overtime: bool | None = None
    runners: Sequence[ParsedRunnerResult] = ()
    statistics: Sequence[ParsedStatistic] = ()
    record: int = 0


@dataclass(frozen=True, slots=True)
class ParsedNotice:
    """News of an event, a team or a person; ``ref`` is the source's own id."""

    kind: str
    ref: str
    title: str
    published_at: datetime | None
    event_ref: str = ""
    competition: str = ""
    team: str = ""
    person: str = ""
    status: str = ""
    body: str = ""
    url: str = ""
    data: Mapping[str, object] = field(default_factory=dict)
    record: int = 0


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that could not be used; ``row`` is its record's number.

    ``is_rejection``: the whole record was refused, not a part of it.
    """

    file: str
    row: int | None
    field: str
    message: str  # what was expected
    is_rejection: bool = False


@dataclass(frozen=True, slots=True)
class ParsedBatch:
    """A payload or a part of one, taken apart.

    ``competitions`` and ``books`` are made where they are missing and the source may.
    ``records`` says how many were read, those that brought no fact and those that were rejected
    too; ``excerpts`` shows them to whoever must decide about them.
    """

    events: Sequence[ParsedEvent] = ()
    prices: Sequence[ParsedPrice] = ()
    results: Sequence[ParsedResult] = ()
    problems: Sequence[Problem] = ()
    competitions: Sequence[ParsedCompetition] = ()
    books: Sequence[ParsedBook] = ()
    markets: Sequence[ParsedMarket] = ()
    columns: PriceColumns | None = None
    ladders: Sequence[ParsedLadder] = ()
    notices: Sequence[ParsedNotice] = ()
    records: int = 0
    excerpts: Mapping[int, str] = field(default_factory=dict)

    def all_prices(self) -> PriceColumns:
        """Return its prices as columns, whichever way they were handed over."""
        if not self.prices:
            return self.columns if self.columns is not None else PriceColumns.of(())
        listed = PriceColumns.of(self.prices)
        return listed if self.columns is None else PriceColumns.joined([self.columns, listed])

    def only(self, records: Collection[int]) -> ParsedBatch:
        """Return the facts of these records, with the events and markets that they speak of.

        What is there for the others' sake is of no record: 0.
        """
        wanted = frozenset(records)
        kept = {
            name: [fact for fact in getattr(self, name) if fact.record in wanted]
            for name in ("prices", "results", "ladders", "notices")
        }
        columns = None if self.columns is None else self.columns.only(wanted)
        refs = {fact.event_ref for facts in kept.values() for fact in facts}
        refs |= set() if columns is None else columns.event_refs()
        refs |= {fact.event_ref for fact in self.markets if fact.record in wanted}
        return replace(
            self,
            **kept,
            columns=columns,
            events=[
                event if event.record in wanted else replace(event, record=0)
                for event in self.events
                if event.record in wanted or event.ref in refs
            ],
            markets=[
                market if market.record in wanted else replace(market, record=0)
                for market in self.markets
                if market.record in wanted or market.event_ref in refs
            ],
            problems=[problem for problem in self.problems if problem.row in wanted],
            records=len(wanted),
            excerpts={number: self.excerpts[number] for number in wanted & self.excerpts.keys()},
        )


@dataclass(frozen=True, slots=True)
class Reading:
    """How a payload is to be read.  ``companion`` opens a file that lies beside it, by name."""

    name: str
    fetched_at: datetime
    options: Mapping[str, Any] = field(default_factory=dict)
    time_zone: str = "UTC"
    companion: Callable[[str], bytes | None] | None = None


@dataclass(frozen=True, slots=True)
class Quota:
    """How often a source may still be asked, as far as it tells."""

    limit: int | None = None
    used: int | None = None
    remaining: int | None = None
    resets_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What an address answered; no secret is left in ``origin``."""

    name: str
    origin: str
    payload: Path | bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
    address: str = ""  # by which it is found again, where it may answer "not modified"


#: get(url, params={}, headers={}, body=None, secret_params=frozenset(), if_changed=False): bounded,
#: archived.  ``if_changed``: it may answer "not modified" and hold nothing; never for prices of
#: now, which an unchanged answer confirms, nor where ``ask`` reads what was answered.
Get = Callable[..., Answer]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a source is asked for when no path is named."""

    options: Mapping[str, Any]
    location: str
    since: date | None
    credentials: Mapping[str, SecretStr]
    now: datetime
    quota: Quota | None = None


class Connector(Protocol):
    """A pure reader of one source's payloads."""

    code: str
    namespace: str  # whose ids its refs are
    suffixes: tuple[str, ...]  # of the files that a folder is searched for: (".csv",)

    def parse(self, payload: bytes, *, name: str, fetched_at: datetime) -> ParsedBatch:
        """Take one payload apart; what cannot be used becomes a problem, never an exception.

        ``name`` is the file's name or URL and may say what the payload is about; problems
        carry it.  A payload that cannot be read at all is one problem without a row.
        """
        ...


@runtime_checkable
class ReadingConnector(Protocol):
    """A connector that needs options, or reads payloads larger than memory."""

    def read(self, stream: BinaryIO, *, reading: Reading) -> Iterator[ParsedBatch]:
        """Take one payload apart in portions; records are numbered on from batch to batch.

        Each portion holds at most ``RECORDS_AT_MOST``.
        """
        ...

    def order(self, name: str) -> tuple[Any, ...]:
        """Return what to sort a file by among the others: catalogues before recordings."""
        ...

    def check_options(self, options: Mapping[str, Any]) -> list[str]:
        """Return what is wrong with an operator's options, in words; none: nothing."""
        ...


@runtime_checkable
class AskingConnector(Protocol):
    """A connector that knows which addresses to ask."""

    def ask(self, *, asked: Asked, get: Get) -> Iterator[Answer]:
        """Ask, one address after the other, and hand on each answer."""
        ...


@runtime_checkable
class QuotaConnector(Protocol):
    """A connector whose source tells in its headers how often it may still be asked."""

    def quota(self, headers: Mapping[str, str]) -> Quota | None:
        """Return what the headers tell; None where they tell nothing."""
        ...
