"""Events of a batch: found or made once, moved when their source moves them.

A joined event keeps the start of whoever knows it best, and of equals the newer telling; a source
that only repeats what was changed since moves nothing back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

import numpy as np

from markets.connectors.base import ParsedBatch, ParsedEvent
from markets.connectors.columns import PriceColumns, moment_of
from markets.models import Event, EventAlias, EventChange, Participant, Source
from markets.services import copying, joining
from markets.services.accounting import Accounting, Waiting
from markets.services.counts import EventCounts
from markets.services.joining import Ids, Standing
from markets.services.naming import Names, Tell

CHUNK = 2_000
OVER = (Event.Status.FINISHED, Event.Status.ABANDONED, Event.Status.CANCELLED)
_SURE = {Event.Certainty.DATE: 0, Event.Certainty.ZONE: 1, Event.Certainty.EXACT: 2}
_MOVES = (
    "starts_at", "start_known_at", "started_at", "status", "close_recorded_for",
    "start_certainty", "round",
    "meeting_date", "race_number", "is_neutral", "data", "name",
)  # fmt: skip


@dataclass(slots=True)
class Catalogue:
    """The batch's events by their source's ref; those that wait, with the reason."""

    events: dict[str, Event] = field(default_factory=dict)
    sides: dict[int, tuple[str, str]] = field(default_factory=dict)  # names, by event id
    teams: dict[int, tuple[Participant, Participant]] = field(default_factory=dict)
    waiting: dict[str, Waiting] = field(default_factory=dict)
    counts: EventCounts = field(default_factory=EventCounts)


@dataclass
class Hearing:
    """One source's telling: when it was told, and what to note down."""

    batch: ParsedBatch
    columns: PriceColumns
    source: Source
    fetched_at: datetime
    accounting: Accounting
    tell: Tell
    is_live: bool = False  # it was asked for just now

    def known_at(self, parsed: ParsedEvent) -> datetime | None:
        """Return when a telling was made; None where nobody says: a file may be old."""
        return parsed.known_at or (self.fetched_at if self.is_live else None)

    @cached_property
    def with_result(self) -> set[str]:
        return {result.event_ref for result in self.batch.results}

    @cached_property
    def _newest_price(self) -> dict[str, int]:
        """Return when the newest price of each event was seen."""
        columns = self.columns
        newest = np.zeros(len(columns.keys), dtype=np.int64)
        np.maximum.at(newest, columns.key, columns.seen)
        found: dict[str, int] = {}
        for key, seen in zip(columns.keys, newest.tolist(), strict=True):
            found[key[0]] = max(seen, found.get(key[0], 0))
        return found

    def told_at(self, ref: str) -> datetime:
        """Return since when a telling is known: an old file tells what was known then."""
        seen = self._newest_price.get(ref)
        return min(moment_of(seen), self.fetched_at) if seen else self.fetched_at


def record_events(*, hearing: Hearing, names: Names, ids: Ids) -> Catalogue:
    """Make the events that are new, move those that moved; a finished one is not reopened."""
    namespace = hearing.source.ids_of
    among = joining.standing(batch=hearing.batch, names=names, ids=ids, namespace=namespace)
    known = set(among.ids)
    catalogue, made = Catalogue(), []
    found: dict[int, tuple[Event, list[ParsedEvent]]] = {}
    for parsed in hearing.batch.events:
        event = joining.find(parsed=parsed, names=names, among=among)
        if isinstance(event, Waiting):
            catalogue.waiting.setdefault(parsed.ref, event)
            continue
        if event is None:
            event = _make(parsed, names, among)
            event.start_known_at = hearing.known_at(parsed)
            made.append(event)
        if parsed.id:
            among.ids.setdefault(parsed.id, event)
            among.named.setdefault(id(event), parsed.id)
        catalogue.events[parsed.ref] = event
        found.setdefault(id(event), (event, []))[1].append(parsed)
    copying.add_rows(made)
    new = {event.pk for event in made}
    heard = [
        (event, tellings[1:] if event.pk in new else tellings) for event, tellings in found.values()
    ]
    changed = _hear(heard, hearing) - new
    for event, tellings in found.values():
        if event.pk in new:
            hearing.accounting.load([tellings[0].record])
    _note_aliases(among.ids, known, catalogue, hearing)
    _know_sides(catalogue, names)
    n_known = len(found) - len(new) - len(changed)
    catalogue.counts = EventCounts(len(new), len(changed), n_known)
    return catalogue


