"""Seasons of the invented football, basketball and cup: what is true, quoted and played.

Football and basketball: the margin and the total of the points are normal about what both sides'
strengths say, so every market has a closed form.  The cup is soccer: goals are Poisson, as in
``simulation``, and its markets are sums over the grid of scores.

Source of the normal model of margins: Stern (1991), "On the probability of winning a football
game", The American Statistician 45.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import erf, sqrt

import numpy as np

from markets.domain import simulation, simulation_sports
from markets.domain.simulation import Floats, Ints
from markets.domain.simulation_sports import (
    PLAYED,
    TABLE,
    League,
    Quoted,
    Sport,
    SportSeason,
    random,
    two_way,
)

_ERF = np.vectorize(erf, otypes=[np.float64])
SIDES, OVERS, EITHER = ("HOME", "AWAY"), ("OVER", "UNDER"), ("YES", "NO")


@dataclass(frozen=True, slots=True)
class Points:
    """How a sport scores: points a side, spreads of margin and total, its best player's figure."""

    per_side: float
    at_home: float
    strength: float  # spread of the sides
    margin: float  # spread of one game's margin
    total: float
    statistic: str
    star: float
    star_spread: float
    overtime: int  # points by which a tie is decided
    news: tuple[float, float, float, float]  # that become known: margin, total, both players


POINTS = {
    Sport.FOOTBALL: Points(
        22.5, 1.8, 4.5, 12.5, 13.0, "passing_yards", 235.0, 55.0, 3, (1.6, 1.5, 9.0, 9.0)
    ),
    Sport.BASKETBALL: Points(
        113.0, 2.4, 5.0, 11.5, 17.0, "points", 24.5, 6.5, 5, (1.8, 2.2, 1.0, 1.0)
    ),
}


def below(x: Floats) -> Floats:
    """Return the standard normal's probability below x.

    >>> below(np.array([0.0, 1.96])).round(3).tolist()
    [0.5, 0.975]
    """
    half: Floats = 0.5 * (1.0 + _ERF(x / sqrt(2.0)))
    return half


@lru_cache(maxsize=8)
def season(league: League, seed: int, number: int) -> SportSeason:
    """Compute one season; the same for the same arguments, in any process."""
    home, away, hours = simulation_sports.table(league, seed=seed, season=number)
    if league.sport is Sport.CUP:
        return _cup(league, seed, number, home, away, hours)
    return _points(league, seed, number, home, away, hours)


def _points(
    league: League, seed: int, number: int, home: Ints, away: Ints, hours: Floats
) -> SportSeason:
    sport = POINTS[league.sport]
    draw = random(seed, league, TABLE, number, 1)
    attack, defence = draw.normal(0.0, sport.strength / sqrt(2), (2, len(league.sides)))
    star = sport.star + draw.normal(0.0, sport.star * 0.08, len(league.sides))
    at_home = sport.per_side + sport.at_home / 2 + attack[home] - defence[away]
    on_tour = sport.per_side - sport.at_home / 2 + attack[away] - defence[home]
    known = np.stack([at_home - on_tour, at_home + on_tour, star[home], star[away]], axis=-1)
    truth, believed = simulation_sports.seen(
        known, spread=np.array(sport.news), seed=seed, league=league, season=number
    )
    score, had_overtime, stars = _play(sport, truth, random(seed, league, PLAYED, number))
    periods = _quarters(score, had_overtime, random(seed, league, PLAYED, number, 1), sport)
    return SportSeason(
        league, home, away, hours,
        quoted=tuple(_quote_points(sport, truth, believed, known)),
        score=score, periods=periods, had_overtime=tuple(had_overtime.tolist()), stars=stars,
    )  # fmt: skip


def _play(sport: Points, truth: Floats, draw: np.random.Generator) -> tuple[Ints, Ints, Ints]:
    margin = truth[:, 0] + draw.normal(0.0, sport.margin, len(truth))
    total = truth[:, 1] + draw.normal(0.0, sport.total, len(truth))
    score = np.stack([total + margin, total - margin], axis=-1) / 2
    points: Ints = np.maximum(np.rint(score), 0).astype(np.int64)
    had_overtime = points[:, 0] == points[:, 1]
    winner = (truth[:, 0] < 0).astype(np.int64)
    points[np.arange(len(points)), winner] += had_overtime * sport.overtime
    stars = np.rint(truth[:, 2:] + draw.normal(0.0, sport.star_spread, (len(truth), 2)))
    return points, had_overtime, np.maximum(stars, 0).astype(np.int64)


def _quarters(
    score: Ints, had_overtime: Ints, draw: np.random.Generator, sport: Points
) -> tuple[dict[str, tuple[int, int]], ...]:
    """Share each side's points among four quarters; an overtime holds what decided."""
    extra = np.where(score == score.max(axis=1, keepdims=True), sport.overtime, 0)
    extra = extra * had_overtime[:, None]
    by_side = draw.multinomial(score - extra, [0.25] * 4)  # (fixture, side, quarter)
    found = []
    for quarters, overtime in zip(by_side, extra, strict=True):
        shown = {f"Q{n + 1}": (int(quarters[0, n]), int(quarters[1, n])) for n in range(4)}
        if overtime.any():
            shown["OT"] = (int(overtime[0]), int(overtime[1]))
        found.append(shown)
    return tuple(found)


def _over(of: Floats, line: Floats, spread: float) -> Floats:
    """Return the probability that a normal figure about ``of`` comes over each fixture's line."""
    return below((of - line.reshape(-1, *[1] * (of.ndim - 1))) / spread)


