"""A Betfair market as this system knows it: its event, its question, and what each runner answers.

A stream's definition and a catalogue tell the same things in two shapes; both become a
``Described``, and ``shape`` makes the event, the market and the keys of its prices from that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from markets.connectors.base import ParsedCompetition, ParsedEvent, ParsedMarket, ParsedPerson
from markets.connectors.betfair import codes, wire
from markets.connectors.columns import PriceKey
from markets.domain import kinds, moments

RunnerKey = tuple[int, float]  # selection id, handicap
_GOAL_ROLES = {"over": "OVER", "under": "UNDER"}
_NAMED_ROLES = {
    "BOTH_SCORE": {"Yes": "YES", "No": "NO"},
    "DOUBLE_CHANCE": {
        "Home or Draw": "HOME_DRAW",
        "Home or Away": "HOME_AWAY",
        "Draw or Away": "DRAW_AWAY",
    },
}


class NotRead(Exception):
    """A market that is not read; says what was expected, and of which field."""

    def __init__(self, at: str, expected: str) -> None:
        super().__init__(expected)
        self.at, self.expected = at, expected


@dataclass(frozen=True, slots=True)
class Runner:
    id: int
    handicap: float = 0.0
    name: str = ""
    status: str = ""
    removed_at: datetime | None = None
    reduction: Decimal | None = None  # % off the others' prices, once it was removed

    @property
    def key(self) -> RunnerKey:
        return self.id, self.handicap


@dataclass(frozen=True, slots=True)
class Described:
    """What is told of one market."""

    id: str
    type: str
    name: str
    event_id: str
    event_name: str
    event_type: str
    country: str
    zone: str
    venue: str
    opens_at: datetime | None
    starts_at: datetime
    competition: str = ""  # in Betfair's words; a stream tells none
    runners: Sequence[Runner] = ()
    winners: int | None = None
    divisor: float | None = None

    def named_by(self, names: Mapping[int, str]) -> "Described":
        """Return it with the runners' names that another payload told."""
        runners = [
            replace(runner, name=runner.name or names.get(runner.id, "")) for runner in self.runners
        ]
        return replace(self, runners=runners)


@dataclass(frozen=True, slots=True)
class Shape:
    """A market in this system's words: one, or one for each line of a handicap.

    ``keys`` name each runner's prices.
    """

    event: ParsedEvent
    kind: str
    markets: Mapping[str, ParsedMarket]  # by the id, and the line where there are several
    competition: ParsedCompetition | None
    keys: Mapping[RunnerKey, PriceKey] = field(default_factory=dict)

    @property
    def has_runners(self) -> bool:
        return self.kind in kinds.RUNNER_KINDS


def of_definition(market_id: str, told: wire.Definition) -> Described:
    """Return a stream's definition.

    Raises:
        moments.BadMoment: one of its times cannot be.
    """
    return Described(
        id=market_id,
        type=told.marketType,
        name=told.name,
        event_id=told.eventId,
        event_name=told.eventName,
        event_type=told.eventTypeId,
        country=told.countryCode,
        zone=told.timezone,
        venue=told.venue,
        opens_at=moments.stamp(told.openDate) if told.openDate else None,
        starts_at=moments.stamp(told.marketTime),
        runners=[
            Runner(
                runner.id, runner.hc, runner.name, runner.status,
                *removal(runner.status, runner.removalDate, runner.adjustmentFactor),
            )
            for runner in told.runners
        ],
        winners=told.numberOfWinners,
        divisor=told.eachWayDivisor,
    )  # fmt: skip


def of_catalogue(told: wire.Catalogue) -> Described:
    """Return a catalogue's market.

    Raises:
        moments.BadMoment: one of its times cannot be.
    """
    return Described(
        id=told.marketId,
        type=told.description.marketType,
        name=told.marketName,
        event_id=told.event.id,
        event_name=told.event.name,
        event_type=told.eventType.id,
        country=told.event.countryCode,
        zone=told.event.timezone,
        venue=told.event.venue,
        opens_at=moments.stamp(told.event.openDate) if told.event.openDate else None,
        starts_at=moments.stamp(told.marketStartTime),
        competition=told.competition.name,
        runners=[
            Runner(runner.selectionId, runner.handicap, runner.runnerName)
            for runner in told.runners
        ],
        divisor=told.description.eachWayDivisor,
    )


