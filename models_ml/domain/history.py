"""The fixture list and the results, as worlds: what was known in an epoch.

A match takes its place by (first known, start, event): what became known is learned when it
became known.  A correction changes a match in its place and begins an epoch of its competition;
every ask is answered in the epoch that its moment lies in.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np

from models_ml.domain import asof
from models_ml.domain.arrays import Bools, Ints
from models_ml.domain.asof import BadAsk, Timeline
from models_ml.domain.facts import NONE, Asks, Fixtures, Results


class Plan:
    """Fixtures as they were known at a moment, their sides numbered from 0 in their units.

    ``unit``: where the state of a side lives: "competition", or "sport" for those who run on
    many tracks.
    """

    def __init__(self, *, fixtures: Fixtures, unit: str) -> None:
        self.fixtures = fixtures
        self.events, self.first_row = np.unique(fixtures.event, return_index=True)
        self.event = np.searchsorted(self.events, fixtures.event)
        self._versions = Timeline(keys=self.event, moments=fixtures.known_at)
        where = fixtures.competition if unit == "competition" else np.zeros_like(fixtures.event)
        self.units, self.unit = np.unique(where, return_inverse=True)
        both = np.concatenate([fixtures.home, fixtures.away])
        names, number = np.unique(both, return_inverse=True)
        pairs = np.concatenate([self.unit, self.unit]) * (len(names) + 1) + number
        sides, side = np.unique(pairs, return_inverse=True)
        side = np.where(both >= 0, side, NONE)
        self.n_sides = len(sides)
        self.home, self.away = side[: len(self.event)], side[len(self.event) :]

    def rows_at(self, *, events: Ints, moments: Ints) -> Ints:
        """Return the row of each event's fixture as known at a moment, -1 where it was not."""
        return self._versions.newest(keys=asof.numbers_among(events, self.events), moments=moments)


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """Asks with the fixture as it was known at each one's moment."""

    number: Ints  # in the caller's order
    event: Ints
    participant: Ints
    as_of: Ints
    row: Ints
    unit: Ints
    home: Ints
    away: Ints
    season: Ints
    starts_at: Ints

    def chosen(self, places: Ints) -> "Asked":
        return Asked(*[getattr(self, field.name)[places] for field in fields(self)])


