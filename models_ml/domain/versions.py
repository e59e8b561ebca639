"""Versions of results as of a moment, for what is told with them: runners and figures."""

import numpy as np

from models_ml.domain import asof
from models_ml.domain.arrays import Ints
from models_ml.domain.facts import NEVER, NONE, Facts
from models_ml.domain.history import Plan


class Told:
    """When each result was first known, which version stands when, and when one was corrected.

    Of races alone, or of matches alone.
    """

    def __init__(self, *, facts: Facts, plan: Plan, of_races: bool) -> None:
        r = facts.results
        event = asof.numbers_among(r.event, plan.events)
        mine = event >= 0
        mine[mine] = (plan.home[plan.first_row[event[mine]]] < 0) == of_races
        order = np.lexsort((r.version[mine], r.known_at[mine], event[mine]))
        self._event, self._version = event[mine][order], r.version[mine][order]
        self._known, self._final = r.known_at[mine][order], r.is_final[mine][order] == 1
        self.first = np.full(len(plan.events), NEVER)
        np.minimum.at(self.first, self._event[self._final], self._known[self._final])
        self.corrected_at = np.sort(self._known[self._known > self.first[self._event]])

    def versions(self, until: int) -> Ints:
        """Return each event's version that stands at a moment, -1 where none does."""
        found = np.full(len(self.first), NONE)
        seen = self._known <= until
        found[self._event[seen]] = np.where(self._final[seen], self._version[seen], NONE)
        return found
