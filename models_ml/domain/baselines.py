"""Forecasters that a model must be held beside: Elo alone, goals alone, a normal margin, a race.

The market and its close need no fitting: they are columns.  These here learn from the past rows
they are given and answer for others; same rows, same answers.
"""

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

GOALS = 15  # 0 … 14 goals a side, as penaltyblog's default grid
DECAY = 0.0018  # per day
FLOOR = 1e-10
RIDGE = 1e-6
NEWTON_STEPS, NEWTON_END = 60, 1e-10


@dataclass(frozen=True, slots=True, eq=False)
class EloLogistic:
    """A logit of the Elo difference and its square, a row of weights for each class but the last.

    Two-way where it was fitted on two classes, three-way on three.
    """

    weights: NDArray  # (k - 1, 3): constant, d, d^2

    def probabilities(self, expectations: ArrayLike) -> NDArray:
        """Return each class's probability by the home side's expected score, (n, k)."""
        z = _terms(expectations) @ self.weights.T
        return scipy.special.softmax(np.hstack([z, np.zeros((len(z), 1))]), axis=1)


def fit_elo(expectations: ArrayLike, outcomes: ArrayLike, *, classes: int) -> EloLogistic:
    """Fit ``classes`` outcomes on d = log10(E / (1 - E)) = (R_h + H - R_a) / 400 and d^2.

    Newton's steps to the end; a trace of ridge keeps separable rows finite.  An unknown
    expectation counts as a half.

    >>> e = np.tile([0.3, 0.5, 0.7], 200)
    >>> y = np.tile([0, 1, 1, 1, 0, 0], 100)
    >>> fit_elo(e, y, classes=2).probabilities([0.3, 0.5, 0.7])[:, 0].round(3).tolist()
    [0.5, 0.5, 0.5]

    Raises:
        ValueError: there is no row, or an outcome is not one of the classes.

    Source: Hvattum & Arntzen 2010, "Using ELO ratings for match result prediction".
    """
    x, y = _terms(expectations), np.asarray(outcomes, dtype=int)
    if len(x) == 0 or y.shape != (len(x),) or y.min() < 0 or y.max() >= classes:
        raise ValueError(f"need rows with outcomes 0 to {classes - 1}, got {y.shape}")
    happened = np.eye(classes)[y][:, :-1]
    weights = np.zeros((classes - 1, x.shape[1]))
    for _ in range(NEWTON_STEPS):
        p = EloLogistic(weights).probabilities(expectations)[:, :-1]
        slope = x.T @ (p - happened) + RIDGE * weights.T
        step = np.linalg.solve(_curvature(x, p), slope.T.ravel()).reshape(weights.shape)
        weights = weights - step
        if np.abs(step).max() < NEWTON_END:
            break
    return EloLogistic(weights)


def _terms(expectations: ArrayLike) -> NDArray:
    e = np.asarray(expectations, dtype=float)
    e = np.clip(np.where(np.isnan(e), 0.5, e), 1e-9, 1 - 1e-9)
    d = np.log10(e / (1.0 - e))
    return np.stack([np.ones_like(d), d, d * d], axis=1)


def _curvature(x: NDArray, p: NDArray) -> NDArray:
    """Return the second derivative of the loss, blocks of classes, by the terms within."""
    k, f = p.shape[1], x.shape[1]
    blocks = np.empty((k * f, k * f))
    for a in range(k):
        for b in range(k):
            weight = p[:, a] * ((a == b) - p[:, b])
            blocks[a * f : (a + 1) * f, b * f : (b + 1) * f] = (x * weight[:, None]).T @ x
    return blocks + RIDGE * np.eye(k * f)


