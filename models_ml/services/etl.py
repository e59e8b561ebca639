"""The nightly filling of the store: what is new of the facts, and the features that it changes.

What comes out is what a rebuild would make, value for value: facts are held against the tables,
and features of whatever may see a new fact are computed anew by the one computation there is.
Rows from before that fact must come out as they were stored; those that do not are counted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from time import perf_counter
from typing import Any

import numpy as np
from django.db import connection, transaction
from django.db.models import Sum

from markets.models import Competition, Sport
from markets.services import partitions
from models_ml.domain.facts import EVER, NEVER, Facts, Table
from models_ml.domain.features import FeatureSet, microseconds
from models_ml.models import EtlRun, StoreFile
from models_ml.queries import facts as tables
from models_ml.services.store import (
    columns,
    extracting,
    features,
    layout,
    reading,
    verifying,
    writing,
)
from models_ml.services.store.columns import CacheDamaged
from models_ml.services.store.extracting import Places
from models_ml.services.store.filling import Filling
from models_ml.services.store.layout import Group, Shelf
from models_ml.services.store.writing import About
from monitoring.domain.progress import RunHandle
from monitoring.errors import Refused
from monitoring.services import audit

LOCK_CLASS = 7_202  # of two-part locks: one filling of a shelf at a time
MOST_PARTS = 8  # of one group's prices, before they are put together
WHOLE = ("FIXTURES", "RESULTS", "RUNNERS", "ENTRIES", "FIGURES", "NOTICES")  # read whole each time


class ClockBackwards(Refused):
    """The clock stands before something that was already done."""


class UnknownPart(Refused):
    """The store has no such part."""


class NotInTheTables(Refused):
    """What a part held is not in the tables any more."""


class UnknownSport(Refused):
    """No sport has this code."""


def etl(
    *,
    now: datetime,
    actor: str,
    sport: str | None = None,
    rebuild: bool = False,
    sets: Sequence[FeatureSet] = features.KEPT,
    progress: RunHandle | None = None,
) -> list[EtlRun]:
    """Bring the store up to what the tables hold; return one run for each shelf that has events.

    ``rebuild`` does so first, and then holds everything against the tables once more.

    Raises:
        UnknownSport: no sport has this code.
        ClockBackwards: ``now`` is before the last filling.
        CacheDamaged: a part that is needed is not what was written; it is marked, an incident
            says so, and nothing was changed on its shelf.
    """
    months = tables.months_of_prices()
    runs: list[EtlRun] = []
    for shelf in shelves(sport=sport):
        if progress is not None:
            progress.raise_if_cancelled()
            progress.progress(done=len(runs), message=shelf.name)
        mine = [one for one in sets if one.sport == shelf.sport.code]
        try:
            if rebuild:  # what is merely new is no difference
                _fill(Filling(shelf, now, is_rebuild=False), months, mine, actor)
            runs.append(_fill(Filling(shelf, now, is_rebuild=rebuild), months, mine, actor))
        except CacheDamaged as error:
            verifying.note_damage(part=error.part, why=str(error), now=now)
            raise
    return runs


def repair(
    *, part: str, now: datetime, actor: str, sets: Sequence[FeatureSet] = features.KEPT
) -> StoreFile | None:
    """Make a part anew from the tables, in place; None where it has no rows any more.

    Raises:
        UnknownPart: the store has no such part.
        NotInTheTables: prices of it were retired from the tables; it is left as it is.
    """
    with transaction.atomic():
        row = (
            StoreFile.objects.select_related("sport").select_for_update().filter(part=part).first()
        )
        if row is None:
            raise UnknownPart(f"the store has no part {part!r}")
        shelf = Shelf(row.sport, row.is_simulated)
        writing.remove(row=row)
        mine = [one for one in sets if one.sport == shelf.sport.code]
        _fill(
            Filling(shelf, now, is_rebuild=False, is_repair=True),
            tables.months_of_prices(),
            mine,
            actor,
        )
        if row.kind == StoreFile.Kind.QUOTES:
            _need_all(row)
        audit.record(actor=actor, action="models_ml.repair", subject=f"store:{part}", at=now)
    return StoreFile.objects.filter(part=part).first()


def _need_all(row: StoreFile) -> None:
    """Raise NotInTheTables unless the group's prices are at least as many as its part had."""
    group = row.part.rpartition("/")[0]
    standing = StoreFile.objects.filter(part__startswith=f"{group}/").aggregate(n=Sum("rows"))
    if (standing["n"] or 0) < row.rows:
        raise NotInTheTables(
            f"{row.part}: {row.rows - (standing['n'] or 0)} of its prices were retired; bring"
            " their months back into the tables first"
        )


