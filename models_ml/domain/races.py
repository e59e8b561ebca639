"""Races as of a moment: who is entered, what they have run before, what is quoted of them.

Horses run on many tracks, so one history serves the whole sport.  A race takes its place by
(first known, start, event); a later version of its result begins an epoch.
"""

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from models_ml.domain import asof, known, strengths, waves
from models_ml.domain.arrays import Floats, Ints
from models_ml.domain.asof import BadAsk, Timeline
from models_ml.domain.facts import NONE, Facts
from models_ml.domain.history import Asked, Plan
from models_ml.domain.versions import Told

LEARNING = 0.15
TAKES_BETS = tuple(known.BOOKS.index(kind) for kind in ("BOOKMAKER", "EXCHANGE"))
STARTING, RATED = known.BOOKS.index("STARTING"), known.BOOKS.index("RATED")


class Field:
    """Everyone who is entered in the asked races, race by race, as known at each one's moment."""

    def __init__(self, *, facts: Facts, plan: Plan, asked: Asked) -> None:
        looks, self.look = asof.distinct(asked.event, asked.as_of)
        entries = facts.entries
        order = np.lexsort((entries.participant, entries.event))
        event = entries.event[order]
        place, owner = asof.spread(
            np.searchsorted(event, looks[:, 0], side="left"),
            np.searchsorted(event, looks[:, 0], side="right"),
        )
        row, as_of = order[place], looks[owner, 1]
        here = (entries.known_at[row] <= as_of) & (entries.removed_at[row] > as_of)
        row, self.race = row[here], owner[here]
        self.event, self.as_of = looks[self.race, 0], looks[self.race, 1]
        self.participant, self.number = entries.participant[row], entries.number[row]
        self.fixture = plan.rows_at(events=self.event, moments=self.as_of)
        self.starts_at = facts.fixtures.starts_at[self.fixture]
        self.sizes = np.bincount(self.race, minlength=len(looks))
        self._first = np.cumsum(self.sizes) - self.sizes

    def rows_of(self, asked: Asked) -> Ints:
        """Return the row of each asked runner.

        Raises:
            BadAsk: it is not entered at its moment.
        """
        pairs = np.stack([self.race, self.participant], axis=1)
        place = {pair: row for row, pair in enumerate(map(tuple, pairs.tolist()))}
        wanted = zip(self.look.tolist(), asked.participant.tolist(), strict=True)
        rows = np.array([place.get(pair, NONE) for pair in wanted], dtype=np.int64)
        if (rows < 0).any():
            at = np.flatnonzero(rows < 0)[0]
            raise BadAsk(
                f"runner {asked.participant[at]} is not entered in event {asked.event[at]}"
            )
        return rows

    @cached_property
    def size(self) -> Ints:
        """Return each runner's field size."""
        return self.sizes[self.race]

    def total(self, values: Floats) -> Floats:
        """Return each runner's sum over his race; NaN counts as 0."""
        starts = self._first[self.sizes > 0]
        if not len(starts):
            return values
        sums = np.zeros(len(self.sizes))
        sums[self.sizes > 0] = np.add.reduceat(np.nan_to_num(values), starts)
        return sums[self.race]

    def mean(self, values: Floats) -> Floats:
        """Return each runner's mean over those of his race of whom it is known."""
        count = self.total(asof.known(values).astype(np.float64))
        return np.where(count > 0, self.total(values) / np.maximum(count, 1.0), asof.NAN)

    def rank(self, values: Floats) -> Floats:
        """Return each runner's rank in his race, 1 for the highest; equals share the better."""
        order = np.lexsort((-values, self.race))  # NaN comes last
        race, sorted_values = self.race[order], values[order]
        new = np.ones(len(order), dtype=bool)
        new[1:] = (race[1:] != race[:-1]) | (sorted_values[1:] != sorted_values[:-1])
        first = np.maximum.accumulate(np.where(new, np.arange(len(order)), 0))
        found = np.empty(len(order))
        found[order] = first - self._first[race] + 1
        return np.where(asof.known(values), found, asof.NAN)

    def highest(self, values: Floats) -> Floats:
        """Return the highest value in each runner's race."""
        found = np.full(len(self.sizes), -np.inf)
        np.maximum.at(found, self.race, np.where(asof.known(values), values, -np.inf))
        return np.where(np.isinf(found), asof.NAN, found)[self.race]


