"""Elo ratings with margin of victory, home advantage and carry-over between seasons.

Ratings belong to one competition: a side that comes up starts anew there.  The functions of one
match say what is meant; those of many matches are the same, element for element.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models_ml.domain.arrays import Floats, Ints
from models_ml.domain.waves import Step

MEAN = 1500.0
NEWCOMER = 1420.0  # first seen in a competition that already has a finished season: came up
K = 20.0
HOME_ADVANTAGE = 60.0
CARRY_OVER = 0.75


def expectation(home: float, away: float, home_advantage: float = HOME_ADVANTAGE) -> float:
    """Return the home side's expected score: P(win) + P(draw) / 2.

    >>> round(expectation(1500, 1500), 4)
    0.5855
    >>> expectation(1500, 1500, 0.0)
    0.5

    Source: Elo 1978; RULES "Models": E = 1 / (1 + 10^-((R_h + H - R_a) / 400)).
    """
    return 1.0 / (1.0 + 10.0 ** (-(home + home_advantage - away) / 400.0))


def expectations(home: Floats, away: Floats, home_advantage: Floats | float) -> Floats:
    """Return the home sides' expected scores.

    >>> expectations(np.array([1500.0]), np.array([1500.0]), 60.0).round(4).tolist()
    [0.5855]
    """
    return 1.0 / (1.0 + np.power(10.0, -(home + home_advantage - away) / 400.0))


def weight_of_margin(margin: int) -> float:
    """Return how much more a win by this many goals counts than a win by one.

    >>> [weight_of_margin(m) for m in (0, -1, 2, 3, -5)]
    [1.0, 1.0, 1.5, 1.75, 2.0]

    Source: World Football Elo Ratings (eloratings.net).
    """
    size = abs(margin)
    if size <= 1:
        return 1.0
    return 1.5 if size == 2 else (11.0 + size) / 8.0


def weights_of_goals(margins: Ints, lead: Floats) -> Floats:
    """Return ``weight_of_margin`` of many; who was ahead before (``lead``) does not matter.

    >>> weights_of_goals(np.array([0, -1, 2, 3, -5]), np.zeros(5)).tolist()
    [1.0, 1.0, 1.5, 1.75, 2.0]
    """
    sizes = np.abs(margins)
    return np.where(sizes <= 1, 1.0, np.where(sizes == 2, 1.5, (11.0 + sizes) / 8.0))


def weight_of_points(margin: int, lead: float) -> float:
    """Return how much a win by this many points counts; less for one who was far ahead.

    ``lead``: the home side's rating with its advantage, less the away side's.

    >>> round(weight_of_points(7, 0.0), 4), round(weight_of_points(7, 200.0), 4)
    (2.0794, 1.9062)
    >>> weight_of_points(-7, 200.0) > weight_of_points(7, 200.0), weight_of_points(0, 50.0)
    (True, 0.0)

    Source: FiveThirtyEight's NFL Elo: ln(|m| + 1) · 2.2 / (.001 · (R_winner - R_loser) + 2.2).
    """
    ahead = lead if margin > 0 else -lead
    return math.log(abs(margin) + 1) * 2.2 / (0.001 * ahead + 2.2)


_LOGS = np.array([math.log(size + 1) for size in range(512)])


def weights_of_points(margins: Ints, lead: Floats) -> Floats:
    """Return ``weight_of_points`` of many.

    >>> weights_of_points(np.array([7, -7]), np.array([200.0, 0.0])).round(4).tolist()
    [1.9062, 2.0794]
    """
    sizes = np.minimum(np.abs(margins), len(_LOGS) - 1)
    return _LOGS[sizes] * 2.2 / (0.001 * np.where(margins > 0, lead, -lead) + 2.2)


def change(home: float, away: float, home_score: int, away_score: int) -> float:
    """Return what the home side gains by a result, and the away side loses.

    >>> round(change(1500, 1500, 1, 0), 4)
    8.29
    >>> round(change(1500, 1500, 0, 3), 4)
    -20.4925
    """
    margin = home_score - away_score
    score = 1.0 if margin > 0 else 0.5 if margin == 0 else 0.0
    return K * weight_of_margin(margin) * (score - expectation(home, away))


def carried_over(rating: float) -> float:
    """Return a rating at the start of the next season, drawn toward the mean.

    >>> carried_over(1600.0)
    1575.0
    """
    return MEAN + CARRY_OVER * (rating - MEAN)


@dataclass(frozen=True, slots=True)
class Rules:
    """How ratings move in a sport."""

    k: float = K
    home_advantage: float = HOME_ADVANTAGE
    carry_over: float = CARRY_OVER
    newcomer: float = NEWCOMER
    weights: Callable[[Ints, Floats], Floats] = weights_of_goals

    def carried(self, ratings: Floats) -> Floats:
        """Return ratings at the start of the next season.

        >>> Rules().carried(np.array([1600.0])).tolist()
        [1575.0]
        """
        return MEAN + self.carry_over * (ratings - MEAN)

    def played(
        self, home: Floats, away: Floats, advantage: Floats, margin: Ints
    ) -> tuple[Floats, Floats]:
        """Return home's expected scores, and what home gains and away loses.

        >>> one = np.array([1500.0])
        >>> expected, gain = Rules().played(one, one, np.array([60.0]), np.array([1]))
        >>> float(expected[0].round(4)), float(gain[0].round(4))
        (0.5855, 8.29)
        """
        lead = home + advantage - away
        expected = 1.0 / (1.0 + np.power(10.0, -lead / 400.0))
        score = (np.sign(margin) + 1) * 0.5
        return expected, self.k * self.weights(margin, lead) * (score - expected)

    @property
    def step(self) -> Step:
        """Return the update of a wave; its columns: home advantage, margin."""

        def play(
            home: Floats, away: Floats, advantage: Floats, margin: Ints
        ) -> tuple[Floats, Floats]:
            _, gain = self.played(home, away, advantage, margin)
            return home + gain, away - gain

        return play


def three_way(expected: NDArray, draw_rate: NDArray) -> NDArray:
    """Return home, draw and away probabilities that agree with expected scores, (n, 3).

    The draw is likeliest between equals and its share falls with ``4 E (1 - E)``; what is left
    keeps P(home) + P(draw) / 2 = E wherever that is possible, and no probability is under 1 %.

    >>> three_way(np.array([0.5, 0.99]), np.array([0.28, 0.26])).round(3).tolist()
    [[0.36, 0.28, 0.36], [0.98, 0.01, 0.01]]
    """
    draw = np.maximum(0.01, draw_rate * 4.0 * expected * (1.0 - expected))
    home = np.maximum(0.01, expected - draw / 2.0)
    away = np.maximum(0.01, 1.0 - expected - draw / 2.0)
    return np.stack([home, draw, away], axis=1) / (home + draw + away)[:, None]
