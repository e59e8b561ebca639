"""Whether what was called likely happened as often as was said.

A statement is one class of one row: its probability was said, and it happened or did not.
``…_of`` take statements, the others pool those of all classes and rows.
"""

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from models_ml.domain.scoring.losses import CLIP, pair

NO_LINE = 50.0  # a slope known no better than this was not found
Z_95 = 1.959963984540054


def statements(probabilities: ArrayLike, outcomes: ArrayLike) -> tuple[NDArray, NDArray]:
    """Return what was said and whether it happened (1 or 0), all classes of all rows pooled."""
    p, y = pair(probabilities, outcomes)
    return p.ravel(), np.eye(p.shape[1])[y].ravel()


def ece(probabilities: ArrayLike, outcomes: ArrayLike, *, bins: int = 10) -> float:
    """Return the expected calibration error of all classes pooled, in equal-mass bins.

    >>> ece([[1.0, 0.0], [0.0, 1.0]], [0, 1], bins=2)
    0.0
    >>> round(ece([[0.8, 0.2], [0.8, 0.2]], [0, 1], bins=2), 6)
    0.3
    """
    return ece_of(*statements(probabilities, outcomes), bins=bins)


def ece_of(said: NDArray, happened: NDArray, *, bins: int = 10) -> float:
    """Return the mass-weighted mean of |share that happened - mean probability| over bins.

    The bins hold equally many statements.

    Source: Naeini et al. 2015, with the equal-mass bins of Nixon et al. 2019.
    """
    order = np.argsort(said, kind="stable")
    parts = np.array_split(order, min(bins, len(order)))
    return float(sum(abs((happened[i] - said[i]).sum()) for i in parts) / len(order))


def ece_when_perfect(probabilities: ArrayLike, *, bins: int = 10, draws: int = 200) -> float:
    """Return the mean ECE that perfectly calibrated probabilities of this n would show.

    The figure to hold beside ``ece``: an ECE near it is noise.  Seeded, so it repeats.

    >>> 0.0 < ece_when_perfect([[0.5, 0.3, 0.2]] * 100) < 0.1
    True
    """
    p = np.asarray(probabilities, dtype=float)
    rng = np.random.default_rng(0)
    edges = np.cumsum(p, axis=1)[:, :-1]
    order = np.argsort(p.ravel(), kind="stable")
    sizes = [len(part) for part in np.array_split(order, min(bins, len(order)))]
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    said, classes = p.ravel()[order], np.eye(p.shape[1])
    errors = []
    for _ in range(draws):
        outcomes = (rng.random(len(p))[:, None] > edges).sum(axis=1)
        gaps = classes[outcomes].ravel()[order] - said
        errors.append(np.abs(np.add.reduceat(gaps, starts)).sum() / len(order))
    return float(np.mean(errors))


@dataclass(frozen=True, slots=True)
class Point:
    """A bin of the reliability diagram; low and high enclose the share with 95 %."""

    said: float  # mean probability
    happened: float  # share that happened
    n: int
    low: float
    high: float


def points(
    probabilities: ArrayLike, outcomes: ArrayLike, *, bins: int = 10, equal_mass: bool = True
) -> list[Point]:
    """Return the reliability diagram of all classes pooled.

    >>> [(p.said, p.happened, p.n) for p in points([[0.8, 0.2], [0.7, 0.3]], [0, 1], bins=2)]
    [(0.25, 0.5, 2), (0.75, 0.5, 2)]
    """
    said, happened = statements(probabilities, outcomes)
    return points_of(said, happened, bins=bins, equal_mass=equal_mass)


def points_of(
    said: NDArray, happened: NDArray, *, bins: int = 10, equal_mass: bool = True
) -> list[Point]:
    """Return the reliability diagram: bins of equally many statements, or of equal width."""
    order = np.argsort(said, kind="stable")
    if equal_mass:
        parts = np.array_split(order, min(bins, len(order)))
    else:
        inner = np.linspace(0.0, 1.0, bins + 1)[1:-1]
        parts = np.split(order, np.searchsorted(said[order], inner, side="right"))
    found = []
    for part in parts:
        if len(part):
            share = float(happened[part].mean())
            low, high = _wilson(share, len(part))
            found.append(Point(float(said[part].mean()), share, len(part), low, high))
    return found


