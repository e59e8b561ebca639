"""Elo ratings with margin of victory, home advantage and carry-over between seasons.

Ratings belong to one competition: a side that comes up starts anew there.
"""

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


def three_way(expected: float, draw_rate: float = 0.26) -> tuple[float, float, float]:
    """Return home, draw and away probabilities that agree with an expected score.

    The draw is likeliest between equals and its share falls with ``4 E (1 - E)``; what is left
    keeps P(home) + P(draw) / 2 = E wherever that is possible, and no probability is under 1 %.

    >>> [round(p, 4) for p in three_way(0.5, 0.28)]
    [0.36, 0.28, 0.36]
    >>> [round(p, 3) for p in three_way(0.99)]
    [0.98, 0.01, 0.01]
    """
    draw = max(0.01, draw_rate * 4.0 * expected * (1.0 - expected))
    home, away = max(0.01, expected - draw / 2.0), max(0.01, 1.0 - expected - draw / 2.0)
    total = home + draw + away
    return home / total, draw / total, away / total
