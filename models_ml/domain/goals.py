"""Goals of two sides: Poisson scores with the low ones corrected, and what they answer.

Source: Dixon & Coles 1997, "Modelling association football scores and inefficiencies in the
football betting market".
"""

import numpy as np
import scipy
from numpy.typing import NDArray

from models_ml.domain import lines
from models_ml.domain.lines import Answers, Shares

MOST = 15  # goals of a side that the grid knows
CHUNK = 2_000  # rows whose grids are held in memory at a time
STEPS = 12  # of Newton's method, the same for each row
FEWEST, LARGEST = 0.05, 8.0  # expected goals of a side
RHO = (-0.2, 0.2)
_COUNTS = np.arange(MOST + 1, dtype=np.float64)
_HOME, _AWAY = np.repeat(_COUNTS, MOST + 1), np.tile(_COUNTS, MOST + 1)  # of each score
_AHEAD = np.sign(_HOME - _AWAY)
_LOG_FACTORIALS = scipy.special.gammaln(_COUNTS + 1.0)


def poisson(mean: NDArray) -> NDArray:
    """Return P(0), P(1) … P(15) of each mean, (n, 16).

    >>> poisson(np.array([1.0]))[0, :3].round(6).tolist()
    [0.367879, 0.367879, 0.18394]
    """
    return np.exp(_COUNTS * np.log(mean)[:, None] - mean[:, None] - _LOG_FACTORIALS)


def grid(*, home: NDArray, away: NDArray, rho: float) -> NDArray:
    """Return the probability of every score, (n, 16, 16), each row of sum 1.

    >>> scores = grid(home=np.array([1.5]), away=np.array([1.1]), rho=-0.1)[0]
    >>> round(float(scores[0, 0]), 6), round(float(scores[1, 1]), 6), round(float(scores.sum()), 9)
    (0.086529, 0.134807, 1.0)
    """
    home, away = np.clip(home, FEWEST, LARGEST), np.clip(away, FEWEST, LARGEST)
    found = poisson(home)[:, :, None] * poisson(away)[:, None, :]
    found[:, 0, 0] *= np.maximum(1.0 - home * away * rho, 0.0)
    found[:, 0, 1] *= np.maximum(1.0 + home * rho, 0.0)
    found[:, 1, 0] *= np.maximum(1.0 + away * rho, 0.0)
    found[:, 1, 1] *= 1.0 - rho
    flat = found.reshape(len(home), -1)
    flat /= flat.sum(axis=1, keepdims=True)
    return found


def low_score_factor(
    *, home: NDArray, away: NDArray, home_goals: NDArray, away_goals: NDArray, rho: float
) -> NDArray:
    """Return what independence is multiplied by at the score that came, before the sum is 1.

    >>> ones = np.ones(4)
    >>> low_score_factor(
    ...     home=1.5 * ones, away=ones, rho=-0.1,
    ...     home_goals=np.array([0, 0, 1, 2]), away_goals=np.array([0, 1, 0, 0]),
    ... ).round(6).tolist()
    [1.15, 0.85, 0.9, 1.0]
    """
    factor = np.ones(len(home))
    nil_home, nil_away = home_goals == 0, away_goals == 0
    one_home, one_away = home_goals == 1, away_goals == 1
    factor = np.where(nil_home & nil_away, 1.0 - home * away * rho, factor)
    factor = np.where(nil_home & one_away, 1.0 + home * rho, factor)
    factor = np.where(one_home & nil_away, 1.0 + away * rho, factor)
    return np.maximum(np.where(one_home & one_away, 1.0 - rho, factor), 1e-9)


def fit_rho(*, home: NDArray, away: NDArray, home_goals: NDArray, away_goals: NDArray) -> float:
    """Return the correction in [-0.2, 0.2] that makes the scores likeliest, means given."""

    def loss(rho: float) -> float:
        factor = low_score_factor(
            home=home, away=away, home_goals=home_goals, away_goals=away_goals, rho=rho
        )
        return -float(np.log(factor).sum())

    return float(scipy.optimize.minimize_scalar(loss, bounds=RHO, method="bounded").x)


