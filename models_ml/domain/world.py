"""What a feature set may ask: results, fixtures, quotes and notices as of each ask's moment.

Feature sets see no raw column.  A ``World`` is one epoch: its asks see the same versions of
results, each only up to its own moment.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models_ml.domain import asof, history, waves
from models_ml.domain.arrays import Bools, Floats, Ints
from models_ml.domain.asof import Appearances, Seen
from models_ml.domain.facts import NONE, Asks, Facts
from models_ml.domain.history import Epoch, History, Plan
from models_ml.domain.notices import Told
from models_ml.domain.reference import Boards, Reference
from models_ml.domain.schedule import Schedule
from models_ml.domain.waves import Step


class Ground:
    """What all epochs share: the plan, and what is told and quoted, by key and moment."""

    def __init__(self, *, facts: Facts, asks: Asks, unit: str) -> None:
        self.facts = facts
        self.plan = Plan(fixtures=facts.fixtures, unit=unit)
        self.asked = history.asked(plan=self.plan, asks=asks)
        self._references: dict[tuple[str, tuple[str, ...]], Reference] = {}

    @cached_property
    def schedule(self) -> Schedule:
        return Schedule(self.plan)

    @cached_property
    def boards(self) -> Boards:
        return Boards(quotes=self.facts.quotes, books=self.facts.books)

    def reference(self, kind: str, fallback: tuple[str, ...]) -> Reference:
        """Return the reference of every ask, in the caller's order."""
        if (kind, fallback) not in self._references:
            self._references[kind, fallback] = self.boards.reference(
                kind=kind, events=self.asked.event, as_of=self.asked.as_of, fallback=fallback
            )
        return self._references[kind, fallback]

    @cached_property
    def told(self) -> Told:
        return Told(self.facts.notices)


@dataclass(slots=True)
class Memory:
    """States after each match, kept from one epoch of a unit to the next."""

    n_places: int
    states: dict[str, Floats] = field(default_factory=dict)
    until: int = 0  # places before this one hold


@dataclass(frozen=True, slots=True)
class Learner:
    """A state of two sides that learns from matches in time order.

    ``mean`` is what a side is taken for before its first match, ``newcomer`` where its
    competition has seen an earlier season; ``(k,)`` each.
    """

    name: str
    mean: Sequence[float]
    newcomer: Sequence[float]
    carried: Callable[[Floats], Floats]
    step: Step