def shelves(*, sport: str | None = None) -> list[Shelf]:
    """Return a shelf for each sport that has competitions, its simulated ones apart.

    Raises:
        UnknownSport: no sport has this code.
    """
    if sport is not None and not Sport.objects.filter(code=sport).exists():
        raise UnknownSport(f"no sport {sport!r}")
    rows = Competition.objects.select_related("sport").order_by("sport__code", "is_simulated")
    if sport is not None:
        rows = rows.filter(sport__code=sport)
    found = {(row.sport_id, row.is_simulated): Shelf(row.sport, row.is_simulated) for row in rows}
    return list(found.values())


def report(*, runs: Sequence[EtlRun], damaged: Sequence[str] = ()) -> dict[str, Any]:
    """Return what fillings did, as JSON can hold it."""
    named = (
        "new_results", "new_quotes", "rows_computed", "rows_kept", "differences", "seconds",
    )  # fmt: skip
    return {
        "sports": [
            {
                "sport": run.sport.code,
                "simulated": run.is_simulated,
                **{name: getattr(run, name) for name in named},
            }
            for run in runs
        ],
        "damaged": list(damaged),
        "seconds": round(sum(run.seconds for run in runs), 3),
    }


def _fill(
    filling: Filling,
    months: Mapping[str, tuple[int, str]],
    sets: Sequence[FeatureSet],
    actor: str,
) -> EtlRun:
    began, shelf = perf_counter(), filling.shelf
    with transaction.atomic():
        with connection.cursor() as cursor:
            key = shelf.sport.pk * 2 + shelf.is_simulated
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK_CLASS, key])
        last = _last(shelf)
        if last is not None and filling.now < last.watermark:
            raise ClockBackwards(f"{shelf.name} was filled at {last.watermark:%Y-%m-%d %H:%M}")
        is_plain = not (filling.is_rebuild or filling.is_repair)
        before = last.figures if last is not None and is_plain else {}
        found = tables.facts(
            sport_id=shelf.sport.pk, is_simulated=shelf.is_simulated, until=filling.now
        )
        places = extracting.places(shelf, found.fixtures)
        _fill_whole(filling, found, places)
        _fill_quotes(filling, months, before.get("months", {}), places)
        filling.figures["books"] = _hash_of_books(found)
        if filling.figures["books"] != before.get("books"):
            filling.dirty[NEVER] = EVER
        features.fill(
            filling=filling,
            sets=sets,
            before=before.get("sets", {}),
            found=found,
            places=places,
        )
        return _finish(filling, seconds=perf_counter() - began, actor=actor)


def _last(shelf: Shelf) -> EtlRun | None:
    rows = EtlRun.objects.filter(sport=shelf.sport, is_simulated=shelf.is_simulated)
    return rows.exclude(finished_at=None).order_by("-began_at", "-pk").first()


def _fill_whole(filling: Filling, found: Facts, places: Places) -> None:
    """Hold the small tables against the store, and write the groups that differ."""
    for kind in WHOLE:
        standing = {row.part: row for row in reading.manifest(shelf=filling.shelf, kind=kind)}
        for place, after in places.split(getattr(found, kind.lower())):
            part = layout.part(shelf=filling.shelf, kind=kind, group=place.group)
            row = standing.pop(part, None)
            before = _read(kind, [row] if row is not None else [])
            gone, new = extracting.changed(before, after)
            if kind == "RESULTS":
                filling.new_results += len(new)
            if row is not None and not (len(gone) or len(new)):
                continue
            _note(filling, kind, (gone, new), places, is_new=row is None)
            _write(filling, part, kind, after, place)
        for row in standing.values():  # the last of their rows is gone
            gone = _read(kind, [row])
            _note(filling, kind, (gone,), places)
            writing.remove(row=row)


