"""Matches and fixtures as plain rows, and the features that the engine makes of them alone."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from models_ml.domain.asof import BadAsk
from models_ml.domain.facts import EVER, NONE, Asks, Facts, Fixtures, Results
from models_ml.domain.features import DAY, NAN, FeatureSet, compute


class Match(NamedTuple):
    """A match that has been played, as one version of its result tells it.  Times in µs UTC."""

    event_id: int
    competition_id: int
    season_id: int
    home_id: int
    away_id: int
    starts_at: int
    known_at: int
    version: int
    is_final: bool  # False: this version takes the score back (abandoned, postponed)
    home_score: int = 0
    away_score: int = 0


@dataclass(frozen=True, slots=True)
class Fixture:
    """A match to be foretold at ``as_of`` (µs UTC), with the margin-free market at that time."""

    event_id: int
    competition_id: int
    season_id: int
    home_id: int
    away_id: int
    starts_at: int
    as_of: int
    time_scale: float = 1.0
    market: tuple[float, float, float] = (NAN, NAN, NAN)
    overround: float = NAN


def unfold(
    *, feature_set: FeatureSet, history: Iterable[Match], fixtures: Sequence[Fixture]
) -> list[list[float]]:
    """Return each fixture's values, in the fixtures' order, from matches and handed-in markets.

    A fixture sees exactly the result versions with ``known_at <= as_of``, whatever else the
    history holds and in whatever order.

    Raises:
        BadAsk: the set is not about matches with three outcomes.
    """
    if feature_set.grain != "MATCH" or len(feature_set.market) != 3:
        raise BadAsk(f"{feature_set.name} cannot be made from three-way matches alone")
    matches = sorted(history, key=lambda m: (m.known_at, m.starts_at, m.event_id, m.version))
    planned = _Planned()
    results = [(planned.event(m), m) for m in matches]
    events = [planned.event(fixture) for fixture in fixtures]
    told = {
        name: [getattr(m, name) for m in matches]
        for name in ("version", "known_at", "is_final", "home_score", "away_score")
    }
    known = replace(
        Facts.nothing(),
        fixtures=planned.table(),
        results=Results.of({"event": [event for event, _ in results], **told}),
    )
    asks = Asks(
        np.array(events, dtype=np.int64),
        np.full(len(events), NONE),
        np.array([fixture.as_of for fixture in fixtures], dtype=np.int64),
    )
    values = compute(feature_set=feature_set, facts=known, asks=asks)
    market = feature_set.market
    for row, fixture in zip(values, fixtures, strict=True):
        row[list(market)] = fixture.market
        row[market[-1] + 1] = fixture.overround
    return [row.tolist() for row in values]


class _Planned:
    """Fixtures out of matches; two that differ are two events even where they bear one id."""

    def __init__(self) -> None:
        self._events: dict[tuple[int, ...], int] = {}
        self._scales: dict[int, float] = {}

    def event(self, row: Match | Fixture) -> int:
        """Return the event of a row, numbered anew where another has taken its id."""
        key = (
            row.event_id, row.competition_id, row.season_id, row.home_id, row.away_id,
            row.starts_at,
        )  # fmt: skip
        event = self._events.get(key)
        if event is None:
            event = row.event_id if row.event_id not in self._scales else 2**40 + len(self._events)
            self._events[key], self._scales[event] = event, 1.0
        if isinstance(row, Fixture):
            self._scales[event] = row.time_scale
        return event

    def table(self) -> Fixtures:
        rows = np.array(list(self._events), dtype=np.int64).reshape(-1, 6)
        n = len(rows)
        return Fixtures.of(
            {
                "event": list(self._events.values()),
                "competition": rows[:, 1],
                "season": rows[:, 2],
                "season_rank": np.unique(rows[:, 2], return_inverse=True)[1],
                "home": rows[:, 3],
                "away": rows[:, 4],
                "starts_at": rows[:, 5],
                "known_at": np.full(n, EVER),
                "local_day": rows[:, 5] // DAY,
                "certainty": np.zeros(n),
                "is_on": np.ones(n),
                "is_neutral": np.zeros(n),
                "round": np.full(n, NONE),
                "time_scale": [self._scales[event] for event in self._events.values()],
            }
        )