class World:
    """One epoch."""

    def __init__(self, *, ground: Ground, epoch: Epoch, memory: Memory) -> None:
        self.ground, self.asked, self.stream = ground, epoch.asked, epoch.stream
        self._memory, self._changed_from = memory, epoch.changed_from
        self.position = np.searchsorted(self.stream.known_at, self.asked.as_of, side="right")

    def fixture(self, name: str) -> NDArray[Any]:
        """Return a column of the asked fixtures, as planned at each ask's moment."""
        return getattr(self.ground.facts.fixtures, name)[self.asked.row]

    def attribute(self, name: str) -> Floats:
        """Return what is known with the fixture, NaN where it is not."""
        values = self.ground.facts.fixtures.attributes.get(name)
        if values is None:
            return np.full(len(self.asked.row), asof.NAN)
        return values[self.asked.row]

    def __len__(self) -> int:
        return len(self.asked.row)

    def _appearances(self, keys: Ints, **columns: NDArray[Any]) -> Appearances:
        n = len(self.stream.place)
        positions = np.arange(n) if len(keys) == n else np.repeat(np.arange(n), 2)
        return Appearances(keys=keys, positions=positions, n_positions=n, columns=columns)

    @cached_property
    def columns(self) -> dict[str, NDArray[Any]]:
        """Return what a match gives the two who play it, (home, away) after one another."""
        s = self.stream
        margin = s.home_score - s.away_score
        wins = np.sign(margin)
        return {
            "scored": pairwise(s.home_score, s.away_score),
            "conceded": pairwise(s.away_score, s.home_score),
            "margin": pairwise(margin, -margin),
            "halves": pairwise(wins + 1, 1 - wins),  # 2 a win, 1 a draw
            "points": pairwise(np.where(wins > 0, 3, wins == 0), np.where(wins < 0, 3, wins == 0)),
            "season": np.repeat(s.season, 2),
            "starts_at": np.repeat(s.starts_at, 2),
        }

    @cached_property
    def both(self) -> Appearances:
        """Return appearances of sides, at home and away."""
        keys = pairwise(self.stream.home, self.stream.away)
        return self._appearances(keys, **self.columns)

    @cached_property
    def at_home(self) -> Appearances:
        return self._appearances(
            self.stream.home, **{name: values[0::2] for name, values in self.columns.items()}
        )

    @cached_property
    def away(self) -> Appearances:
        return self._appearances(
            self.stream.away, **{name: values[1::2] for name, values in self.columns.items()}
        )

    @cached_property
    def in_season(self) -> Appearances:
        """Return appearances of sides in one season, keyed by ``season_key``."""
        keys = self.season_key(self.both_sides, np.repeat(self.stream.season, 2))
        return self._appearances(keys, **self.columns)

    @property
    def both_sides(self) -> Ints:
        return pairwise(self.stream.home, self.stream.away)

    @cached_property
    def _seasons(self) -> int:
        return int(self.ground.facts.fixtures.season_rank.max(initial=0)) + 1

    def season_key(self, side: Ints, season: Ints) -> Ints:
        return side * self._seasons + season

    @cached_property
    def meetings(self) -> Appearances:
        """Return matches by the pair that met, told from the end of the one with lower number."""
        s = self.stream
        is_low = s.home < s.away
        columns = {
            name: np.where(is_low, self.columns[name][0::2], self.columns[name][1::2])
            for name in ("margin", "points")
        }
        other = np.where(is_low, self.columns["points"][1::2], self.columns["points"][0::2])
        return self._appearances(self._pair(s.home, s.away), **columns, other_points=other)

    def _pair(self, one: Ints, other: Ints) -> Ints:
        return np.minimum(one, other) * (self.ground.plan.n_sides + 1) + np.maximum(one, other)

    @cached_property
    def in_unit(self) -> Appearances:
        """Return matches by competition."""
        s = self.stream
        wins = np.sign(s.home_score - s.away_score)
        return self._appearances(
            s.unit,
            home_wins=(wins > 0).astype(np.int64),
            draws=(wins == 0).astype(np.int64),
            total=s.home_score + s.away_score,
            season=s.season,
        )

    def reference(self, kind: str, fallback: tuple[str, ...] = ()) -> Reference:
        """Return what the market believed of each asked event, asked of a kind."""
        whole, mine = self.ground.reference(kind, fallback), self.asked.number
        return Reference(*[getattr(whole, field.name)[mine] for field in fields(whole)])

    def met(self) -> Seen:
        a = self.asked
        return self.meetings.before(keys=self._pair(a.home, a.away), positions=self.position)

    def sides(self, of: Appearances) -> tuple[Seen, Seen]:
        """Return what the asked home and away sides have done."""
        home, away = (
            of.before(keys=keys, positions=self.position)
            for keys in (self.asked.home, self.asked.away)
        )
        return home, away

    @cached_property
    def both_seen(self) -> tuple[Seen, Seen]:
        return self.sides(self.both)

    @cached_property
    def unit_seen(self) -> Seen:
        return self.in_unit.before(keys=self.asked.unit, positions=self.position)

    @cached_property
    def _first_season(self) -> Ints:
        """Return each unit's season of its first match, -1 where it has none."""
        found = np.full(len(self.ground.plan.units), NONE)
        units, first = np.unique(self.stream.unit, return_index=True)
        found[units] = self.stream.season[first]
        return found

    def _starting(self, learner: Learner) -> Floats:
        """Return every side's state before its first match of this world."""
        state = np.tile(np.array(learner.mean)[:, None], self.ground.plan.n_sides)
        sides, first = self.both.first
        s = self.stream
        came_up = s.season[first // 2] != self._first_season[s.unit[first // 2]]
        state[:, sides[came_up]] = np.array(learner.newcomer)[:, None]
        return state

    @cached_property
    def carries(self) -> tuple[Bools, Bools]:
        """Return whether home and away come into a new season with a match."""
        season = self.columns["season"]
        before = self.both.previous
        new = (before >= 0) & (season[np.maximum(before, 0)] != season)
        return new[0::2], new[1::2]

    def learned(self, learner: Learner, columns: Sequence[NDArray[Any]]) -> Floats:
        """Return every side's state after each match, ``(k, 2 n)``: home, away, home, away …

        What an earlier epoch of the unit has learned up to the first change is not done again.
        """
        s, state = self.stream, self._starting(learner)
        kept = self._memory.states.get(learner.name)
        redo = min(self._memory.until, self._changed_from) if kept is not None else 0
        first = int(np.searchsorted(s.place, redo))
        if kept is None:
            kept = np.zeros((len(state), 2, self._memory.n_places))
        if first:
            sides = np.arange(state.shape[1])
            row = self.both.before(keys=sides, positions=np.full(len(sides), first)).newest()
            seen = row >= 0
            state[:, seen] = kept[:, row[seen] % 2, s.place[row[seen] // 2]]
        kept[:, :, s.place[first:]] = waves.run(
            home=s.home[first:],
            away=s.away[first:],
            state=state,
            step=learner.step,
            columns=[column[first:] for column in columns],
            carries=(self.carries[0][first:], self.carries[1][first:]),
            carried=learner.carried,
        )
        self._memory.states[learner.name] = kept
        return kept[:, :, s.place].transpose(0, 2, 1).reshape(len(state), -1)

    def states(self, learner: Learner, after: Floats) -> tuple[Floats, Floats]:
        """Return home's and away's state as they come into the asked matches, ``(k, n)``."""
        started = self.unit_seen.count > 0
        unit_season = asof.taken(self._first_season, self.asked.unit, NONE)
        came_up = started & (unit_season != self.asked.season)
        unknown = np.where(
            came_up, np.array(learner.newcomer)[:, None], np.array(learner.mean)[:, None]
        )
        found = []
        for seen in self.both_seen:
            row = seen.newest()
            state = after[:, np.maximum(row, 0)] if after.shape[1] else unknown
            changed = seen.latest("season", NONE) != self.asked.season
            state = np.where(changed, learner.carried(state), state)
            found.append(np.where(row >= 0, state, unknown))
        return found[0], found[1]

    def is_newcomer(self) -> tuple[Floats, Floats]:
        """Return 1 for a side not seen here before in a competition of earlier seasons."""
        started = self.unit_seen.count > 0
        unit_season = asof.taken(self._first_season, self.asked.unit, NONE)
        came_up = started & (unit_season != self.asked.season)
        home, away = ((came_up & (seen.count == 0)).astype(np.float64) for seen in self.both_seen)
        return home, away


def pairwise(home: NDArray[Any], away: NDArray[Any]) -> NDArray[Any]:
    """Return (home, away) of each match after one another.

    >>> pairwise(np.array([1, 2]), np.array([8, 9])).tolist()
    [1, 8, 2, 9]
    """
    found = np.empty(2 * len(home), dtype=np.int64)
    found[0::2], found[1::2] = home, away
    return found


def answered(
    *,
    facts: Facts,
    asks: Asks,
    unit: str,
    width: int,
    columns: Callable[[World], Sequence[Floats]],
) -> Floats:
    """Return the columns of a feature set for every ask, ``(n, width)``, each as of its moment.

    Raises:
        BadAsk: an event is unknown at its as_of, or has started by then.
    """
    values = np.empty((len(asks.event), width))
    if not len(asks.event):
        return values
    ground = Ground(facts=facts, asks=asks, unit=unit)
    past = History(plan=ground.plan, results=facts.results)
    memories: dict[int, Memory] = {}
    for epoch in history.epochs(history=past, asked=ground.asked):
        memory = memories.setdefault(epoch.unit, Memory(len(past.first.place)))
        world = World(ground=ground, epoch=epoch, memory=memory)
        for number, column in enumerate(columns(world)):
            values[epoch.asked.number, number] = column
        memory.until = int(epoch.stream.place[-1]) + 1 if len(epoch.stream.place) else 0
    return values
