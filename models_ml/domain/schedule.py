"""Who plays when, as planned: from the fixture list, not from results.

A start counts from when it was known until it was known to be another.  Yesterday's match tires
a side even where nobody has told its result yet.
"""

import numpy as np

from models_ml.domain import asof
from models_ml.domain.arrays import Bools, Floats, Ints
from models_ml.domain.asof import Timeline
from models_ml.domain.facts import NEVER
from models_ml.domain.history import Asked, Plan

DAY = 86_400_000_000  # microseconds
LONGEST_REST = 30  # days; a rest is never told longer


class Schedule:
    """Starts of sides by version of their fixtures."""

    def __init__(self, plan: Plan) -> None:
        fixtures = plan.fixtures
        rows = np.flatnonzero(plan.home >= 0)
        self._row = np.repeat(rows, 2)
        self._side = np.stack([plan.home[rows], plan.away[rows]], axis=1).ravel()
        self._plan = plan
        self._superseded = self._until(plan)
        self._starts = Timeline(keys=self._side, moments=fixtures.starts_at[self._row])
        self._known = Timeline(keys=self._side, moments=fixtures.known_at[self._row])
        self._first = self._earliest()

    @staticmethod
    def _until(plan: Plan) -> Ints:
        """Return when each row of the fixtures ceased to be what was known."""
        order = np.lexsort((plan.fixtures.known_at, plan.event))
        until = np.full(len(order), NEVER)
        same = plan.event[order][1:] == plan.event[order][:-1]
        until[order[:-1][same]] = plan.fixtures.known_at[order[1:][same]]
        return until

    def _earliest(self) -> Ints:
        """Return the earliest start known so far, in order of side and known_at."""
        starts = self._plan.fixtures.starts_at[self._row]
        moments, rank = np.unique(starts, return_inverse=True)
        width = len(moments) + 1
        order = self._known.order
        falling = rank[order] - self._side[order] * width
        lowest = np.minimum.accumulate(falling) + self._side[order] * width
        return moments[lowest] if len(moments) else lowest

    def within(self, *, asked: Asked, side: Ints, days: int) -> tuple[Ints, Ints]:
        """Return (row of a fixture, number of the ask) of each start in the days before.

        Days of the calendar that is played in.  In order of ask and start.
        """
        fixtures = self._plan.fixtures
        span = np.rint(days * DAY / fixtures.time_scale[asked.row]).astype(np.int64)
        first, end = self._starts.between(
            keys=side, after=asked.starts_at - span - 1, until=asked.starts_at - 1
        )
        place, owner = asof.spread(first, end)
        row = self._row[self._starts.order[place]]
        valid = (
            (fixtures.known_at[row] <= asked.as_of[owner])
            & (self._superseded[row] > asked.as_of[owner])
            & (fixtures.event[row] != asked.event[owner])
            & (fixtures.is_on[row] != 0)
        )
        return row[valid], owner[valid]

    def has_earlier(self, *, asked: Asked, side: Ints, days: int) -> Bools:
        """Return whether a start that many days before or earlier was ever planned."""
        place = self._known.place(keys=side, moments=asked.as_of)
        first = asof.taken(self._first, place, float(NEVER))
        scale = self._plan.fixtures.time_scale[asked.row]
        long_ago: Bools = first <= asked.starts_at - np.rint(days * DAY / scale)
        return long_ago

    def days_of_rest(self, *, asked: Asked, side: Ints, by_day: bool) -> Floats:
        """Return the days since a side's start before, at most ``LONGEST_REST``; NaN for none.

        ``by_day``: whole days by the competition's calendar, where that runs at its own pace.
        """
        row, owner = self.within(asked=asked, side=side, days=LONGEST_REST)
        last = np.full(len(side), -1)
        last[owner] = row  # in order of start: the latest stays
        fixtures = self._plan.fixtures
        scale = fixtures.time_scale[asked.row]
        rest = (asked.starts_at - fixtures.starts_at[last]) / DAY * scale
        if by_day:
            days = fixtures.local_day[asked.row] - fixtures.local_day[last]
            rest = np.where(scale == 1.0, days, rest)
        rest = np.minimum(LONGEST_REST, np.maximum(0.0, rest))
        long_ago = self.has_earlier(asked=asked, side=side, days=LONGEST_REST)
        return np.where(last >= 0, rest, np.where(long_ago, float(LONGEST_REST), asof.NAN))

    def starts_within(self, *, asked: Asked, side: Ints, days: int) -> Floats:
        """Return how many starts of a side were planned in the days before this one."""
        _, owner = self.within(asked=asked, side=side, days=days)
        return np.bincount(owner, minlength=len(side)).astype(np.float64)