def _quote_points(sport: Points, truth: Floats, believed: Floats, known: Floats) -> list[Quoted]:
    """Quote winner, spread, totals and players; every line lies between two whole points."""
    spread_line = -(np.floor(known[:, 0]) + 0.5)
    total_line = np.floor(known[:, 1]) + 0.5
    return [
        two_way(
            below(believed[..., 0] / sport.margin),
            fair=below(truth[:, 0] / sport.margin), kind="MONEYLINE", answers=SIDES,
        ),
        two_way(
            _over(believed[..., 0], -spread_line, sport.margin),
            fair=_over(truth[:, 0], -spread_line, sport.margin),
            kind="SPREAD", answers=SIDES, line=spread_line,
        ),
        two_way(
            _over(believed[..., 1], total_line, sport.total),
            fair=_over(truth[:, 1], total_line, sport.total),
            kind="TOTAL", answers=OVERS, line=total_line,
        ),
        *_quote_side(sport, truth, believed, known, at=0),
        *_quote_side(sport, truth, believed, known, at=1),
    ]  # fmt: skip


def _quote_side(
    sport: Points, truth: Floats, believed: Floats, known: Floats, *, at: int
) -> list[Quoted]:
    """Quote one side's points and its player's figure; ``at``: 0 home, 1 away."""
    side, sign = SIDES[at], 1 - 2 * at
    spread = sqrt(sport.margin**2 + sport.total**2) / 2
    line = np.floor((known[:, 1] + sign * known[:, 0]) / 2) + 0.5
    star_line = np.floor(known[:, 2 + at]) + 0.5
    return [
        two_way(
            _over((believed[..., 1] + sign * believed[..., 0]) / 2, line, spread),
            fair=_over((truth[:, 1] + sign * truth[:, 0]) / 2, line, spread),
            kind="TEAM_TOTAL", answers=OVERS, line=line, participant=side,
        ),
        two_way(
            _over(believed[..., 2 + at], star_line, sport.star_spread),
            fair=_over(truth[:, 2 + at], star_line, sport.star_spread),
            kind="PLAYER_TOTAL", answers=OVERS, line=star_line, participant=side,
            star=True, statistic=sport.statistic,
        ),
    ]  # fmt: skip


def _cup(
    league: League, seed: int, number: int, home: Ints, away: Ints, hours: Floats
) -> SportSeason:
    draw = random(seed, league, TABLE, number, 1)
    attack, defence = draw.normal(0.0, 0.2, (2, len(league.sides)))
    base = simulation.BASE_RATE
    known = np.stack(
        [base + simulation.HOME_ADVANTAGE + attack[home] - defence[away],
         base + attack[away] - defence[home]], axis=-1,
    )  # fmt: skip
    spread = np.full(2, simulation.NEWS_SPREAD)
    truth, believed = simulation_sports.seen(
        known, spread=spread, seed=seed, league=league, season=number
    )
    play = random(seed, league, PLAYED, number)
    score: Ints = play.poisson(np.exp(truth))
    half = play.binomial(score, 0.45)
    periods = tuple(
        {"H1": (int(first[0]), int(first[1])), "H2": (int(rest[0]), int(rest[1]))}
        for first, rest in zip(half, score - half, strict=True)
    )
    return SportSeason(
        league, home, away, hours,
        quoted=tuple(_quote_goals(truth, believed, known)), score=score, periods=periods,
    )  # fmt: skip


_HOME_GOALS, _AWAY_GOALS = (
    axis.ravel() for axis in np.meshgrid(*2 * [np.arange(simulation.MAX_GOALS + 1)], indexing="ij")
)
#: Home, draw, away, both score, over 2.5: of each score.
_HAPPENS = np.stack(
    [_HOME_GOALS > _AWAY_GOALS, _HOME_GOALS == _AWAY_GOALS, _HOME_GOALS < _AWAY_GOALS,
     (_HOME_GOALS > 0) & (_AWAY_GOALS > 0), _HOME_GOALS + _AWAY_GOALS > simulation.TOTAL_LINE],
    axis=1,
).astype(np.float64)  # fmt: skip


def _quote_goals(truth: Floats, believed: Floats, known: Floats) -> list[Quoted]:
    shape = believed.shape[:-1]
    fair = simulation.score_grid(truth) @ _HAPPENS
    seen = (simulation.score_grid(believed.reshape(-1, 2)) @ _HAPPENS).reshape(*shape, -1)
    doubles = np.array([[1, 1, 0], [1, 0, 1], [0, 1, 1]], dtype=np.float64)
    line = np.full(len(known), simulation.TOTAL_LINE)

    def home_of_two(of: Floats) -> Floats:
        share: Floats = of[..., 0] / (of[..., 0] + of[..., 2])
        return share

    return [
        Quoted(
            "MATCH_ODDS", ("HOME", "DRAW", "AWAY"), fair[:, :3],
            simulation_sports.offered(seen[..., :3]),
        ),
        Quoted(
            "DOUBLE_CHANCE", ("HOME_DRAW", "HOME_AWAY", "DRAW_AWAY"), fair[:, :3] @ doubles.T,
            simulation_sports.offered(seen[..., :3] @ doubles.T, sums_to=2),
        ),
        two_way(
            home_of_two(seen), fair=home_of_two(fair), kind="DRAW_NO_BET", answers=SIDES
        ),
        two_way(seen[..., 3], fair=fair[:, 3], kind="BOTH_SCORE", answers=EITHER),
        two_way(seen[..., 4], fair=fair[:, 4], kind="TOTAL", answers=OVERS, line=line),
    ]  # fmt: skip
