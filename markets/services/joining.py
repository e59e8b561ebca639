"""Which event is meant: one that stands, a new one, or none that can be told for certain.

The publisher's own id goes first, then what the source counts (legs, races), then sides and start.
Nothing is merged on a guess: where two events fit, or the sides stand the other way round, the
record waits for somebody who knows.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Q

from markets.connectors.base import ParsedBatch, ParsedEvent
from markets.models import (
    Competition,
    Event,
    EventAlias,
    MarketAlias,
    ParkedRow,
    Participant,
)
from markets.services.accounting import Waiting
from markets.services.naming import RACING, Missing, Names

#: How far apart two tellings of one match may put its start.
WINDOWS: Mapping[str, timedelta] = {
    "soccer": timedelta(hours=36),
    "american_football": timedelta(hours=36),
    "basketball": timedelta(hours=12),
    "tennis": timedelta(hours=48),
    "cricket": timedelta(hours=36),
    "baseball": timedelta(hours=2),  # two games of one pair on one day
}
USUAL_WINDOW = timedelta(hours=12)
RACE_WINDOW = timedelta(minutes=2)  # dogs run every ten minutes, and carry no number
_DAY = timedelta(days=1)

Pair = tuple[int, int, int]  # competition, home, away
Ids = tuple[dict[str, int], dict[str, int]]  # event ids by the publisher's: of events, of markets


def known_ids(*, batch: ParsedBatch, namespace: str) -> Ids:
    """Return the events that the publisher's ids lead to: those of events, those of markets."""
    events = {event.id for event in batch.events if event.id}
    markets = {market.id for market in batch.markets if market.id}
    by_event: dict[str, int] = {}
    by_market: dict[str, int] = {}
    if events:
        rows = EventAlias.objects.filter(namespace=namespace, ref__in=events)
        by_event = dict(rows.values_list("ref", "event_id"))
    if markets:
        aliases = MarketAlias.objects.filter(namespace=namespace, ref__in=markets)
        by_market = dict(aliases.values_list("ref", "market__event_id"))
    return by_event, by_market


@dataclass(slots=True)
class Standing:
    """The events that a batch may mean, found by everything that can tell them."""

    ids: dict[str, Event] = field(default_factory=dict)  # by the publisher's id
    markets: dict[str, Event] = field(default_factory=dict)  # by the batch's ref
    legs: dict[tuple[int, int, int, int], Event] = field(default_factory=dict)
    pairs: dict[Pair, list[Event]] = field(default_factory=lambda: defaultdict(list))
    races: dict[tuple[int, date, int], Event] = field(default_factory=dict)
    tracks: dict[int, list[Event]] = field(default_factory=lambda: defaultdict(list))
    names: dict[tuple[int, str], Event] = field(default_factory=dict)
    #: By which id the source knows an event of which the day alone is known; by the object's id.
    named: dict[int, str] = field(default_factory=dict)

    def add(self, event: Event) -> None:
        """Let an event be found from now on."""
        if event.home_id and event.away_id:
            legs = event.season_id, event.home_id, event.away_id, event.leg
            if legs not in self.legs:
                self.legs[legs] = event
                self.pairs[event.competition_id, event.home_id, event.away_id].append(event)
            return
        if event.meeting_date is not None and event.race_number is not None:
            self.races[event.competition_id, event.meeting_date, event.race_number] = event
        self.tracks[event.competition_id].append(event)
        self.names[event.season_id, event.name] = event


def standing(*, batch: ParsedBatch, names: Names, ids: Ids, namespace: str) -> Standing:
    """Read the events that a batch may mean, in at most three queries."""
    by_event, by_market = ids
    rows = Event.objects.select_related("competition__sport")
    held = rows.in_bulk({*by_event.values(), *by_market.values()}) if any(ids) else {}
    competitions = {competition.pk: competition for competition in names.competitions.values()}
    found = Standing(
        ids={ref: held[pk] for ref, pk in by_event.items()},
        markets={
            market.event_ref: held[by_market[market.id]]
            for market in batch.markets
            if market.id in by_market
        },
    )
    wanted = _wanted(batch.events, names)
    if wanted:
        for event in Event.objects.filter(wanted).order_by("pk"):
            event.competition = competitions[event.competition_id]
            found.add(held.get(event.pk, event))
    if any(event.id and event.certainty == Event.Certainty.DATE for event in batch.events):
        _know_by_what_id(found, namespace)
    return found


