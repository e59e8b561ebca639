"""Features of everything that happened, kept as Parquet; made anew where a new fact reaches."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models_ml.domain import asking, feature_sets
from models_ml.domain import features as domain
from models_ml.domain.asking import Labelled
from models_ml.domain.facts import EVER, NEVER, Asks, Facts
from models_ml.domain.features import FeatureSet, microseconds
from models_ml.models import StoreFile
from models_ml.queries import finals
from models_ml.services import codes
from models_ml.services.store import columns, extracting, layout, reading, writing
from models_ml.services.store.extracting import Places
from models_ml.services.store.filling import Filling
from models_ml.services.store.writing import About

KEYS = ("event", "participant", "as_of", "label_known_at")
#: Sets whose rows are kept.  A row of a player is of one statistic, and a kept row is of none.
KEPT = tuple(one for one in feature_sets.FEATURE_SETS.values() if one.grain != asking.PLAYER)


def fill(
    *,
    filling: Filling,
    sets: Sequence[FeatureSet],
    before: Mapping[str, Mapping[str, Any]],
    found: Facts,
    places: Places,
) -> None:
    """Compute each set's features of the units that may see something new, and keep the rest.

    A set is computed whole where its columns, its code or its final stage are others than before.
    ``found``: what the store holds by now, but for the prices.
    """
    shelf = filling.shelf
    filling.minutes = finals.final_minutes(sport_id=shelf.sport.pk, is_simulated=shelf.is_simulated)
    made_by = {one.name: _made_by(one, filling.minutes) for one in sets}
    filling.figures["sets"] = made_by
    for one in sets:
        dirty = dict(filling.dirty)
        if filling.is_rebuild or before.get(one.name) != made_by[one.name]:
            dirty[NEVER] = EVER
        rows = reading.manifest(shelf=shelf, kind="FEATURES", feature_set=one.name)
        reach = extracting.spread(dirty, places)
        if not reach:
            filling.kept += sum(row.rows for row in rows)
            continue
        _fill_set(filling, one, reach, (found, places), {row.part: row for row in rows})


def _made_by(one: FeatureSet, minutes: float) -> dict[str, Any]:
    """Return what shapes a set's values beside the facts."""
    return {"features": one.sha256, "code": codes.code_of(one.name), "minutes": minutes}


def _fill_set(
    filling: Filling,
    one: FeatureSet,
    reach: Mapping[int, int],
    where: tuple[Facts, Places],
    standing: dict[str, StoreFile],
) -> None:
    found, places = where
    events = places.event[np.isin(places.unit, list(reach))]
    told = asking.labelled(facts=found, grain=one.grain, minutes=filling.minutes)
    told = _of(told, np.isin(told.asks.event, events))
    quotes = reading.quotes(shelf=filling.shelf, events=events, competitions=list(reach))
    known = replace(found, quotes=quotes.at(microseconds(filling.now)))
    values = domain.compute(feature_set=one, facts=known, asks=told.asks)
    at = places.find(told.asks.event)
    for code in np.unique(places.group[np.isin(places.unit, list(reach))]):
        mine = places.group[at] == code
        part = layout.features_part(
            shelf=filling.shelf, feature_set=one.name, group=places.all[code].group
        )
        row = standing.pop(part, None)
        moments = np.array([reach[int(unit)] for unit in places.unit[at][mine]], dtype=np.int64)
        _fill_part(
            filling, one, (part, row, places.all[code]), _of(told, mine), values[mine], moments
        )
    filling.kept += sum(row.rows for row in standing.values())


def _fill_part(
    filling: Filling,
    one: FeatureSet,
    what: tuple[str, StoreFile | None, extracting.Place],
    told: Labelled,
    values: NDArray[np.float64],
    moments: NDArray[np.int64],
) -> None:
    """Hold what was computed against what is kept; write it where anything is different."""
    part, row, place = what
    keys = dict(zip(KEYS, (*told.asks, told.known_at), strict=True))
    content = columns.features_to_arrow(keys=keys, names=one.names, values=values)
    before = reading.read(row=row) if row is not None else content.slice(0, 0)
    if before.column_names != content.column_names:
        before = content.slice(0, 0)
    same, shared = _same(before, content)
    filling.kept += int(same.sum())
    filling.computed += int((~same).sum())
    if row is not None and before.num_rows:
        old = (keys["as_of"] < moments) if not filling.is_rebuild else np.ones(len(same), bool)
        filling.differences += int((shared & ~same & old).sum())
    if row is not None and _equal(before, content):
        return
    if not content.num_rows:
        if row is not None:
            writing.remove(row=row)
        return
    about = About(
        part=part,
        kind="FEATURES",
        shelf=filling.shelf,
        feature_set=one.name,
        competition=place.competition,
        season=place.season,
        known=(int(keys["as_of"].min()), int(keys["as_of"].max())),
    )
    writing.write(about=about, content=content, now=filling.now)


def _same(before: Any, content: Any) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which rows are as they were kept, and which were kept at all."""
    who = ["event", "participant"]
    said = [name for name in content.column_names if name != "label_known_at"]
    shared = np.isin(columns.keys(content, who), columns.keys(before, who))
    return np.isin(columns.keys(content, said), columns.keys(before, said)), shared


def _equal(before: Any, content: Any) -> bool:
    """Say whether every byte is the same: Arrow holds no unknown number for equal to another."""
    if before.column_names != content.column_names or before.num_rows != content.num_rows:
        return False
    names = content.column_names
    return bool((columns.keys(before, names) == columns.keys(content, names)).all())


def _of(told: Labelled, rows: NDArray[np.bool_]) -> Labelled:
    event, participant, as_of = (column[rows] for column in told.asks)
    return Labelled(Asks(event, participant, as_of), told.known_at[rows])
