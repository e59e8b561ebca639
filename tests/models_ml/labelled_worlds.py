"""Worlds of facts as rows to learn from: the real features of a set, and what then came."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from markets.domain import kinds
from models_ml.domain import features, known
from models_ml.domain.asking import newest
from models_ml.domain.examples import Examples
from models_ml.domain.facts import Asks, Facts
from models_ml.domain.feature_sets import FEATURE_SETS
from models_ml.domain.labels import labels
from tests.models_ml import fact_worlds, player_worlds, race_worlds

WORLDS = {"RUNNER": race_worlds, "PLAYER": player_worlds}


def wanted(name: str, facts: Facts, hours: float = 1.0) -> Asks:
    """Return the asks of a set's grain, some hours before each start."""
    return WORLDS.get(FEATURE_SETS[name].grain, fact_worlds).final_asks(facts, hours=hours)


def some(asks: Asks, rows: Any) -> Asks:
    return Asks(*[column[rows] for column in asks])


def values(name: str, facts: Facts, asks: Asks) -> NDArray:
    return features.compute(feature_set=FEATURE_SETS[name], facts=facts, asks=asks)


def examples(name: str, facts: Facts, asks: Asks | None = None) -> Examples:
    """Return a row for each ask whose answer is known, in order of start."""
    asks = wanted(name, facts) if asks is None else asks
    told = labels(facts=facts, asks=asks, statistic="points")
    answer = {"RUNNER": told.winner, "PLAYER": told.figure}.get(FEATURE_SETS[name].grain, told.home)
    rows = np.flatnonzero(~np.isnan(answer))
    rows = rows[np.lexsort((asks.participant[rows], asks.event[rows], told.starts[rows]))]
    asks, told = some(asks, rows), type(told)(*[column[rows] for column in told])
    results = newest(facts.results)
    known_at = results.known_at[np.searchsorted(results.event, asks.event)]
    none = np.full((len(rows), 3), np.nan)
    return Examples(
        event=asks.event, participant=asks.participant, group=asks.event,
        competition=told.competition, season=told.season, week=told.week, starts=told.starts,
        as_of=asks.as_of, label_known_at=known_at, values=values(name, facts, asks),
        home=told.home, away=told.away, figure=told.figure, winner=told.winner,
        placed=told.placed, market=none, close=none,
    )  # fmt: skip


def with_strong_sides(facts: Facts, *, mean: float, spread: float, seed: int) -> Facts:
    """Return the same world with scores that follow how strong its sides are."""
    rng = np.random.default_rng(seed)
    home, away = _sides(facts)
    strength = rng.normal(0.0, spread, int(max(home.max(), away.max())) + 1)
    better = strength[home] - strength[away]
    scores = {
        "home_score": rng.poisson(1.1 * mean * np.exp(better)),
        "away_score": rng.poisson(mean * np.exp(-better)),
    }
    return replace(facts, results=replace(facts.results, **scores))


def with_other_results(facts: Facts, *, seed: int) -> Facts:
    """Return the same world with every result another event's, of the same season.

    Scores stay whole.  Of races, winners and placed are dealt anew among those who ran; figures
    of players are dealt anew among all of them.
    """
    rng = np.random.default_rng(seed)
    plans = dict(zip(facts.fixtures.event.tolist(), zip(
        facts.fixtures.competition.tolist(), facts.fixtures.season.tolist(), strict=True),
        strict=True))  # fmt: skip
    seasons = np.array([plans[event] for event in facts.results.event.tolist()])
    dealt = _dealt(rng, seasons)
    results = replace(
        facts.results,
        home_score=facts.results.home_score[dealt],
        away_score=facts.results.away_score[dealt],
    )
    r, f = facts.runners, facts.figures
    among = np.column_stack([r.event, r.version, r.is_removed])
    dealt = _dealt(rng, among)
    runners = replace(r, is_winner=r.is_winner[dealt], is_placed=r.is_placed[dealt])
    dealt = rng.permutation(len(f.value))
    figures = replace(f, value=f.value[dealt], took_part=f.took_part[dealt])
    return replace(facts, results=results, runners=runners, figures=figures)


def with_prices(facts: Facts, said: Mapping[str, tuple[float, Sequence[float]]]) -> Facts:
    """Return the same world, where every market of a kind says the same line and shares."""
    q = facts.quotes
    line, millis = q.line.copy(), q.price_millis.copy()
    for kind, (number, shares) in said.items():
        mine = q.kind == known.KINDS.index(kind)
        line[mine] = number
        for role, share in zip(kinds.ROLES[kind], shares, strict=True):
            millis[mine & (q.place == known.ROLES.index(role))] = round(1000 / (1.05 * share))
    return replace(facts, quotes=replace(q, line=line, price_millis=millis))


def _sides(facts: Facts) -> tuple[NDArray, NDArray]:
    """Return the sides of each result."""
    f = facts.fixtures
    sides = dict(zip(f.event.tolist(), zip(f.home.tolist(), f.away.tolist(), strict=True),
                     strict=True))  # fmt: skip
    return tuple(np.array([sides[event] for event in facts.results.event.tolist()]).T)  # type: ignore[return-value]


def _dealt(rng: np.random.Generator, groups: NDArray) -> NDArray:
    """Return places that permute the rows within each group."""
    if not len(groups):
        return np.arange(0)
    _, group = np.unique(groups, axis=0, return_inverse=True)
    dealt = np.empty(len(group), dtype=np.intp)
    dealt[np.argsort(group, kind="stable")] = np.lexsort((rng.random(len(group)), group))
    return dealt
