"""Events, markets and selections of a batch: made once, moved when their source moves them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from django.db import connection

from markets.connectors.base import ParsedEvent, ParsedResult
from markets.domain import kinds
from markets.models import Event
from markets.services.counts import EventCounts
from markets.services.naming import Names, Tell

CHUNK = 2_000
OVER = (Event.Status.FINISHED, Event.Status.ABANDONED, Event.Status.CANCELLED)

EventKey = tuple[int, int, int, int]  # season, home, away, leg
MarketKey = tuple[int, str, Decimal | None]  # event, kind, market line


@dataclass(slots=True)
class Catalogue:
    """The batch's events by their source's ref."""

    events: dict[str, Event] = field(default_factory=dict)
    sides: dict[int, tuple[str, str]] = field(default_factory=dict)  # names, by event id
    counts: EventCounts = field(default_factory=EventCounts)


def record_events(
    *, events: Sequence[ParsedEvent], results: Sequence[ParsedResult], names: Names, tell: Tell
) -> Catalogue:
    """Create the events that are new, move those that moved; a finished one is not reopened."""
    told = {result.event_ref for result in results}
    wanted: dict[EventKey, tuple[ParsedEvent, Event]] = {}
    for parsed in events:
        event = _as_event(parsed, names)
        if event is not None:
            wanted[_key(event)] = (parsed, event)
    stored = _stored(wanted)
    new = [event for key, (_, event) in wanted.items() if key not in stored]
    if new:
        Event.objects.bulk_create(new, batch_size=CHUNK, ignore_conflicts=True)
        stored |= _stored({_key(event): None for event in new})
    fresh = {_key(event) for event in new}
    catalogue = Catalogue()
    changed = []
    for key, (parsed, event) in wanted.items():
        row = stored[key]
        catalogue.events[parsed.ref] = row
        catalogue.sides[row.pk] = (event.home.name, event.away.name)  # type: ignore[union-attr]
        if key not in fresh and _move(row, parsed, has_result=parsed.ref in told, tell=tell):
            changed.append(row)
    Event.objects.bulk_update(
        changed, ["starts_at", "started_at", "status", "close_recorded_for"], batch_size=CHUNK
    )
    catalogue.counts = EventCounts(len(new), len(changed), len(wanted) - len(new) - len(changed))
    return catalogue


def _as_event(parsed: ParsedEvent, names: Names) -> Event | None:
    sides = names.sides(parsed)
    if sides is None:
        return None
    home, away = sides
    return Event(
        competition=names.competitions[parsed.competition],
        season_id=names.seasons[parsed.competition, parsed.season],
        home=home,
        away=away,
        leg=parsed.leg,
        name=f"{home.name} v {away.name}",
        starts_at=parsed.starts_at,
        started_at=parsed.started_at,
        status=parsed.status,
    )


def _key(event: Event) -> EventKey:
    return event.season_id, event.home_id or 0, event.away_id or 0, event.leg


def _stored(keys: Mapping[EventKey, object]) -> dict[EventKey, Event]:
    rows = Event.objects.filter(
        season_id__in={key[0] for key in keys}, home_id__in={key[1] for key in keys}
    ).order_by("pk")
    return {_key(row): row for row in rows if _key(row) in keys}


def _move(row: Event, parsed: ParsedEvent, *, has_result: bool, tell: Tell) -> bool:
    """Take over what the source now says; return whether that is anything new."""
    moved = row.starts_at != parsed.starts_at
    if moved and row.status in OVER and not has_result:
        tell("starts_at", f"the start of {row}, which is over: {row.starts_at:%Y-%m-%d %H:%M} UTC")
        return False
    status = parsed.status
    is_plan = status == Event.Status.SCHEDULED
    is_over = row.status in OVER and (is_plan or status == Event.Status.LIVE)
    if is_over or (is_plan and not moved):  # the plan takes back no start and no postponement
        status = row.status
    started_at = parsed.started_at or row.started_at
    if (row.starts_at, row.started_at, row.status) == (parsed.starts_at, started_at, status):
        return False
    if moved or started_at != row.started_at:
        row.close_recorded_for = None
    row.starts_at, row.started_at, row.status = parsed.starts_at, started_at, status
    return True


_FIND = """
SELECT m.event_id, m.kind, m.line, s.role, s.id
FROM markets_market m JOIN markets_selection s ON s.market_id = m.id
WHERE m.event_id = ANY(%s) AND m.period = 'FULL'
"""
_ADD_MARKETS = """
INSERT INTO markets_market (event_id, kind, period, line)
SELECT event_id, kind, 'FULL', line
FROM unnest(%s::bigint[], %s::text[], %s::numeric[]) AS t (event_id, kind, line)
ON CONFLICT DO NOTHING
"""
_ADD_SELECTIONS = """
INSERT INTO markets_selection (market_id, role, name, line)
SELECT m.id, t.role, t.name, t.own_line
FROM unnest(%s::bigint[], %s::text[], %s::numeric[], %s::text[], %s::text[], %s::numeric[])
    AS t (event_id, kind, line, role, name, own_line)
JOIN markets_market m ON m.event_id = t.event_id AND m.kind = t.kind AND m.period = 'FULL'
    AND m.line IS NOT DISTINCT FROM t.line
ON CONFLICT DO NOTHING
"""

SelectionIds = dict[MarketKey, dict[str, int]]  # by role


def ensure_selections(
    *, wanted: Iterable[MarketKey], catalogue: Catalogue
) -> tuple[SelectionIds, set[int]]:
    """Return each market's selections by role, and the ids of those that are new.

    A market that is missing is made with all of its selections.
    """
    wanted = set(wanted)
    event_ids = sorted({event_id for event_id, _, _ in wanted})
    before = _find(event_ids)
    missing = sorted(wanted - set(before), key=lambda key: (key[0], key[1], key[2] or Decimal(0)))
    if not missing:
        return before, set()
    rows = [
        (
            *key,
            role,
            kinds.selection_name(
                role=role,
                home=catalogue.sides[key[0]][0],
                away=catalogue.sides[key[0]][1],
                line=key[2],
            ),
            kinds.selection_line(kind=key[1], role=role, line=key[2]),
        )
        for key in missing
        for role in kinds.ROLES[key[1]]
    ]
    with connection.cursor() as cursor:
        cursor.execute(_ADD_MARKETS, [list(column) for column in zip(*missing, strict=True)])
        cursor.execute(_ADD_SELECTIONS, [list(column) for column in zip(*rows, strict=True)])
    after = _find(event_ids)
    known = {pk for roles in before.values() for pk in roles.values()}
    return after, {pk for roles in after.values() for pk in roles.values()} - known


def _find(event_ids: Sequence[int]) -> SelectionIds:
    found: SelectionIds = {}
    with connection.cursor() as cursor:
        cursor.execute(_FIND, [list(event_ids)])
        for event_id, kind, line, role, pk in cursor.fetchall():
            found.setdefault((event_id, kind, line), {})[role] = pk
    return found
