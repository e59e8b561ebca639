"""Records that wait for a name or an event: kept with their payload, to be read again."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection

from markets.models import ParkedRow, Source, UnknownName
from markets.services import suggesting
from markets.services.accounting import Accounting, Waiting
from markets.services.naming import Missing

CHUNK = 2_000
_IGNORED, _WAITING = ParkedRow.State.IGNORED, ParkedRow.State.WAITING


@dataclass(frozen=True, slots=True)
class Look:
    """The archived payload that a batch was parsed from, and how it is to be parsed again."""

    payload_id: int
    name: str
    options: Mapping[str, Any] = field(default_factory=dict)


def park(
    *, accounting: Accounting, look: Look, source: Source, fetched_at: datetime, now: datetime
) -> None:
    """Keep the records that wait, and settle those that waited and came through this time.

    Needs an open transaction.  A record whose names an operator ignores is kept as ignored: it
    comes back should the name be mapped after all.
    """
    waiting = accounting.waiting()
    _settle(accounting.told() - waiting.keys(), look, now)
    if not waiting:
        return
    names = _names(waiting, source, now)
    rows = [
        _row(number, why, names, look, source, accounting.batch.excerpts, fetched_at, now)
        for number, why in sorted(waiting.items())
    ]
    ParkedRow.objects.bulk_create(
        rows,
        batch_size=CHUNK,
        update_conflicts=True,
        unique_fields=["payload", "name", "record"],
        update_fields=["reason", "detail", "state", "settled_at"],
    )
    _link(waiting, names, look)
    count_rows(name_ids=[name.pk for name in names.values()])


def _settle(records: Iterable[int], look: Look, now: datetime) -> None:
    """Mark what waited and has come through."""
    standing = ParkedRow.objects.filter(
        payload=look.payload_id, name=look.name, state__in=(_WAITING, _IGNORED)
    )
    left = dict(standing.values_list("record", "pk"))
    done = [left[number] for number in records if number in left]
    if not done:
        return
    through = ParkedRow.names.through.objects.filter(parkedrow__in=done)
    name_ids = list(through.values_list("unknownname", flat=True).distinct())
    ParkedRow.objects.filter(pk__in=done).update(state=ParkedRow.State.LOADED, settled_at=now)
    count_rows(name_ids=name_ids)


def _names(
    waiting: Mapping[int, Waiting], source: Source, now: datetime
) -> dict[Missing, UnknownName]:
    """Return the unknown names, those that are new with suggestions."""
    wanted = sorted({name for why in waiting.values() for name in why.names}, key=str)
    found = _standing(wanted, source)
    new = [
        UnknownName(
            source=source,
            kind=name.kind,
            sport_id=name.sport_id,
            competition_id=name.competition_id,
            name=name.name,
            first_seen_at=now,
            last_seen_at=now,
        )
        for name in wanted
        if name not in found
    ]
    if new:
        suggesting.fill(names=new)
        UnknownName.objects.bulk_create(new, batch_size=CHUNK, ignore_conflicts=True)
    if len(found) > 0:
        seen = [row.pk for row in found.values()]
        UnknownName.objects.filter(pk__in=seen, last_seen_at__lt=now).update(last_seen_at=now)
    return _standing(wanted, source) if new else found


def _standing(wanted: Sequence[Missing], source: Source) -> dict[Missing, UnknownName]:
    rows = UnknownName.objects.filter(source=source, name__in={name.name for name in wanted})
    by_key = {Missing(row.kind, row.sport_id, row.competition_id, row.name): row for row in rows}
    return {name: by_key[name] for name in wanted if name in by_key}


def _row(
    number: int,
    why: Waiting,
    names: Mapping[Missing, UnknownName],
    look: Look,
    source: Source,
    excerpts: Mapping[int, str],
    fetched_at: datetime,
    now: datetime,
) -> ParkedRow:
    states = {names[name].state for name in why.names}
    is_ignored = bool(states) and UnknownName.State.IGNORED in states
    return ParkedRow(
        source=source,
        payload_id=look.payload_id,
        name=look.name[:500],
        options=dict(look.options),
        fetched_at=fetched_at,
        record=number,
        reason=why.reason,
        detail=why.detail.replace("\0", "")[:250],
        excerpt=excerpts.get(number, "").replace("\0", "")[:500],
        parked_at=now,
        state=_IGNORED if is_ignored else _WAITING,
        settled_at=now if is_ignored else None,
    )


def _link(waiting: Mapping[int, Waiting], names: Mapping[Missing, UnknownName], look: Look) -> None:
    """Say which names each record waits for, and no others."""
    rows = ParkedRow.objects.filter(
        payload=look.payload_id, name=look.name[:500], record__in=list(waiting)
    )
    ids = dict(rows.values_list("record", "pk"))
    through = ParkedRow.names.through
    through.objects.filter(parkedrow__in=ids.values()).delete()
    through.objects.bulk_create(
        [
            through(parkedrow_id=ids[number], unknownname_id=names[name].pk)
            for number, why in waiting.items()
            for name in why.names
        ],
        batch_size=CHUNK * 2,
        ignore_conflicts=True,
    )


_COUNT = """
UPDATE markets_unknownname u SET rows = c.n
FROM (SELECT w.id, count(r.id) AS n FROM unnest(%s::bigint[]) AS w (id)
      LEFT JOIN markets_parkedrow_names t ON t.unknownname_id = w.id
      LEFT JOIN markets_parkedrow r ON r.id = t.parkedrow_id AND r.state = 'WAITING'
      GROUP BY w.id) AS c
WHERE u.id = c.id AND u.rows <> c.n
"""


def count_rows(*, name_ids: Sequence[int]) -> None:
    """Write down how many records wait for each of these names."""
    if name_ids:
        with connection.cursor() as cursor:
            cursor.execute(_COUNT, [list(name_ids)])