def removal(
    status: str, removed_at: str | None, factor: float | None
) -> tuple[datetime | None, Decimal | None]:
    """Return since when a runner does not run, and what it takes off the others, in percent."""
    if not status.startswith("REMOVED"):
        return None, None
    reduction = None if factor is None else Decimal(str(factor)).quantize(Decimal("0.01"))
    return (moments.stamp(removed_at) if removed_at else None), reduction


def shape(market: Described) -> Shape:
    """Return a market in this system's words.

    Raises:
        NotRead: its type or sport is not read, or its runners cannot be told apart.
    """
    known = codes.kind_of(market.type, runners=len({runner.id for runner in market.runners}))
    if known is None:
        raise NotRead("marketType", f"a market type that is read, not {market.type!r}")
    kind, period, line = known
    sport = codes.SPORTS.get(market.event_type)
    if sport is None:
        raise NotRead("eventTypeId", f"a sport that is read, not number {market.event_type!r}")
    if sport in codes.RACING:
        return _race(market, kind, sport)
    if kind == "OUTRIGHT":
        return _outright(market, sport)
    if kind in kinds.RUNNER_KINDS:
        raise NotRead("marketType", f"a market type of {sport}, not {market.type!r}")
    return _match(market, kind, period, line, sport)


def _race(market: Described, kind: str, sport: str) -> Shape:
    if kind not in ("WIN", "PLACE", "EACH_WAY"):
        raise NotRead("marketType", f"a market type of races, not {market.type!r}")
    if not market.venue:
        raise NotRead("venue", "a race's track")
    local = market.starts_at.astimezone(moments.zone(market.zone))
    opened = market.opens_at or market.starts_at
    day = opened.astimezone(moments.zone(market.zone)).date()
    number = codes.race_number(market.name)
    code = codes.track_code(country=market.country, venue=market.venue, sport=sport)
    which = f"{day} R{number}" if number is not None else f"{local:%Y-%m-%d %H:%M}"
    event = ParsedEvent(
        ref=market.id,
        competition=code,
        season=str(day.year),
        starts_at=market.starts_at,
        id=market.id,
        round="" if number is None else f"R{number}",
        meeting_date=day,
        race_number=number,
        name=f"{market.venue} {which}",
        data=codes.race_facts(market.name, sport=sport) if kind == "WIN" and market.name else {},
    )
    competition = ParsedCompetition(
        code=code,
        name=f"{market.venue} ({market.country})" if market.country else market.venue,
        country=market.country,
        sport=sport,
        time_zone=market.zone,
    )
    return _of_runners(market, kind, event, competition)


def _outright(market: Described, sport: str) -> Shape:
    start = market.starts_at
    event = ParsedEvent(
        ref=market.id,
        competition=market.competition,
        season=codes.season_label(sport=sport, year=start.year, month=start.month),
        starts_at=start,
        id=market.id,
        name=f"{market.event_name} {market.name}".strip()[:250],
        is_known_only=not market.competition,
    )
    return _of_runners(market, "OUTRIGHT", event, None)


def _of_runners(
    market: Described, kind: str, event: ParsedEvent, competition: ParsedCompetition | None
) -> Shape:
    """Return a market whose answers are its runners, found by their ids."""
    qualifier = market.country if competition is not None else ""
    parsed = ParsedMarket(
        event_ref=event.ref,
        kind=kind,
        places=market.winners if kind in ("PLACE", "EACH_WAY") else None,
        place_fraction=fraction(market.divisor) if kind == "EACH_WAY" else "",
        id=market.id,
        runners=[_person(runner, qualifier) for runner in market.runners],
    )
    keys: dict[RunnerKey, PriceKey] = {
        runner.key: (event.ref, kind, "FULL", None, "", "", kinds.RUNNER, f"#{runner.id}")
        for runner in market.runners
    }
    return Shape(event, kind, {market.id: parsed}, competition, keys)


def _person(runner: Runner, qualifier: str) -> ParsedPerson:
    name, number = codes.runner_name(runner.name)
    return ParsedPerson(
        name=name,
        id=str(runner.id),
        qualifier=qualifier,
        country=qualifier[:3],
        number=number,
        removed_at=runner.removed_at,
        reduction=runner.reduction,
    )


