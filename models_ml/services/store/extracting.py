"""What of the tables goes into which part, and what of it the store does not hold yet."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from markets.models import Competition, Season
from models_ml.domain import asking
from models_ml.domain.facts import EVER, NEVER, NONE, Fixtures, Table
from models_ml.services.store import layout
from models_ml.services.store.layout import Group, Shelf

DAY = 86_400_000_000
#: A plan counts for matches that start after it, which are looked at a day before they do.
AHEAD = 2 * DAY
MANY = 1_000_000  # prices that are read at once
#: Horses run on many tracks: their seasons are kept whole, and what they did counts everywhere.
BY_SPORT = frozenset({"horse_racing", "greyhound_racing"})


@dataclass(frozen=True, slots=True)
class Place:
    """What a group is of; nothing where it is of several competitions."""

    group: Group
    competition: Competition | None = None
    season: Season | None = None


@dataclass(frozen=True, slots=True)
class Places:
    """Which group each event belongs to, which unit of state, and when it starts."""

    event: NDArray[np.int64]  # in order
    group: NDArray[np.int64]  # place in ``all``
    unit: NDArray[np.int64]  # competition; -1 where a sport is one unit
    starts_at: NDArray[np.int64]
    all: tuple[Place, ...]

    def find(self, events: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return where events stand here; -1 for what is of no event."""
        if not len(self.event):
            return np.full(len(events), NONE)
        at = np.minimum(np.searchsorted(self.event, events), len(self.event) - 1)
        return np.where(self.event[at] == events, at, NONE)

    def split(self, table: Table) -> Iterator[tuple[Place, Table]]:
        """Give the rows of each group; what is of no event is in a group of its own."""
        at = self.find(table.event)  # type: ignore[attr-defined]
        codes = np.where(at == NONE, len(self.all), self.group[at]) if len(self.event) else at
        for code in np.unique(codes):
            known = 0 <= code < len(self.all)
            yield (self.all[code] if known else Place(Group())), table.take(codes == code)


def places(shelf: Shelf, fixtures: Fixtures) -> Places:
    """Return where everything on a shelf belongs."""
    newest = asking.latest(fixtures)
    seasons = Season.objects.filter(
        competition__sport=shelf.sport, competition__is_simulated=shelf.is_simulated
    ).select_related("competition")
    found: dict[Group, tuple[int, Place]] = {}
    codes: dict[int, int] = {}
    is_one = shelf.sport.code in BY_SPORT
    for season in seasons.order_by("competition__code", "label"):
        group = Group(layout.ALL if is_one else season.competition.code, season.label)
        place = Place(group) if is_one else Place(group, season.competition, season)
        codes[season.pk] = found.setdefault(group, (len(found), place))[0]
    unit = np.full(len(newest), NONE) if is_one else newest.competition
    group_of = np.array([codes[int(pk)] for pk in newest.season], dtype=np.int64)
    ordered = tuple(place for _, place in found.values())
    return Places(newest.event, group_of, unit, newest.starts_at, ordered)


def changed(before: Table, after: Table) -> tuple[Table, Table]:
    """Return the rows that are gone, and those that are new."""
    old, new = before.keys(), after.keys()
    if old.dtype != new.dtype:
        return before, after
    return before.take(~np.isin(old, new)), after.take(~np.isin(new, old))


def since(*, kind: str, rows: Table, places: Places) -> dict[int, int]:
    """Return from when on each unit may see something else, because of these rows.

    What is known since ever counts from shortly before its event: it says nothing of earlier
    ones.  What is of no event counts for every unit, under ``NEVER``.
    """
    if not len(rows):
        return {}
    at = places.find(rows.event)  # type: ignore[attr-defined]
    moments = getattr(rows, rows.known)
    if kind in ("FIXTURES", "ENTRIES"):
        own = rows.starts_at if isinstance(rows, Fixtures) else places.starts_at[at]
        moments = np.maximum(moments, np.minimum(own, places.starts_at[at]) - AHEAD)
    found: dict[int, int] = {}
    units = np.where(at == NONE, NEVER, places.unit[at])
    for unit in np.unique(units):
        found[int(unit)] = int(moments[units == unit].min())
    return found


def merge(into: dict[int, int], more: Mapping[int, int]) -> None:
    """Keep the earlier moment of each unit."""
    for unit, moment in more.items():
        into[unit] = min(into.get(unit, NEVER), moment)


def spread(dirty: Mapping[int, int], places: Places) -> dict[int, int]:
    """Return from when on each unit is to be computed anew; those not named stay."""
    everywhere = dirty.get(NEVER, NEVER)
    units = [int(unit) for unit in np.unique(places.unit)]
    found = {unit: min(dirty.get(unit, NEVER), everywhere) for unit in units}
    return {unit: moment for unit, moment in found.items() if moment < NEVER}


def bounds(table: Table) -> tuple[int, int] | None:
    """Return the first and last moment that is known of a table's rows, for its manifest."""
    moments: NDArray[Any] = getattr(table, table.known)
    told = moments[moments > EVER]
    return (int(told[0]), int(told[-1])) if len(told) else None


def spans(months: Mapping[tuple[int, int], int]) -> list[tuple[datetime, datetime]]:
    """Return spans of time, of about ``MANY`` prices at most: months together, or parts of one.

    >>> a, b = spans({(2023, 12): 5, (2024, 1): 7, (2024, 3): MANY})
    >>> [f"{moment:%Y-%m}" for moment in (*a, *b)]
    ['2023-12', '2024-02', '2024-03', '2024-04']
    >>> [f"{since:%d} to {until:%d}" for since, until in spans({(2024, 6): 3 * MANY})]
    ['01 to 11', '11 to 21', '21 to 01']
    """
    found: list[tuple[datetime, datetime]] = []
    many = 0
    for month, n in sorted(months.items()):
        since, until = _span(*month)
        many += n
        if found and found[-1][1] == since and many <= MANY:
            found[-1] = (found[-1][0], until)
            continue
        parts = -(-n // MANY) or 1
        ends = [since + (until - since) * part / parts for part in range(parts + 1)]
        found += pairwise(ends)
        many = n
    return found


def _span(year: int, month: int) -> tuple[datetime, datetime]:
    """Return when a month begins and ends."""
    since = datetime(year, month, 1, tzinfo=UTC)
    return since, datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
