"""A league out of a seed: fixtures, results and a market that knows the true strengths."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np

from models_ml.domain.features import microseconds
from tests.models_ml.unfolding import Fixture, Match

SIDES = 12
HOUR = 3_600_000_000
FIRST = datetime(2021, 8, 7, 15, 0, tzinfo=UTC)


@dataclass(frozen=True)
class World:
    """Matches and fixtures of the same events, in order of start; results known 2 h after."""

    matches: list[Match]
    fixtures: list[Fixture]

    @property
    def outcomes(self) -> np.ndarray:
        scores = [(m.home_score, m.away_score) for m in self.matches]
        return np.array([0 if h > a else 1 if h == a else 2 for h, a in scores])


def rounds(sides: int) -> list[list[tuple[int, int]]]:
    """Return a double round robin: each side meets each other at home and away."""
    order = list(range(sides))
    first = []
    for number in range(sides - 1):
        pairs = [(order[i], order[-1 - i]) for i in range(sides // 2)]
        first.append([(b, a) if number % 2 else (a, b) for a, b in pairs])
        order = [order[0], order[-1], *order[1:-1]]
    return first + [[(b, a) for a, b in pairs] for pairs in first]


def a_world(*, seasons: int = 4, seed: int = 7, competition_id: int = 1) -> World:
    """Return seasons of weekly rounds; goals are Poisson, the market is the truth."""
    drawn = _drawn(seasons, seed, competition_id)
    return World(list(drawn.matches), list(drawn.fixtures))


@cache
def _drawn(seasons: int, seed: int, competition_id: int) -> World:
    rng = np.random.default_rng(seed)
    strengths = rng.normal(0.0, 0.35, SIDES)
    matches: list[Match] = []
    fixtures: list[Fixture] = []
    for season in range(seasons):
        for week, pairs in enumerate(rounds(SIDES)):
            start = FIRST + timedelta(days=364 * season + 7 * week)
            for slot, (home, away) in enumerate(pairs):
                starts_at = microseconds(start + timedelta(hours=2 * (slot // 2)))
                means = np.exp([0.3 + strengths[home], 0.05 + strengths[away]])
                means *= np.exp([-strengths[away], -strengths[home]])
                scores = rng.poisson(means)
                event_id = 1000 * competition_id * 100 + len(matches) + 1
                names = (event_id, competition_id, season, home, away)
                known = starts_at + 2 * HOUR
                matches.append(
                    Match(*names, starts_at, known, 1, True, int(scores[0]), int(scores[1]))
                )
                fixtures.append(
                    Fixture(
                        *names, starts_at, starts_at - HOUR, market=truth(means), overround=0.04
                    )
                )
    return World(matches, fixtures)


def truth(means: np.ndarray) -> tuple[float, float, float]:
    """Return P(home), P(draw), P(away) of two independent Poisson scores."""
    goals = np.arange(16)
    factorials = np.cumprod([1.0, *goals[1:]])
    home, away = (np.exp(-m) * m**goals / factorials for m in means)
    grid = np.outer(home, away)
    draw = float(np.trace(grid))
    win = float(np.tril(grid, -1).sum())
    return win, draw, 1.0 - win - draw


def moved(match: Match, **changes: int | bool) -> Match:
    return match._replace(**changes)