def fraction(divisor: float | None) -> str:
    """Return an each-way divisor as the fraction of the price that a place pays.

    >>> fraction(4.0), fraction(None)
    ('1/4', '')
    """
    return f"1/{divisor:g}" if divisor else ""


def _match(market: Described, kind: str, period: str, line: Decimal | None, sport: str) -> Shape:
    home, away = sides(market.event_name)
    local = market.starts_at.astimezone(moments.zone(market.zone))
    event = ParsedEvent(
        ref=market.event_id or market.id,
        competition=market.competition,
        season=codes.season_label(sport=sport, year=local.year, month=local.month),
        home=home,
        away=away,
        starts_at=market.starts_at,
        id=market.event_id,
        is_known_only=not market.competition,
    )
    keys: dict[RunnerKey, PriceKey] = {}
    for runner in market.runners:
        role = _role(kind, runner, home, away, market.event_name)
        own = _line(kind, role, runner) if kind in kinds.HANDICAP_KINDS else line
        keys[runner.key] = (event.ref, kind, period, own, "", "", role, "")
    return Shape(event, kind, _by_line(market, kind, keys), None, keys)


def _by_line(
    market: Described, kind: str, keys: Mapping[RunnerKey, PriceKey]
) -> dict[str, ParsedMarket]:
    """Return the markets of a match with the ids of their answers, which orders name.

    One of theirs is many of ours where each runner has lines of its own.
    """
    has_lines = kind in kinds.HANDICAP_KINDS
    answers: dict[Decimal | None, list[tuple[str, str]]] = {}
    for runner in market.runners:
        key = keys[runner.key]
        ref = f"{runner.id}:{runner.handicap:g}" if has_lines else str(runner.id)
        answers.setdefault(key[3], []).append((ref, key[6]))
    found: dict[str, ParsedMarket] = {}
    for line, told in answers.items():
        event_ref, _, period, *_ = keys[market.runners[0].key]
        found[f"{market.id} {line}" if has_lines else market.id] = ParsedMarket(
            event_ref,
            kind,
            period,
            line,
            id="" if has_lines else market.id,
            part_of=market.id if has_lines else "",
            answers=told,
        )
    return found


def sides(event_name: str) -> tuple[str, str]:
    """Return home and away from an event's name; "A @ B" is played at B's.

    Raises:
        NotRead: it names no two sides.

    >>> sides("Leeds v Derby"), sides("Bears @ Giants")
    (('Leeds', 'Derby'), ('Giants', 'Bears'))
    """
    for separator in (" v ", " vs ", " @ "):
        first, found, second = event_name.partition(separator)
        if found and first.strip() and second.strip():
            pair = first.strip(), second.strip()
            return (pair[1], pair[0]) if separator == " @ " else pair
    raise NotRead("eventName", f"two sides such as 'A v B', not {event_name[:80]!r}")


def _role(kind: str, runner: Runner, home: str, away: str, event_name: str) -> str:
    """Say which answer a runner is: by its name alone, never by its place in the list."""
    name = runner.name.strip()
    if not name:
        raise NotRead("runners", "the names of its runners, here or in a catalogue beside it")
    named = _NAMED_ROLES.get(kind)
    if kind == "TOTAL":
        role = _GOAL_ROLES.get(name.partition(" ")[0].lower())
    elif named is not None:
        role = named.get(name)
    else:
        role = {home: "HOME", away: "AWAY", codes.THE_DRAW: "DRAW"}.get(name)
    if role is None or role not in kinds.ROLES[kind]:
        raise NotRead("runners", f"an answer to {kind} of {event_name[:80]!r}, not {name[:80]!r}")
    return role


def _line(kind: str, role: str, runner: Runner) -> Decimal:
    """Return the market's line, the home side's handicap, from a runner's own."""
    own = Decimal(str(runner.handicap))
    try:
        line = kinds.market_line(kind=kind, line=own if role == "HOME" else -own)
    except kinds.BadLine as wrong:
        raise NotRead("hc", str(wrong)) from wrong
    assert line is not None
    return line