class Prices:
    """Quotes of runners, by what kind of book made them."""

    def __init__(self, facts: Facts) -> None:
        self._quotes, self._books = facts.quotes, facts.books

    def books(self, *kinds: int) -> list[tuple[int, int]]:
        """Return (rank, id) of the enabled books of some kinds, the first asked first."""
        b = self._books
        mine = np.isin(b.kind, kinds) & (b.enabled == 1)
        ranks = np.where(b.rank[mine] >= 0, b.rank[mine], 2**20)
        return sorted(zip(ranks.tolist(), b.id[mine].tolist(), strict=True))

    def of(
        self, *, kind: str, books: Sequence[int], events: Ints, persons: Ints, as_of: Ints
    ) -> Floats:
        """Return the newest price of each runner as of a moment, NaN where there is none."""
        q = self._quotes
        mine = q.take((q.kind == known.KINDS.index(kind)) & np.isin(q.book, list(books)))
        _, number = asof.distinct(
            np.concatenate([mine.event, events]), np.concatenate([mine.participant, persons])
        )
        n = len(mine.event)
        newest = Timeline(keys=number[:n], moments=mine.seen_at).newest(
            keys=number[n:], moments=as_of
        )
        return asof.taken(mine.price_millis, newest, asof.NAN) / 1000.0


class Runs:
    """Who ran in races that had ended by a moment, in order of race and runner."""

    def __init__(self, *, facts: Facts, plan: Plan, told: Told, until: int) -> None:
        runners = facts.runners
        event = asof.numbers_among(runners.event, plan.events)
        stands = told.versions(until)[event] == runners.version
        row = np.flatnonzero((event >= 0) & stands & (runners.is_removed != 1))
        first = told.first[event[row]]
        fixture = plan.rows_at(events=runners.event[row], moments=first)
        starts_at = facts.fixtures.starts_at[fixture]
        order = np.lexsort((runners.participant[row], runners.event[row], starts_at, first))
        row, self.fixture, self.starts_at = row[order], fixture[order], starts_at[order]
        self.event, self.known_at = runners.event[row], first[order]
        self.participant, self.number = runners.participant[row], runners.number[row]
        self.won = (runners.is_winner[row] == 1).astype(np.int64)
        self.placed = (runners.is_placed[row] == 1).astype(np.int64)
        new = np.ones(len(row), dtype=bool)
        new[1:] = self.event[1:] != self.event[:-1]
        self.starts = np.flatnonzero(new)
        self.race = np.cumsum(new) - 1
        self.race_known_at = self.known_at[self.starts]

    def strengths(self, horse: Ints, n_horses: int) -> Floats:
        """Return every runner's strength after each run; a race without a winner moves nobody."""
        state, after = np.zeros(n_horses), np.empty(len(horse))
        if not len(self.starts):
            return after
        ends = np.append(self.starts[1:], len(horse))
        winners = np.add.reduceat(self.won, self.starts)
        won = self.won / np.maximum(winners, 1)[self.race]
        found = waves.of_groups(member=horse, starts=self.starts, n_members=n_horses)
        for low, high in zip(found.bounds[:-1], found.bounds[1:], strict=True):
            races = found.order[low:high]
            rows, owner = asof.spread(self.starts[races], ends[races])
            old = state[horse[rows]]
            firsts = np.flatnonzero(np.diff(owner, prepend=NONE))
            new = strengths.plackett_luce(
                learning=LEARNING, strengths=old, starts=firsts, won=won[rows]
            )
            decided = (winners[races] > 0)[owner]
            state[horse[rows]] = after[rows] = np.where(decided, new, old)
        return after