def _know_by_what_id(found: Standing, namespace: str) -> None:
    """Note the publisher's ids of the matches of which the day alone is known."""
    by_day = {
        event.pk: event
        for rows in found.pairs.values()
        for event in rows
        if event.start_certainty == Event.Certainty.DATE
    }
    aliases = EventAlias.objects.filter(namespace=namespace, event__in=by_day)
    for pk, ref in aliases.order_by("pk").values_list("event_id", "ref"):
        found.named.setdefault(id(by_day[pk]), ref)


def _wanted(events: Sequence[ParsedEvent], names: Names) -> Q:
    """Return a condition for all that the batch may mean by season, by start or by name."""
    seasons: set[int] = set()
    homes: set[int] = set()
    starts: dict[int, list[datetime]] = defaultdict(list)
    teams: dict[int, set[int]] = defaultdict(set)
    races: dict[int, list[datetime]] = defaultdict(list)
    for event in events:
        competition, sides = names.competitions.get(event.competition), names.sides(event)
        if competition is None or (event.home and sides is None):
            continue
        if sides is not None and event.leg is not None:
            seasons.add(names.seasons.get((competition.pk, event.season), 0))
            homes.add(sides[0].pk)
        elif event.starts_at is not None and sides is not None:
            starts[competition.pk].append(event.starts_at)
            teams[competition.pk] |= {side.pk for side in sides}
        elif event.starts_at is not None:
            races[competition.pk].append(event.starts_at)
    wanted = Q(season__in=seasons, home__in=homes) if homes else Q()
    for pk, moments in starts.items():
        wanted |= _around(pk, moments) & Q(home__in=teams[pk])
    for pk, moments in races.items():
        wanted |= _around(pk, moments) & Q(home__isnull=True)
    return wanted | _by_season(events, names)


def _around(competition_id: int, moments: Sequence[datetime]) -> Q:
    """Return a condition for a competition's events around some starts."""
    reach = max((*WINDOWS.values(), USUAL_WINDOW)) + _DAY
    return Q(
        competition=competition_id,
        starts_at__gte=min(moments) - reach,
        starts_at__lte=max(moments) + reach,
    )


def _by_season(events: Sequence[ParsedEvent], names: Names) -> Q:
    """Return a condition for what is told without a start or a leg: rounds, next legs, names."""
    homes: dict[int, set[int]] = defaultdict(set)
    titles: dict[int, set[str]] = defaultdict(set)
    for event in events:
        competition = names.competitions.get(event.competition)
        season = names.seasons.get((competition.pk, event.season)) if competition else None
        if season is None or event.leg is not None:
            continue
        sides = names.sides(event)
        if sides is not None:
            homes[season].add(sides[0].pk)
        elif not event.home and event.name:
            titles[season].add(event.name)
    wanted = Q()
    for season, ids in homes.items():
        wanted |= Q(season=season, home__in=ids)
    for season, found in titles.items():
        wanted |= Q(season=season, home__isnull=True, name__in=found)
    return wanted


def find(*, parsed: ParsedEvent, names: Names, among: Standing) -> Event | Waiting | None:
    """Return the event that is meant, why none can be told, or None: it may be made."""
    competition = names.competitions.get(parsed.competition)
    sides = names.sides(parsed)
    by_id = among.ids.get(parsed.id) or among.markets.get(parsed.ref)
    if by_id is not None:
        return _agreeing(by_id, sides)
    if competition is None or (parsed.home and sides is None):
        if not parsed.competition:
            return _nothing(parsed)
        missing = names.missing(parsed)
        return Waiting(ParkedRow.Reason.UNKNOWN_NAME, _named(missing), set(missing))
    if sides is not None and sides[0] == sides[1]:
        detail = f"{parsed.home} and {parsed.away} are one participant"
        return Waiting(ParkedRow.Reason.AMBIGUOUS_NAME, detail[:250])
    season = names.seasons.get((competition.pk, parsed.season), 0)
    if sides is None:
        found = _race(parsed, competition, season, among)
    else:
        pair = competition.pk, sides[0].pk, sides[1].pk
        found = _match(parsed, competition, season, pair, among)
        if isinstance(found, Event) and _is_anothers(found, parsed, among):
            detail = f"{found} on that day is known by another id, and no time tells them apart"
            return Waiting(ParkedRow.Reason.AMBIGUOUS_EVENT, detail[:250])
    if found is None and (parsed.is_known_only or parsed.starts_at is None or not season):
        return _nothing(parsed)
    return found


