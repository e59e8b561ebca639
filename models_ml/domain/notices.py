"""What was told around events: injuries, line-ups, weather, where the bets are."""

import numpy as np

from models_ml.domain import asof, known
from models_ml.domain.arrays import Floats, Ints
from models_ml.domain.asof import Timeline
from models_ml.domain.facts import NEVER, Notices

DAY = 86_400_000_000
OUT = ("out", "injured reserve", "ir", "suspended", "out for season")
STARTER, BENCH = ("starter", "starting", "starts"), ("bench", "substitute", "reserve")
FRESH = 14 * DAY  # what was said of an injury longer ago says nothing of today


class Told:
    """Notices by whom or what they are about."""

    def __init__(self, notices: Notices) -> None:
        self._all = notices

    def _of(self, kind: str, *statuses: str) -> Notices:
        """Return the notices of a kind, of some statuses alone where they are named."""
        chosen = self._all.kind == known.NOTICES.index(kind)
        if statuses:
            chosen &= np.isin(self._all.status, self._places(*statuses))
        return self._all.take(chosen)

    def _places(self, *statuses: str) -> list[int]:
        """Return where statuses stand, however they are spelt."""
        words = [word.strip().lower() for word in self._all.statuses]
        return [place for place, word in enumerate(words) if word in statuses]

    def value(self, *, kind: str, status: str, events: Ints, as_of: Ints) -> Floats:
        """Return the newest value told of each event, NaN where none was."""
        told = self._of(kind, status)
        events_told, keys = np.unique(told.event, return_inverse=True)
        newest = Timeline(keys=keys, moments=told.known_at).newest(
            keys=asof.numbers_among(events, events_told), moments=as_of
        )
        return asof.taken(told.value, newest, asof.NAN)

    def is_told(self, *, kind: str, events: Ints, as_of: Ints) -> Floats:
        """Return 1 where anything of a kind was told of the event, else 0."""
        told = self._of(kind)
        events_told, keys = np.unique(told.event, return_inverse=True)
        place = Timeline(keys=keys, moments=told.known_at).place(
            keys=asof.numbers_among(events, events_told), moments=as_of
        )
        return (place >= 0).astype(np.float64)

    def starts(self, *, events: Ints, persons: Ints, as_of: Ints) -> Floats:
        """Return 1 for a starter, 0 for one on the bench, NaN where no line-up tells."""
        told = self._of("LINEUP")
        pairs, keys = asof.distinct(told.event, told.participant)
        place = {pair: number for number, pair in enumerate(map(tuple, pairs.tolist()))}
        wanted = [place.get(p, -1) for p in zip(events.tolist(), persons.tolist(), strict=True)]
        newest = Timeline(keys=keys, moments=told.known_at).newest(
            keys=np.array(wanted, dtype=np.int64), moments=as_of
        )
        status = asof.taken(told.status, newest, asof.NAN)
        starts, waits = (np.isin(status, self._places(*words)) for words in (STARTER, BENCH))
        return np.where(starts, 1.0, np.where(waits, 0.0, asof.NAN))

    def out(self, *, sides: Ints, as_of: Ints) -> Floats:
        """Return how many of each side are told to be out; NaN where nobody tells of injuries.

        A notice counts for ``FRESH`` and until the same source tells otherwise.
        """
        told = self._of("INJURY")
        if not len(told.event):
            return np.full(len(sides), asof.NAN)
        anybody = np.searchsorted(told.known_at, as_of, side="right") > np.searchsorted(
            told.known_at, as_of - FRESH, side="right"
        )
        told_of, keys = np.unique(told.participant, return_inverse=True)
        timeline = Timeline(keys=keys, moments=told.known_at)
        first, end = timeline.between(
            keys=asof.numbers_among(sides, told_of), after=as_of - FRESH, until=as_of
        )
        place, owner = asof.spread(first, end)
        row = timeline.order[place]
        counts = np.isin(told.status[row], self._places(*OUT)) & (
            _superseded(told)[row] > as_of[owner]
        )
        found = np.bincount(owner[counts], minlength=len(sides)).astype(np.float64)
        return np.where(anybody, found, asof.NAN)


def _superseded(told: Notices) -> Ints:
    """Return since when each notice is replaced by a later one of its thread."""
    order = np.lexsort((np.arange(len(told.event)), told.version, told.known_at, told.thread))
    until = np.full(len(order), NEVER)
    same = told.thread[order][1:] == told.thread[order][:-1]
    until[order[:-1][same]] = told.known_at[order[1:][same]]
    return until