def _wilson(share: float, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a share.  Source: Wilson 1927."""
    z2 = Z_95**2 / n
    middle = (share + z2 / 2) / (1 + z2)
    half = Z_95 * ((share * (1 - share) + z2 / 4) / n) ** 0.5 / (1 + z2)
    return max(0.0, middle - half), min(1.0, middle + half)


def r_squared(probabilities: ArrayLike, outcomes: ArrayLike, *, bins: int = 10) -> float | None:
    """Return how much of the shares' spread over the bins a straight line explains, 0 to 1.

    The weighted R^2 of the least-squares line through the reliability diagram's points.  None
    where all bins say the same, or the same happened in all.

    >>> round(r_squared([[0.9, 0.1]] * 10, [0] * 9 + [1], bins=2), 6)
    1.0
    """
    found = points(probabilities, outcomes, bins=bins)
    n, x, y = np.array([(p.n, p.said, p.happened) for p in found], dtype=float).T
    x, y = x - np.average(x, weights=n), y - np.average(y, weights=n)
    spread_x, spread_y = float((n * x * x).sum()), float((n * y * y).sum())
    if spread_x < 1e-12 or spread_y < 1e-12:
        return None
    return float((n * x * y).sum() ** 2 / (spread_x * spread_y))


@dataclass(frozen=True, slots=True)
class Reliability:
    """Cox's line through what was said and what happened; ideal: slope 1, intercept 0."""

    slope: float
    slope_low: float
    slope_high: float
    intercept: float
    intercept_low: float
    intercept_high: float


def reliability(probabilities: ArrayLike, outcomes: ArrayLike) -> Reliability | None:
    """Fit ``logit P(class happened) = intercept + slope * logit p`` over all classes pooled.

    >>> rng = np.random.default_rng(1)
    >>> p = rng.dirichlet([6, 4, 5], size=5000)
    >>> y = (rng.random(5000)[:, None] > np.cumsum(p, axis=1)[:, :-1]).sum(axis=1)
    >>> fit = reliability(p, y)
    >>> fit.slope_low < 1 < fit.slope_high and fit.intercept_low < 0 < fit.intercept_high
    True
    """
    p, y = pair(probabilities, outcomes)
    if p.shape[1] == 2:  # the second class says the first once more, and pins the intercept
        return reliability_of(p[:, 0], (y == 0).astype(float))
    return reliability_of(*statements(p, y), per_row=p.shape[1])


def reliability_of(said: NDArray, happened: NDArray, *, per_row: int = 1) -> Reliability | None:
    """Fit Cox's line to statements, with 95 % Wald intervals.

    ``per_row`` neighbouring statements are of one row: its classes exclude one another, and the
    intervals allow for that.  Taken as independent they cover 85 of 100 slopes instead of 95.
    None where the fit does not exist (one outcome only, or separable).

    Source: Cox 1958; Liang & Zeger 1986 for statements that hang together.
    """
    x = scipy.special.logit(np.clip(said, CLIP, 1 - 1e-12))

    def loss(theta: NDArray) -> float:
        z = theta[0] + theta[1] * x
        return float((np.logaddexp(0, z) - happened * z).sum())

    def slope_of_loss(theta: NDArray) -> NDArray:
        gap = scipy.special.expit(theta[0] + theta[1] * x) - happened
        return np.array([gap.sum(), (gap * x).sum()])

    fit = scipy.optimize.minimize(loss, np.array([0.0, 1.0]), jac=slope_of_loss, method="BFGS")
    q = scipy.special.expit(fit.x[0] + fit.x[1] * x)
    w = q * (1 - q)
    information = np.array([[w.sum(), (w * x).sum()], [(w * x).sum(), (w * x * x).sum()]])
    if np.linalg.cond(information) > 1e12:
        return None
    a, b = (float(value) for value in fit.x)
    spread = np.linalg.inv(information)
    if per_row > 1:
        gaps = np.stack([q - happened, (q - happened) * x], axis=1)
        by_row = gaps.reshape(-1, per_row, 2).sum(axis=1)
        spread = spread @ (by_row.T @ by_row) @ spread
    da, db = (Z_95 * float(s) for s in np.sqrt(np.diag(spread)))
    if db > NO_LINE:
        return None
    return Reliability(b, b - db, b + db, a, a - da, a + da)