def _make(parsed: ParsedEvent, names: Names, among: Standing) -> Event:
    """Return a new event, not saved yet; without a leg it is its pairing's next one."""
    competition, sides = names.competitions[parsed.competition], names.sides(parsed)
    season = names.seasons[competition.pk, parsed.season]
    home, away = sides or (None, None)
    leg, name = parsed.leg or 1, parsed.name or f"{competition.name} {parsed.season}"
    if home is not None and away is not None:
        name = f"{home.name} v {away.name}"
        if parsed.leg is None:
            pair = among.pairs.get((competition.pk, home.pk, away.pk), ())
            leg = max((row.leg for row in pair if row.season_id == season), default=0) + 1
    elif parsed.race_number is not None and not parsed.name:
        name = f"{competition.name} {parsed.meeting_date} R{parsed.race_number}"
    assert parsed.starts_at is not None, "found out by joining"
    event = Event(
        competition=competition,
        season_id=season,
        home=home,
        away=away,
        leg=leg,
        round=parsed.round[:20],
        meeting_date=parsed.meeting_date,
        race_number=parsed.race_number,
        name=name[:250],
        starts_at=parsed.starts_at,
        start_certainty=parsed.certainty,
        started_at=parsed.started_at,
        status=parsed.status,
        is_neutral=parsed.is_neutral,
        data=dict(parsed.data),
    )
    among.add(event)
    return event


def _note_aliases(
    ids: Mapping[str, Event], known: set[str], catalogue: Catalogue, hearing: Hearing
) -> None:
    """Keep the publisher's ids that are new, so that the same is found by them next time."""
    new = sorted(ids.keys() - known)
    if not new:
        return
    namespace = hearing.source.ids_of
    EventAlias.objects.bulk_create(
        [EventAlias(namespace=namespace, ref=ref, event=ids[ref]) for ref in new],
        batch_size=CHUNK,
        ignore_conflicts=True,
    )
    first: dict[str, int] = {}
    for parsed in hearing.batch.events:
        if parsed.id in ids and parsed.id not in known and parsed.ref in catalogue.events:
            first.setdefault(parsed.id, parsed.record)
    hearing.accounting.load(first.values())


def _know_sides(catalogue: Catalogue, names: Names) -> None:
    """Note the sides of each match, read where only an id led to it."""
    told = {row.pk: row for row in names.participants.values()}
    events = {event.pk: event for event in catalogue.events.values() if event.home_id}
    unread = {pk for event in events.values() for pk in (event.home_id, event.away_id)} - set(told)
    if unread:
        told |= Participant.objects.in_bulk(unread)
    for pk, event in events.items():
        home, away = told[event.home_id], told[event.away_id]  # type: ignore[index]
        catalogue.teams[pk] = home, away
        catalogue.sides[pk] = home.name, away.name


# -- what a source says of events that stand ------------------------------------------
def _hear(pairs: Sequence[tuple[Event, list[ParsedEvent]]], hearing: Hearing) -> set[int]:
    """Take over what is told of events that stand; return those that changed."""
    moving = {
        event.pk
        for event, tellings in pairs
        for parsed in tellings
        if _differs(event.starts_at, parsed.starts_at)
        or (event.started_at and _differs(event.started_at, parsed.started_at))
    }
    history: dict[int, list[EventChange]] = {}
    if moving:
        for row in EventChange.objects.filter(event__in=moving).order_by("known_at", "pk"):
            history.setdefault(row.event_id, []).append(row)
    changed: dict[int, Event] = {}
    written: list[EventChange] = []
    for event, tellings in pairs:
        for parsed in tellings:
            past = history.setdefault(event.pk, [])
            news = _move(event, parsed, past, hearing)
            if news is not None:
                changed[event.pk] = event
                past += news
                written += news
                hearing.accounting.load([parsed.record])
    Event.objects.bulk_update(list(changed.values()), _MOVES, batch_size=CHUNK)
    copying.add_rows(written)
    return set(changed)


def _differs(standing: datetime | None, told: datetime | None) -> bool:
    return told is not None and told != standing