def _is_anothers(event: Event, parsed: ParsedEvent, among: Standing) -> bool:
    """Say whether two games of one pair on one day would become one for want of their times."""
    if not parsed.id or parsed.leg is not None:
        return False
    is_by_day = event.start_certainty == parsed.certainty == Event.Certainty.DATE
    return is_by_day and among.named.get(id(event), parsed.id) != parsed.id


def _named(missing: Iterable[Missing]) -> str:
    return ", ".join(name.name for name in missing)[:250]


def _nothing(parsed: ParsedEvent) -> Waiting:
    said = parsed.id or parsed.name or f"{parsed.home} v {parsed.away} {parsed.round}".strip()
    return Waiting(ParkedRow.Reason.NO_EVENT, f"an event that stands: {said}"[:250])


def _agreeing(event: Event, sides: tuple[Participant, Participant] | None) -> Event | Waiting:
    """Return an event found by an id, unless its sides are others than those told."""
    if sides is None or event.home_id is None:
        return event
    told = [side.pk for side in sides]
    if told == [event.home_id, event.away_id]:
        return event
    if told == [event.away_id, event.home_id]:
        detail = f"{event} is told the other way round"
        return Waiting(ParkedRow.Reason.SIDES_SWAPPED, detail[:250])
    return Waiting(ParkedRow.Reason.AMBIGUOUS_EVENT, f"its id is that of {event}"[:250])


def _match(
    parsed: ParsedEvent, competition: Competition, season: int, pair: Pair, among: Standing
) -> Event | Waiting | None:
    if parsed.leg is not None:
        return among.legs.get((season, pair[1], pair[2], parsed.leg))
    if parsed.starts_at is None:
        rows = [
            event
            for event in among.pairs.get(pair, ())
            if event.season_id == season and event.round == parsed.round
        ]
        return _only(rows, parsed)
    rows = _near(parsed, competition, among.pairs.get(pair, ()))
    if rows:
        return _only(rows, parsed)
    swapped = _near(parsed, competition, among.pairs.get((pair[0], pair[2], pair[1]), ()))
    if swapped:
        detail = f"{swapped[0]} on {swapped[0].starts_at:%Y-%m-%d} is told the other way round"
        return Waiting(ParkedRow.Reason.SIDES_SWAPPED, detail[:250])
    return None


def _near(parsed: ParsedEvent, competition: Competition, rows: Iterable[Event]) -> list[Event]:
    """Return the events that start when it does: at that moment, else within the window.

    Where only a day is known, the day decides, by the competition's clocks.
    """
    start = parsed.starts_at
    assert start is not None
    exact = [event for event in rows if event.starts_at == start]
    if exact:
        return exact
    window = WINDOWS.get(competition.sport.code, USUAL_WINDOW)
    zone = ZoneInfo(competition.time_zone)
    found = []
    for event in rows:
        if Event.Certainty.DATE in (parsed.certainty, event.start_certainty):
            fits = event.starts_at.astimezone(zone).date() == start.astimezone(zone).date()
        else:
            fits = abs(event.starts_at - start) <= window
        if fits:
            found.append(event)
    return found


def _only(rows: Sequence[Event], parsed: ParsedEvent) -> Event | Waiting | None:
    if len(rows) <= 1:
        return rows[0] if rows else None
    shown = ", ".join(f"{row.starts_at:%Y-%m-%d %H:%M}" for row in rows[:4])
    detail = f"{len(rows)} events fit {parsed.home} v {parsed.away}: {shown}"
    return Waiting(ParkedRow.Reason.AMBIGUOUS_EVENT, detail[:250])


def _race(
    parsed: ParsedEvent, competition: Competition, season: int, among: Standing
) -> Event | Waiting | None:
    """Find a race by its number, else by its start; an outright by its name."""
    if parsed.meeting_date is not None and parsed.race_number is not None:
        key = competition.pk, parsed.meeting_date, parsed.race_number
        if key in among.races:
            return among.races[key]
    if competition.sport.code in RACING and parsed.starts_at is not None:
        rows = [
            event
            for event in among.tracks.get(competition.pk, ())
            if None in (event.race_number, parsed.race_number)
        ]
        exact = [event for event in rows if event.starts_at == parsed.starts_at]
        near = exact or [
            event for event in rows if abs(event.starts_at - parsed.starts_at) <= RACE_WINDOW
        ]
        if near:
            return _only(near, parsed)
    return among.names.get((season, parsed.name))