def log_losses(
    *, home: NDArray, away: NDArray, home_goals: NDArray, away_goals: NDArray, rho: float
) -> NDArray:
    """Return ``-ln P(score)``, row by row, in nats; goals above 15 count as 15."""
    found = np.empty(len(home))
    h, a = (np.clip(goals, 0, MOST).astype(np.intp) for goals in (home_goals, away_goals))
    for first in range(0, len(home), CHUNK):
        part = slice(first, first + CHUNK)
        scores = grid(home=home[part], away=away[part], rho=rho)
        found[part] = -np.log(np.maximum(scores[np.arange(len(scores)), h[part], a[part]], 1e-15))
    return found


def outcomes(scores: NDArray) -> NDArray:
    """Return P(home), P(draw), P(away) of grids of scores, (n, 3).

    >>> outcomes(grid(home=np.array([1.3]), away=np.array([1.3]), rho=0.0)).round(4).tolist()
    [[0.368, 0.2639, 0.368]]
    """
    margins = margins_of(scores)
    return np.stack(
        [margins[:, MOST + 1 :].sum(axis=1), margins[:, MOST], margins[:, :MOST].sum(axis=1)],
        axis=1,
    )


def margins_of(scores: NDArray) -> NDArray:
    """Return P(home goals - away goals = m) for m = -15 … 15, (n, 31)."""
    turned = np.ascontiguousarray(scores[:, :, ::-1])
    return _diagonals(turned)


def totals_of(scores: NDArray) -> NDArray:
    """Return P(goals of both = t) for t = 0 … 30, (n, 31)."""
    return _diagonals(scores)


def _diagonals(scores: NDArray) -> NDArray:
    """Return the sums where row + column is the same: row i is shifted right by i."""
    found = np.zeros((len(scores), 2 * MOST + 1))
    for row in range(MOST + 1):
        found[:, row : row + MOST + 1] += scores[:, row, :]
    return found


def implied(
    *, market: NDArray, total_line: NDArray, total_over: NDArray, rho: float
) -> tuple[NDArray, NDArray]:
    """Return the expected goals that explain a market's 1X2 and its total, row by row.

    Two numbers are asked of two: how much likelier home is than away, and how likely "over" is;
    where there is no total, how likely the draw is.  NaN where there is no 1X2.  Newton's method
    on the logarithms, with steps no longer than a half.

    >>> means = np.array([1.7]), np.array([1.1])
    >>> scores = grid(home=means[0], away=means[1], rho=-0.05)
    >>> none = np.array([np.nan])
    >>> found = implied(market=outcomes(scores), total_line=none, total_over=none, rho=-0.05)
    >>> [mean.round(6).tolist() for mean in found]
    [[1.7], [1.1]]
    """
    home, away = np.full(len(market), np.nan), np.full(len(market), np.nan)
    known = np.flatnonzero(~np.isnan(market).any(axis=1))
    for first in range(0, len(known), CHUNK):
        rows = known[first : first + CHUNK]
        home[rows], away[rows] = _implied(market[rows], total_line[rows], total_over[rows], rho)
    return home, away


def _implied(market: NDArray, line: NDArray, over: NDArray, rho: float) -> tuple[NDArray, NDArray]:
    """Solve by Newton's method, its slopes without the correction's own (small) part.

    Everything asked for is a sum over the scores, and so are its slopes: the probability of i
    goals grows with the logarithm of their mean by the factor (i - mean).
    """
    won, lost = _paid(line, over)
    second = np.where(np.isnan(line) | np.isnan(over), market[:, 1], over)
    wanted = np.stack([market[:, 0] - market[:, 2], second])
    tilt = 0.9 * wanted[0]
    logs = np.stack([np.log(1.35) + tilt, np.log(1.35) - tilt])
    for _ in range(STEPS):
        means = np.exp(logs)
        scores = grid(home=means[0], away=means[1], rho=rho).reshape(len(market), -1)
        ahead, w, t = (_sum(scores, part) for part in (_AHEAD, won, lost))
        slopes = []
        for goals, mean in zip((_HOME, _AWAY), means, strict=True):
            moved = scores * (goals - mean[:, None])
            more = moved.sum(axis=1)
            of_ahead, of_w, of_t = (
                _sum(moved, part) - whole * more
                for part, whole in ((_AHEAD, ahead), (won, w), (lost, t))
            )
            slopes.append((of_ahead, (of_w * t - w * of_t) / (w + t) ** 2))
        (a, c), (b, d) = slopes
        gap = wanted - np.stack([ahead, w / (w + t)])
        size = a * d - b * c
        size = np.where(np.abs(size) < 1e-9, np.inf, size)
        step = np.stack([(gap[0] * d - b * gap[1]) / size, (a * gap[1] - gap[0] * c) / size])
        logs = np.clip(logs + np.clip(step, -0.5, 0.5), np.log(FEWEST), np.log(LARGEST))
    return np.exp(logs[0]), np.exp(logs[1])


