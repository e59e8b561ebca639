"""Attack and defence of sides, learned match by match, in goals and in points.

Goals are log-linear: a side's expectation is exp(base + home + attack - the other's defence).
Points are linear: base ± half the home advantage + what the side scores above the mean + what
the other allows above it.  After a match each moves by ``step`` times the surprise.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models_ml.domain.arrays import Floats, Ints
from models_ml.domain.waves import Step

GRID = 16  # goals 0 to 15


@dataclass(frozen=True, slots=True)
class GoalRules:
    """How goal strengths move; states are (attack, defence), both 0 for a mean side."""

    learning: float = 0.03
    base: float = math.log(1.2)
    home: float = 0.25
    carry_over: float = 0.75
    newcomer: tuple[float, float] = (-0.15, -0.15)
    mean: tuple[float, float] = (0.0, 0.0)

    def expected(self, home: Floats, away: Floats) -> tuple[Floats, Floats]:
        """Return expected goals of home and away sides; states are ``(2, n)``.

        >>> h, a = GoalRules().expected(np.zeros((2, 1)), np.zeros((2, 1)))
        >>> round(float(h[0]), 3), round(float(a[0]), 3)
        (1.541, 1.2)
        """
        return (
            np.exp(self.base + self.home + home[0] - away[1]),
            np.exp(self.base + away[0] - home[1]),
        )

    def carried(self, states: Floats) -> Floats:
        return self.carry_over * states

    @property
    def step(self) -> Step:
        """Return the update of a wave; its columns: home goals, away goals."""

        def play(home: Floats, away: Floats, ours: Ints, theirs: Ints) -> tuple[Floats, Floats]:
            for_home, for_away = self.expected(home, away)
            more_home = self.learning * (ours - for_home)
            more_away = self.learning * (theirs - for_away)
            return (
                np.stack([home[0] + more_home, home[1] - more_away]),
                np.stack([away[0] + more_away, away[1] - more_home]),
            )

        return play


@dataclass(frozen=True, slots=True)
class PointRules:
    """How point strengths move; states are (for, against): above the mean, per match."""

    learning: float
    home: float  # points between the same two sides at home and away, halved
    base: float  # points of a side where the competition is not known yet
    carry_over: float
    newcomer: tuple[float, float] = (0.0, 0.0)
    mean: tuple[float, float] = (0.0, 0.0)

    def expected(
        self, home: Floats, away: Floats, base: Floats, advantage: Floats
    ) -> tuple[Floats, Floats]:
        """Return expected points of home and away sides.

        >>> rules = PointRules(learning=0.06, home=1.0, base=22.0, carry_over=0.67)
        >>> state, other = np.array([[3.0], [0.0]]), np.array([[0.0], [2.0]])
        >>> h, a = rules.expected(state, other, np.array([22.0]), np.array([1.0]))
        >>> h.tolist(), a.tolist()
        ([28.0], [21.0])
        """
        return base + advantage + home[0] + away[1], base - advantage + away[0] + home[1]

    def carried(self, states: Floats) -> Floats:
        return self.carry_over * states

    @property
    def step(self) -> Step:
        """Return the update of a wave; its columns: both scores, base, home advantage."""

        def play(
            home: Floats, away: Floats, ours: Ints, theirs: Ints, base: Floats, advantage: Floats
        ) -> tuple[Floats, Floats]:
            for_home, for_away = self.expected(home, away, base, advantage)
            more_home = self.learning * (ours - for_home)
            more_away = self.learning * (theirs - for_away)
            return (
                np.stack([home[0] + more_home, home[1] + more_away]),
                np.stack([away[0] + more_away, away[1] + more_home]),
            )

        return play


def poisson(means: Floats) -> Floats:
    """Return P(0), …, P(15) of Poisson numbers, ``(n, 16)``; what is above 15 is left out.

    >>> poisson(np.array([1.0]))[0, :3].round(4).tolist()
    [0.3679, 0.3679, 0.1839]
    """
    found = np.empty((len(means), GRID))
    found[:, 0] = np.exp(-means)
    for goals in range(1, GRID):
        found[:, goals] = found[:, goals - 1] * means / goals
    return found


def outcomes(home: Floats, away: Floats) -> tuple[Floats, Floats, Floats]:
    """Return P(home), P(draw), P(away) of two independent Poisson scores; they sum to 1.

    >>> [round(float(p[0]), 4) for p in outcomes(np.array([1.5]), np.array([1.1]))]
    [0.4642, 0.2577, 0.2781]
    """
    ours, theirs = poisson(home), poisson(away)
    win = draw = loss = behind = np.zeros(len(home))
    below = np.zeros(len(home))
    for goals in range(GRID):  # one after the other: the same bytes for one row and for many
        win = win + ours[:, goals] * behind
        loss = loss + theirs[:, goals] * below
        draw = draw + ours[:, goals] * theirs[:, goals]
        behind = behind + theirs[:, goals]
        below = below + ours[:, goals]
    total = win + draw + loss
    return win / total, draw / total, loss / total


def plackett_luce(*, learning: float, strengths: Floats, starts: Ints, won: NDArray) -> Floats:
    """Return strengths after races in which one runner won; a race is a run of the arrays.

    Each gains ``learning`` times (won - its chance of winning by softmax of the strengths).

    >>> plackett_luce(learning=0.15, strengths=np.zeros(4), starts=np.array([0, 2]),
    ...               won=np.array([1, 0, 0, 1])).tolist()
    [0.075, -0.075, -0.075, 0.075]

    Source: gradient of ln P(winner) under Plackett 1975, Luce 1959.
    """
    sizes = np.diff(np.append(starts, len(strengths)))
    powers = np.exp(strengths)
    totals = np.repeat(np.add.reduceat(powers, starts), sizes)
    return strengths + learning * (won - powers / totals)