def asked(*, plan: Plan, asks: Asks) -> Asked:
    """Return asks with their fixtures.

    Raises:
        BadAsk: an event is not known at ``as_of``, or has started by then.
    """
    row = plan.rows_at(events=asks.event, moments=asks.as_of)
    if (row < 0).any():
        raise BadAsk(f"event {asks.event[row < 0][0]} is unknown at its as_of")
    starts_at = plan.fixtures.starts_at[row]
    late = asks.as_of >= starts_at
    if late.any():
        raise BadAsk(f"event {asks.event[late][0]} has started by its as_of")
    return Asked(
        np.arange(len(row)), asks.event, asks.participant, asks.as_of, row, plan.unit[row],
        plan.home[row], plan.away[row], plan.fixtures.season_rank[row], starts_at,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Stream:
    """Matches of a world in their places, with the scores that were known in its epoch."""

    place: Ints
    unit: Ints
    season: Ints
    home: Ints
    away: Ints
    starts_at: Ints
    known_at: Ints
    is_final: Bools
    home_score: Ints
    away_score: Ints
    row: Ints  # of the fixture


def picked(stream: Stream, chosen: Ints | Bools) -> Stream:
    return Stream(*[getattr(stream, field.name)[chosen] for field in fields(stream)])


class History:
    """Matches that ended, each in its place, and their corrections in order of time."""

    def __init__(self, *, plan: Plan, results: Results) -> None:
        event = asof.numbers_among(results.event, plan.events)
        good = event >= 0
        good[good] = plan.home[plan.first_row[event[good]]] >= 0
        event = event[good]
        first_known = plan.fixtures.known_at[plan.first_row[event]]
        known_at = np.maximum(results.known_at[good], first_known)
        order = np.lexsort((results.version[good], known_at, event))
        self._event, self._known = event[order], known_at[order]
        self._final = results.is_final[good][order] == 1
        self._home = results.home_score[good][order]
        self._away = results.away_score[good][order]
        finals = np.flatnonzero(self._final)
        events, first = np.unique(self._event[finals], return_index=True)
        self.first = self._streamed(plan, events, finals[first])
        self._note_corrections(plan, events, finals[first])

    def _streamed(self, plan: Plan, events: Ints, rows: Ints) -> Stream:
        """Return the matches as first told, in their places."""
        known_at = self._known[rows]
        row = plan.rows_at(events=plan.events[events], moments=known_at)
        starts_at = plan.fixtures.starts_at[row]
        order = np.lexsort((plan.events[events], starts_at, known_at))
        rows, row = rows[order], row[order]
        self._place = np.full(len(plan.events), NONE)
        self._place[events[order]] = np.arange(len(order))
        return Stream(
            np.arange(len(order)), plan.unit[row], plan.fixtures.season_rank[row],
            plan.home[row], plan.away[row], starts_at[order], known_at[order],
            self._final[rows], self._home[rows], self._away[rows], row,
        )  # fmt: skip

    def _note_corrections(self, plan: Plan, events: Ints, first: Ints) -> None:
        """Find versions after the first final one that say something else than the one before."""
        since = np.full(len(plan.events), len(self._event))
        since[events] = first
        rows = np.arange(len(self._event))
        later = rows > since[self._event]
        before = np.maximum(rows - 1, 0)
        other = (self._final != self._final[before]) | (
            self._final & ((self._home != self._home[before]) | (self._away != self._away[before]))
        )
        rows = rows[later & other]
        rows = rows[np.argsort(self._known[rows], kind="stable")]
        self._rows, self.corrected_at = rows, self._known[rows]
        self.corrected_place = self._place[self._event[rows]]
        self.corrected_unit = self.first.unit[self.corrected_place]

    def corrected(self, count: int, unit: int) -> tuple[Stream, Ints]:
        """Return the matches after ``count`` corrections of a unit, and the places of those."""
        mine = np.flatnonzero(self.corrected_unit == unit)[:count]
        rows, places = self._rows[mine], self.corrected_place[mine]
        final = self.first.is_final.copy()
        home, away = self.first.home_score.copy(), self.first.away_score.copy()
        final[places], home[places], away[places] = (
            self._final[rows], self._home[rows], self._away[rows],
        )  # fmt: skip
        whole = self.first
        return Stream(
            whole.place, whole.unit, whole.season, whole.home, whole.away, whole.starts_at,
            whole.known_at, final, home, away, whole.row,
        ), places  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Epoch:
    """Asks that see the same versions of results, and the matches that they may see.

    ``changed_from``: the first place at which the matches may differ from those of the epoch
    given before it for the same unit; 0 where there was none.
    """

    asked: Asked
    stream: Stream
    unit: int  # NONE: several units, none of them corrected yet
    changed_from: int


def epochs(*, history: History, asked: Asked) -> Iterator[Epoch]:
    """Return all asks, grouped by epoch; an epoch in which nobody asks is skipped."""
    number = np.zeros(len(asked.number), dtype=np.int64)
    for unit in np.unique(history.corrected_unit):
        mine = asked.unit == unit
        when = history.corrected_at[history.corrected_unit == unit]
        number[mine] = np.searchsorted(when, asked.as_of[mine], side="right")
    clean = np.flatnonzero(number == 0)
    if len(clean):
        chosen = asked.chosen(clean)
        yield Epoch(chosen, _visible(history.first, chosen), NONE, 0)
    for unit in np.unique(asked.unit[number > 0]):
        done = 0
        for count in np.unique(number[(asked.unit == unit) & (number > 0)]):
            chosen = asked.chosen(np.flatnonzero((asked.unit == unit) & (number == count)))
            stream, places = history.corrected(int(count), int(unit))
            changed = int(places[done:].min()) if done else 0
            yield Epoch(chosen, _visible(stream, chosen), int(unit), changed)
            done = int(count)


def _visible(stream: Stream, asked: Asked) -> Stream:
    """Leave out what nobody here may see: other units, what is known later, what was taken back."""
    units = np.unique(asked.unit)
    end = np.searchsorted(stream.known_at, asked.as_of.max(), side="right")
    seen = stream.is_final.copy()
    seen[end:] = False
    if len(units) < len(np.unique(stream.unit)):
        seen &= np.isin(stream.unit, units)
    return stream if seen.all() else picked(stream, seen)