def _paid(line: NDArray, over: NDArray) -> tuple[NDArray, NDArray]:
    """Return what a stake on "over" wins and loses at each score; on the draw without a total."""
    has_total = ~(np.isnan(line) | np.isnan(over))
    at = np.where(has_total, line, 2.5)
    quarters = np.rint(4.0 * at)
    odd = quarters % 2
    halves = [((quarters - odd) / 4.0)[:, None], ((quarters + odd) / 4.0)[:, None]]
    won = sum(0.5 * (half < _HOME + _AWAY) for half in halves)
    lost = sum(0.5 * (half > _HOME + _AWAY) for half in halves)
    is_draw = (_HOME == _AWAY).astype(np.float64)
    known = has_total[:, None]
    return np.where(known, won, is_draw), np.where(known, lost, 1.0 - is_draw)


def _sum(scores: NDArray, weights: NDArray) -> NDArray:
    return (scores * weights).sum(axis=1)


def over_total(scores: NDArray, line: NDArray, row: NDArray) -> Shares:
    """Return the shares of "over this many goals of both", line by line."""
    return lines.over(below=lines.below_of(pmf=totals_of(scores), lowest=0, row=row), line=line)


def home_ahead(scores: NDArray, line: NDArray, row: NDArray) -> Shares:
    """Return the shares of "home wins by more than this"."""
    below = lines.below_of(pmf=margins_of(scores), lowest=-MOST, row=row)
    return lines.over(below=below, line=line)


def over_of_side(scores: NDArray, line: NDArray, row: NDArray, *, is_home: bool) -> Shares:
    """Return the shares of "over this many goals of one side"."""
    pmf = np.ascontiguousarray(scores if is_home else scores.transpose(0, 2, 1)).sum(axis=2)
    return lines.over(below=lines.below_of(pmf=pmf, lowest=0, row=row), line=line)


def both_score(scores: NDArray) -> NDArray:
    """Return P(each side scores), (n,).

    >>> both_score(grid(home=np.array([1.0]), away=np.array([1.0]), rho=0.0)).round(4).tolist()
    [0.3996]
    """
    return 1.0 - scores[:, 0, :].sum(axis=1) - scores[:, 1:, 0].sum(axis=1)


def answers(
    *, scores: NDArray, kind: str, place: NDArray, line: NDArray, side: NDArray, row: NDArray
) -> Answers:
    """Return the answers to questions of one kind, each about one row's scores.

    ``place`` is the answer's place in ``kinds.ROLES[kind]``, ``line`` the market's own, which is
    home's in a handicap; ``side`` is 0 for home and 1 for away, whose team total is asked.

    Raises:
        ValueError: goals do not answer this kind.
    """
    three = outcomes(scores)[row]
    each = np.arange(len(row))
    match kind:
        case "MATCH_ODDS":
            won = three[each, place]
            return lines.answers(Shares(won, 1.0 - won))
        case "DOUBLE_CHANCE":  # home or draw, home or away, draw or away
            lost = three[each, 2 - place]
            return lines.answers(Shares(1.0 - lost, lost))
        case "DRAW_NO_BET":
            first = Shares(three[:, 0], three[:, 2])
        case "BOTH_SCORE":
            yes = both_score(scores)[row]
            first = Shares(yes, 1.0 - yes)
        case "ASIAN_HANDICAP":
            first = home_ahead(scores, -line, row)
        case "TOTAL":
            first = over_total(scores, line, row)
        case "TEAM_TOTAL":
            home, away = (over_of_side(scores, line, row, is_home=x) for x in (True, False))
            first = Shares(*(np.where(side == 0, h, a) for h, a in zip(home, away, strict=True)))
        case _:
            raise ValueError(f"goals do not answer {kind}")
    return lines.answers(lines.sides(first, place))