def _move(
    row: Event, parsed: ParsedEvent, past: Sequence[EventChange], hearing: Hearing
) -> list[EventChange] | None:
    """Take over what a telling says that is new; return the moves, None where nothing is.

    A start that is known for certain is not moved by one that is not; the plan takes back no
    start, no end and no postponement.
    """
    starts_at = _start(row, parsed, past, hearing)
    if starts_at is None:
        return None
    moved, status = row.starts_at != starts_at, parsed.status
    is_plan = status == Event.Status.SCHEDULED
    is_over = row.status in OVER and (is_plan or status == Event.Status.LIVE)
    if is_over or (is_plan and not moved):
        status = row.status
    started_at = parsed.started_at or row.started_at
    is_other = row.started_at is not None and started_at != row.started_at
    if is_other and (
        _is_older(row, parsed, hearing)
        or _is_old_news(past, "started_at", str(started_at), parsed.ref, hearing)
    ):
        started_at = row.started_at
    before = row.starts_at, row.started_at, row.status
    after = starts_at, started_at, status
    is_fuller = _fill(row, parsed)
    if before == after and not is_fuller:
        return None
    if before[:2] != after[:2]:
        row.close_recorded_for = None
    if moved:
        row.start_known_at = hearing.known_at(parsed)
    row.starts_at, row.started_at, row.status = after
    known_at = hearing.known_at(parsed) or hearing.told_at(parsed.ref)
    return [
        EventChange(
            event=row,
            source=hearing.source,
            field=name,
            before="" if was is None else str(was),
            after=str(is_now),
            known_at=known_at,
        )
        for name, was, is_now in zip(
            ("starts_at", "started_at", "status"), before, after, strict=True
        )
        if was != is_now
    ]


def _start(
    row: Event, parsed: ParsedEvent, past: Sequence[EventChange], hearing: Hearing
) -> datetime | None:
    """Return the start that holds from now on; None where the whole telling is turned away."""
    told = parsed.starts_at
    sure = _SURE[Event.Certainty(parsed.certainty)] - _SURE[Event.Certainty(row.start_certainty)]
    if told is None or sure < 0:
        return row.starts_at
    if sure > 0:
        return told
    if told == row.starts_at or _is_older(row, parsed, hearing):
        return row.starts_at
    if _is_old_news(past, "starts_at", str(told), parsed.ref, hearing):
        return row.starts_at
    if row.status in OVER and parsed.ref not in hearing.with_result:
        said = f"the start of {row}, which is over: {row.starts_at:%Y-%m-%d %H:%M} UTC"
        hearing.tell("starts_at", said, parsed.record or None)
        return None
    return told


def _is_older(row: Event, parsed: ParsedEvent, hearing: Hearing) -> bool:
    """Say whether a telling was made before the one that the standing start comes from."""
    known_at = hearing.known_at(parsed)
    return known_at is not None and row.start_known_at is not None and known_at < row.start_known_at


def _is_old_news(
    past: Sequence[EventChange], name: str, told: str, ref: str, hearing: Hearing
) -> bool:
    """Say whether a telling only repeats what was changed since.

    So it is where the telling is older than the change, or another source made the change and
    this one has said nothing new after it.
    """
    changes = [row for row in past if row.field == name]
    replaced = [row for row in changes if row.before == told]
    if not replaced:
        return False
    mine = hearing.source.pk
    if replaced[-1].source_id != mine and changes[-1].source_id != mine:
        return True
    return replaced[-1].known_at > hearing.told_at(ref)


def _fill(row: Event, parsed: ParsedEvent) -> bool:
    """Add what was not known of an event; what stands is left.  Return whether any was new."""
    before = (
        row.start_certainty, row.round, row.meeting_date, row.race_number, row.is_neutral,
        len(row.data),
    )  # fmt: skip
    sure = _SURE[Event.Certainty(parsed.certainty)] - _SURE[Event.Certainty(row.start_certainty)]
    if sure > 0 and parsed.starts_at is not None:
        row.start_certainty = parsed.certainty
    row.round = row.round or parsed.round[:20]
    row.meeting_date = row.meeting_date or parsed.meeting_date
    if row.race_number is None and parsed.race_number is not None and row.home_id is None:
        row.race_number, row.name = parsed.race_number, (parsed.name or row.name)[:250]
    row.is_neutral = row.is_neutral or parsed.is_neutral
    row.data = {**parsed.data, **row.data}
    return before != (
        row.start_certainty, row.round, row.meeting_date, row.race_number, row.is_neutral,
        len(row.data),
    )  # fmt: skip