@dataclass(frozen=True, slots=True, eq=False)
class DixonColes:
    """Strengths of attack and defence of the sides of one competition, and what joins scores."""

    sides: NDArray  # ids, sorted
    attack: NDArray
    defence: NDArray  # what is conceded more: higher is worse
    home: float
    rho: float
    log_likelihood: float

    def means(self, home: ArrayLike, away: ArrayLike) -> tuple[NDArray, NDArray]:
        """Return the expected goals of home and away sides; newcomers play as the weakest do."""
        a_h, d_h = self._strengths(home)
        a_a, d_a = self._strengths(away)
        return np.exp(self.home + a_h + d_a), np.exp(a_a + d_h)

    def scores(self, home: ArrayLike, away: ArrayLike) -> NDArray:
        """Return the chance of each score, (n, 15, 15): home goals, then away goals."""
        home_mean, away_mean = self.means(home, away)
        goals = np.arange(GOALS)
        log_factorials = scipy.special.gammaln(goals + 1.0)
        sides = [
            np.exp(goals * np.log(m)[:, None] - m[:, None] - log_factorials)
            for m in (home_mean, away_mean)
        ]
        grid = sides[0][:, :, None] * sides[1][:, None, :]
        lam, mu, rho = home_mean, away_mean, self.rho
        grid[:, 0, 0] *= np.maximum(1.0 - lam * mu * rho, FLOOR)
        grid[:, 0, 1] *= np.maximum(1.0 + lam * rho, FLOOR)
        grid[:, 1, 0] *= np.maximum(1.0 + mu * rho, FLOOR)
        grid[:, 1, 1] *= max(1.0 - rho, FLOOR)
        return grid / grid.sum(axis=(1, 2), keepdims=True)

    def probabilities(self, home: ArrayLike, away: ArrayLike) -> NDArray:
        """Return the probabilities of home, draw and away, (n, 3)."""
        grid = self.scores(home, away)
        gap = np.subtract.outer(np.arange(GOALS), np.arange(GOALS))
        parts = [(grid * chosen).sum(axis=(1, 2)) for chosen in (gap > 0, gap == 0, gap < 0)]
        return np.stack(parts, axis=1)

    def over(self, home: ArrayLike, away: ArrayLike, line: float) -> NDArray:
        """Return P(more goals than a line | not exactly as many), (n,)."""
        grid = self.scores(home, away)
        total = np.add.outer(np.arange(GOALS), np.arange(GOALS))
        over, under = ((grid * chosen).sum(axis=(1, 2)) for chosen in (total > line, total < line))
        return over / (over + under)

    def _strengths(self, sides: ArrayLike) -> tuple[NDArray, NDArray]:
        wanted = np.asarray(sides)
        place = np.minimum(np.searchsorted(self.sides, wanted), len(self.sides) - 1)
        is_known = self.sides[place] == wanted
        weakest = np.argsort(self.attack - self.defence)[: max(1, len(self.sides) // 4)]
        attack, defence = self.attack[weakest].mean(), self.defence[weakest].mean()
        return (
            np.where(is_known, self.attack[place], attack),
            np.where(is_known, self.defence[place], defence),
        )


def weights_of_age(days: ArrayLike, *, decay: float = DECAY) -> NDArray:
    """Return what a match counts that lies ``days`` back.

    >>> weights_of_age([0, 365]).round(4).tolist()
    [1.0, 0.5184]

    Source: Dixon & Coles 1997, 4.4; decay per day as penaltyblog's default.
    """
    return np.exp(-decay * np.asarray(days, dtype=float))


def fit_dixon_coles(
    *,
    home: ArrayLike,
    away: ArrayLike,
    home_goals: ArrayLike,
    away_goals: ArrayLike,
    weights: ArrayLike | None = None,
    ridge: float = 0.0,
    begin_at: DixonColes | None = None,
    tolerance: float = 1e-14,
) -> DixonColes:
    """Fit one competition's strengths by weighted maximum likelihood, all arrays (n,).

    ``ridge`` draws strengths toward their mean, for histories so short that a side has not
    scored yet; 0 is the plain likelihood.  ``begin_at``: a fit of nearly the same matches, which
    shortens the way; ``tolerance``: the relative gain at which it ends.

    Raises:
        ValueError: there is no match, or goals are negative.

    Source: Dixon & Coles 1997, "Modelling association football scores".
    """
    x, y = (np.asarray(g, dtype=float) for g in (home_goals, away_goals))
    if len(x) == 0 or min(x.min(), y.min()) < 0:
        raise ValueError("need matches with goals")
    sides = np.unique(np.concatenate([np.asarray(home), np.asarray(away)]))
    h, a = np.searchsorted(sides, home), np.searchsorted(sides, away)
    w = np.ones(len(x)) if weights is None else np.asarray(weights, dtype=float)
    n = len(sides)
    negative = _Negative(h, a, x, y, w, n)

    def loss(theta: NDArray) -> tuple[float, NDArray]:
        value, slope = negative(theta)
        attack, defence = theta[:n] - theta[:n].mean(), theta[n:-2] - theta[n:-2].mean()
        value += ridge * float(attack @ attack + defence @ defence)
        slope[:n] += 2.0 * ridge * attack
        slope[n:-2] += 2.0 * ridge * defence
        return value / w.sum(), slope / w.sum()

    level = float(np.log(max((w @ (x + y)) / (2.0 * w.sum()), 0.05)))
    first = np.concatenate([np.zeros(n), np.full(n, level), [0.25, -0.05]])
    if begin_at is not None:
        first = _beginning(begin_at, sides, first)
    bounds = [(-6.0, 6.0)] * (2 * n) + [(-2.0, 2.0), (-0.9, 0.9)]
    settings = {"maxiter": 2_000, "ftol": tolerance, "gtol": 1e-8}
    fit = scipy.optimize.minimize(
        loss, first, jac=True, method="L-BFGS-B", bounds=bounds, options=settings
    )
    attack, defence = fit.x[:n], fit.x[n:-2]
    middle = attack.mean()
    return DixonColes(
        sides=sides,
        attack=attack - middle,
        defence=defence + middle,
        home=float(fit.x[-2]),
        rho=float(fit.x[-1]),
        log_likelihood=-negative(fit.x)[0],
    )


def _beginning(known: DixonColes, sides: NDArray, first: NDArray) -> NDArray:
    """Return where a fit begins: at the strengths of the sides that are known already."""
    n = len(sides)
    found = first.copy()
    at = np.minimum(np.searchsorted(known.sides, sides), len(known.sides) - 1)
    stood = known.sides[at] == sides
    found[:n][stood] = known.attack[at[stood]]
    found[n:-2][stood] = known.defence[at[stood]]
    found[n:-2][~stood] = known.defence.mean()
    found[-2:] = known.home, known.rho
    return found


class _Negative:
    """The weighted negative log likelihood and its slope, by strengths, home and rho.

    The four low scores that hang together are few, so they are put right row by row behind what
    holds for every match.
    """

    def __init__(self, h: NDArray, a: NDArray, x: NDArray, y: NDArray, w: NDArray, n: int) -> None:
        self.h, self.a, self.x, self.y, self.w, self.n = h, a, x, y, w, n
        self.constant = float(w @ (scipy.special.gammaln(x + 1) + scipy.special.gammaln(y + 1)))
        self.low = [
            np.flatnonzero((x == i) & (y == j)) for i, j in ((0, 0), (0, 1), (1, 0), (1, 1))
        ]

    def __call__(self, theta: NDArray) -> tuple[float, NDArray]:
        h, a, x, y, w, n = self.h, self.a, self.x, self.y, self.w, self.n
        attack, defence, home, rho = theta[:n], theta[n : 2 * n], theta[-2], theta[-1]
        log_lam, log_mu = home + attack[h] + defence[a], attack[a] + defence[h]
        lam, mu = np.exp(log_lam), np.exp(log_mu)
        value = float(w @ (x * log_lam - lam + y * log_mu - mu)) - self.constant
        by_lam, by_mu, by_rho = w * (x - lam), w * (y - mu), 0.0
        for place, (rows, sign) in enumerate(zip(self.low, (-1.0, 1.0, 1.0, -1.0), strict=True)):
            gain = np.ones(len(rows))  # of tau by rho: -lam mu, lam, mu or -1
            if place in (0, 1):
                gain = gain * lam[rows]
            if place in (0, 2):
                gain = gain * mu[rows]
            gain = sign * gain
            tau = np.maximum(1.0 + gain * rho, FLOOR)
            share = w[rows] / tau
            value += float(w[rows] @ np.log(tau))
            by_rho += float(share @ gain)
            if place in (0, 1):
                by_lam[rows] += share * gain * rho
            if place in (0, 2):
                by_mu[rows] += share * gain * rho
        slope = np.concatenate(
            [
                np.bincount(h, by_lam, n) + np.bincount(a, by_mu, n),
                np.bincount(a, by_lam, n) + np.bincount(h, by_mu, n),
                [by_lam.sum(), by_rho],
            ]
        )
        return -value, -slope


@dataclass(frozen=True, slots=True)
class Normal:
    """A figure (margin, total) spread around what was expected, by one bias and one width."""

    bias: float
    sigma: float

    def above(self, expected: ArrayLike, line: ArrayLike) -> NDArray:
        """Return P(figure > line | figure is not the line) of whole figures, (n,)."""
        mean, at = np.asarray(expected, dtype=float) + self.bias, np.asarray(line, dtype=float)
        whole = np.floor(at)
        over = scipy.stats.norm.sf(whole + 0.5, mean, self.sigma)
        under = scipy.stats.norm.cdf(
            np.where(at == whole, whole - 0.5, whole + 0.5), mean, self.sigma
        )
        return over / (over + under)


def fit_normal(expected: ArrayLike, figures: ArrayLike) -> Normal:
    """Fit bias and width of figures around what was expected of them, NaN left out.

    >>> fit_normal([1.0, 2.0, 3.0], [2, 4, 3])
    Normal(bias=1.0, sigma=1.0)

    Raises:
        ValueError: fewer than two are known.
    """
    gaps = np.asarray(figures, dtype=float) - np.asarray(expected, dtype=float)
    gaps = gaps[~np.isnan(gaps)]
    if len(gaps) < 2:
        raise ValueError("need two figures with an expectation")
    return Normal(float(gaps.mean()), max(float(gaps.std(ddof=1)), 1e-6))


def in_race(weights: ArrayLike, race: ArrayLike) -> NDArray:
    """Return each runner's share of its race's weights, (n,): 1/price, a rating, or all alike.

    An unknown weight counts as the mean of its race's known ones; where none is known all
    runners are alike.

    >>> in_race([1 / 2.0, 1 / 4.0, np.nan, np.nan], [1, 1, 2, 2]).round(4).tolist()
    [0.6667, 0.3333, 0.5, 0.5]
    """
    w = np.asarray(weights, dtype=float)
    _, place = np.unique(np.asarray(race), return_inverse=True)
    known = np.isfinite(w) & (w > 0)
    sums = np.bincount(place, weights=np.where(known, w, 0.0))
    counts = np.bincount(place, weights=known)
    middle = np.where(counts > 0, sums / np.maximum(counts, 1), 1.0)
    filled = np.where(known, w, middle[place])
    return filled / np.bincount(place, weights=filled)[place]
