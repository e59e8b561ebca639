"""What is asked of history: every event whose outcome is known, as of its own final stage."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models_ml.domain.facts import (
    NEVER,
    NONE,
    Asks,
    Entries,
    Facts,
    Fixtures,
    Results,
    row_keys,
)

MINUTE = 60_000_000
MATCH, RUNNER, PLAYER = "MATCH", "RUNNER", "PLAYER"


class Labelled(NamedTuple):
    """Asks whose answer is known, and since when it is."""

    asks: Asks
    known_at: NDArray[np.int64]


def labelled(*, facts: Facts, grain: str, minutes: float) -> Labelled:
    """Return an ask for each event that has a final result, or for each of those in it.

    Those are the runners entered in a race, or the players of whom figures were told.

    As of ``minutes`` before the start as it was planned last; the clocks of a fast calendar run
    faster.  What had started by then as it was planned at that moment is not asked for.  In order
    of the moment asked for, the event and the participant.
    """
    results = newest(facts.results)
    results = results.take(results.is_final == 1)
    fixtures = latest(facts.fixtures)
    place = np.searchsorted(fixtures.event, results.event)
    starts, scale = fixtures.starts_at[place], fixtures.time_scale[place]
    as_of = starts - np.round(minutes * MINUTE / scale).astype(np.int64)
    sided = (fixtures.home[place] != NONE) == (grain != RUNNER)
    asked = sided & _to_come(facts.fixtures, results.event, as_of)
    event, as_of, known_at = results.event[asked], as_of[asked], results.known_at[asked]
    if grain == MATCH:
        return _sorted(event, np.full(len(event), NONE, dtype=np.int64), as_of, known_at)
    if grain == PLAYER:
        return _players(facts, event, as_of, known_at)
    return _runners(facts.entries, event, as_of, known_at)


def part(told: Labelled, rows: NDArray) -> Labelled:
    """Return some of the asks, in the order of their positions (or where a mask is true)."""
    return Labelled(Asks(*(column[rows] for column in told.asks)), told.known_at[rows])


def sides(*, facts: Facts, events: NDArray[np.int64]) -> tuple[NDArray, NDArray]:
    """Return the two sides of events that are on the fixture list; -1 in races."""
    fixtures = latest(facts.fixtures)
    place = np.searchsorted(fixtures.event, events)
    return fixtures.home[place], fixtures.away[place]


def newest(results: Results) -> Results:
    """Return the newest version of each result, in the order of the events."""
    order = np.lexsort((results.version, results.event))
    event = results.event[order]
    last = np.append(event[1:] != event[:-1], True) if len(event) else np.zeros(0, dtype=bool)
    return results.take(order[last])


def latest(fixtures: Fixtures) -> Fixtures:
    """Return the newest plan of each event, in the order of the events."""
    order = np.lexsort((fixtures.known_at, fixtures.event))
    event = fixtures.event[order]
    last = np.append(event[1:] != event[:-1], True) if len(event) else np.zeros(0, dtype=bool)
    return fixtures.take(order[last])


def _to_come(
    fixtures: Fixtures, event: NDArray[np.int64], as_of: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Say of each event whether its start lay ahead, as it was planned at its own moment."""
    ahead = np.ones(len(event), dtype=bool)
    events, plans = np.unique(fixtures.event, return_counts=True)
    for row in np.flatnonzero(np.isin(event, events[plans > 1])):
        mine = fixtures.take(fixtures.event == event[row]).at(int(as_of[row]))
        ahead[row] = len(mine) > 0 and bool(mine.starts_at[-1] > as_of[row])
    return ahead


def _runners(
    entries: Entries, event: NDArray[np.int64], as_of: NDArray[np.int64], known: NDArray[np.int64]
) -> Labelled:
    """Return an ask for each runner that was entered when its race was asked for."""
    order = np.argsort(event)
    event, as_of, known = event[order], as_of[order], known[order]
    place = np.searchsorted(event, entries.event)
    inside = place < len(event)
    inside[inside] = event[place[inside]] == entries.event[inside]
    place, rows = place[inside], entries.take(inside)
    runs = (rows.removed_at > as_of[place]) | (rows.removed_at == NEVER)
    place, rows = place[runs], rows.take(runs)
    return _sorted(rows.event, rows.participant, as_of[place], known[place])


def _players(
    facts: Facts, event: NDArray[np.int64], as_of: NDArray[np.int64], known: NDArray[np.int64]
) -> Labelled:
    """Return an ask for each player of whom the newest result tells a figure, once."""
    believed = newest(facts.results)
    told = np.isin(
        row_keys([facts.figures.event, facts.figures.version]),
        row_keys([believed.event, believed.version]),
    )
    pairs = np.stack([facts.figures.event[told], facts.figures.participant[told]], axis=1)
    pairs = np.unique(pairs.astype(np.int64), axis=0)
    pairs = pairs[np.isin(pairs[:, 0], event)]
    order = np.argsort(event)
    place = order[np.searchsorted(event[order], pairs[:, 0])]
    return _sorted(pairs[:, 0], pairs[:, 1], as_of[place], known[place])


def _sorted(
    event: NDArray[np.int64],
    participant: NDArray[np.int64],
    as_of: NDArray[np.int64],
    known_at: NDArray[np.int64],
) -> Labelled:
    order = np.lexsort((participant, event, as_of))
    return Labelled(Asks(event[order], participant[order], as_of[order]), known_at[order])