def _fill_quotes(
    filling: Filling,
    months: Mapping[str, tuple[int, str]],
    before: Mapping[str, Sequence[Any]],
    places: Places,
) -> None:
    """Add the prices of months whose partition has changed since the last filling.

    A month that was retired is in the store and stays there.
    """
    filling.figures["months"] = {name: list(told) for name, told in months.items()}
    changed = {
        name: told for name, told in months.items() if list(told) != list(before.get(name, ()))
    }
    spans = extracting.spans({partitions.standing()[name]: n for name, (n, _) in changed.items()})
    found: dict[Group, tuple[extracting.Place, list[Any]]] = {}
    for since, until in spans:
        told = tables.quotes_between(
            sport_id=filling.shelf.sport.pk,
            is_simulated=filling.shelf.is_simulated,
            since=since,
            until=until,
        )
        for place, rows in places.split(told):
            one = found.setdefault(place.group, (place, []))
            one[1].append(columns.to_arrow("QUOTES", rows))
    parts = _parts_of_prices(filling.shelf)
    for place, arrived in found.values():
        _add_quotes(filling, place, arrived, parts, places, spans)


def _parts_of_prices(shelf: Shelf) -> dict[str, list[StoreFile]]:
    """Return the parts of each group's prices, in their order."""
    found: dict[str, list[StoreFile]] = {}
    for row in reading.manifest(shelf=shelf, kind="QUOTES"):
        found.setdefault(row.part.rpartition("/")[0], []).append(row)
    return found


def _add_quotes(
    filling: Filling,
    place: extracting.Place,
    arrived: Sequence[Any],
    parts: Mapping[str, list[StoreFile]],
    places: Places,
    spans: Sequence[tuple[datetime, datetime]],
) -> None:
    """Append a group's new prices as a part; put its parts together once they are many."""
    name = layout.part(shelf=filling.shelf, kind="QUOTES", group=place.group).rpartition("/")[0]
    rows = parts.get(name, [])
    before = _read("QUOTES", rows)
    after = columns.from_arrow("QUOTES", arrived)
    covered = np.zeros(len(before), dtype=bool)
    for since, until in spans:
        seen = getattr(before, before.known)
        covered |= (seen >= microseconds(since)) & (seen < microseconds(until))
    gone, new = extracting.changed(before.take(covered), after)
    if not (len(gone) or len(new)):
        return
    filling.new_quotes += len(new)
    _note(filling, "QUOTES", (gone, new), places, is_new=not rows)
    if rows and not len(gone) and len(rows) < MOST_PARTS:
        number = int(rows[-1].part.rpartition("/")[2]) + 1
        part = layout.part(shelf=filling.shelf, kind="QUOTES", group=place.group, number=number)
        _write(filling, part, "QUOTES", new, place)
        return
    kept = columns.to_arrow("QUOTES", before.take(~covered))
    whole = columns.from_arrow("QUOTES", [kept, *arrived])
    for row in rows[1:]:
        writing.remove(row=row)
    part = layout.part(shelf=filling.shelf, kind="QUOTES", group=place.group)
    _write(filling, part, "QUOTES", whole, place)


def _read(kind: str, rows: Sequence[StoreFile]) -> Table:
    return columns.from_arrow(kind, [reading.read(row=row) for row in rows])


def _note(
    filling: Filling,
    kind: str,
    rows: Sequence[Table],
    places: Places,
    *,
    is_new: bool = False,
) -> None:
    """Remember from when on these rows change what is known; what a rebuild finds is a fault."""
    for one in rows:
        extracting.merge(filling.dirty, extracting.since(kind=kind, rows=one, places=places))
        if filling.is_rebuild and not is_new:
            filling.differences += len(one)


def _write(filling: Filling, part: str, kind: str, table: Table, place: extracting.Place) -> None:
    about = About(
        part=part,
        kind=kind,
        shelf=filling.shelf,
        competition=place.competition,
        season=place.season,
        known=extracting.bounds(table),
    )
    writing.write(about=about, content=columns.to_arrow(kind, table), now=filling.now)


def _hash_of_books(found: Facts) -> str:
    nothing = Facts.nothing()
    return replace(nothing, books=found.books).fingerprint()


def _finish(filling: Filling, *, seconds: float, actor: str) -> EtlRun:
    run = EtlRun.objects.create(
        sport=filling.shelf.sport,
        is_simulated=filling.shelf.is_simulated,
        began_at=filling.now,
        finished_at=filling.now + timedelta(seconds=seconds),
        watermark=filling.now,
        new_results=filling.new_results,
        new_quotes=filling.new_quotes,
        rows_computed=filling.computed,
        rows_kept=filling.kept,
        seconds=round(seconds, 3),
        figures=filling.figures,
        is_rebuild=filling.is_rebuild,
        differences=filling.differences,
    )
    audit.record(
        actor=actor,
        action="models_ml.rebuild" if filling.is_rebuild else "models_ml.etl",
        subject=run,
        at=filling.now,
        shelf=filling.shelf.name,
        differences=filling.differences,
    )
    return run
