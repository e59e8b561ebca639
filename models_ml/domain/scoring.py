"""How good probabilities were, once the outcomes are known.

``probabilities`` is (n, k), rows summing to 1; ``outcomes`` is (n,) of class numbers 0..k-1,
in the order of the columns (home, draw, away: an ordered scale, which the RPS needs).
"""

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

CLIP = 1e-15
NO_LINE = 50.0  # a slope known no better than this was not found
Z_95 = 1.959963984540054


def _pair(probabilities: ArrayLike, outcomes: ArrayLike) -> tuple[NDArray, NDArray]:
    p, y = np.asarray(probabilities, dtype=float), np.asarray(outcomes, dtype=int)
    if p.ndim != 2 or y.shape != (len(p),) or len(p) == 0:
        raise ValueError(f"need (n, k) probabilities and (n,) outcomes, got {p.shape}, {y.shape}")
    return p, y


def log_losses(probabilities: ArrayLike, outcomes: ArrayLike) -> NDArray:
    """Return ``-ln p`` of what happened, row by row, in nats; clipped at 1e-15."""
    p, y = _pair(probabilities, outcomes)
    return -np.log(np.clip(p[np.arange(len(p)), y], CLIP, 1.0))


def log_loss(probabilities: ArrayLike, outcomes: ArrayLike) -> float:
    """Return the mean of ``-ln p`` of what happened, in nats.

    >>> round(log_loss([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]], [0, 2]), 6)
    0.524911
    """
    return float(log_losses(probabilities, outcomes).mean())


def brier(probabilities: ArrayLike, outcomes: ArrayLike) -> float:
    """Return the multi-class Brier score: the mean of ``sum (p - y)^2``, from 0 to 2.

    >>> round(brier([[0.5, 0.3, 0.2]], [0]), 6)
    0.38

    Source: Brier 1950, in his own (sum) form.
    """
    p, y = _pair(probabilities, outcomes)
    return float(((p - np.eye(p.shape[1])[y]) ** 2).sum(axis=1).mean())


def rps(probabilities: ArrayLike, outcomes: ArrayLike) -> float:
    """Return the ranked probability score for ordered classes, from 0 to 1.

    >>> round(rps([[0.5, 0.3, 0.2]], [0]), 6)
    0.145
    >>> round(rps([[0.5, 0.3, 0.2]], [2]), 6)
    0.445

    Source: Epstein 1969; divided by k - 1, as Constantinou & Fenton 2012 do for football.
    """
    p, y = _pair(probabilities, outcomes)
    gaps = np.cumsum(p - np.eye(p.shape[1])[y], axis=1)[:, :-1]
    return float((gaps**2).sum(axis=1).mean() / (p.shape[1] - 1))


def accuracy(probabilities: ArrayLike, outcomes: ArrayLike) -> float:
    """Return the share of rows whose likeliest class happened (the first one on a tie).

    >>> accuracy([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]], [0, 1])
    0.5
    """
    p, y = _pair(probabilities, outcomes)
    return float((p.argmax(axis=1) == y).mean())


def ece(probabilities: ArrayLike, outcomes: ArrayLike, *, bins: int = 10) -> float:
    """Return the expected calibration error of all classes pooled, in equal-mass bins.

    Each class of each row is one yes/no statement; the error is the mass-weighted mean of
    |share that happened - mean probability| over bins that hold equally many statements.

    >>> ece([[1.0, 0.0], [0.0, 1.0]], [0, 1], bins=2)
    0.0
    >>> round(ece([[0.8, 0.2], [0.8, 0.2]], [0, 1], bins=2), 6)
    0.3

    Source: Naeini et al. 2015, with the equal-mass bins of Nixon et al. 2019.
    """
    p, y = _pair(probabilities, outcomes)
    said, happened = p.ravel(), np.eye(p.shape[1])[y].ravel()
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

    With 95 % Wald intervals; the classes of one row are not independent, so these are a
    little too narrow.  None where the fit does not exist (one outcome only, or separable).

    >>> rng = np.random.default_rng(1)
    >>> p = rng.dirichlet([6, 4, 5], size=5000)
    >>> y = (rng.random(5000)[:, None] > np.cumsum(p, axis=1)[:, :-1]).sum(axis=1)
    >>> fit = reliability(p, y)
    >>> fit.slope_low < 1 < fit.slope_high and fit.intercept_low < 0 < fit.intercept_high
    True

    Source: Cox 1958.
    """
    p, y = _pair(probabilities, outcomes)
    x = scipy.special.logit(np.clip(p, CLIP, 1 - 1e-12)).ravel()
    happened = np.eye(p.shape[1])[y].ravel()

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
    da, db = (Z_95 * float(s) for s in np.sqrt(np.diag(np.linalg.inv(information))))
    if db > NO_LINE:
        return None
    return Reliability(b, b - db, b + db, a, a - da, a + da)


def card(probabilities: ArrayLike, outcomes: ArrayLike) -> dict[str, float | None]:
    """Return every score of one forecaster as a flat dictionary that JSON can hold."""
    fit = reliability(probabilities, outcomes)
    return {
        "log_loss": log_loss(probabilities, outcomes),
        "brier_sum": brier(probabilities, outcomes),
        "rps": rps(probabilities, outcomes),
        "accuracy": accuracy(probabilities, outcomes),
        "ece": ece(probabilities, outcomes),
        "ece_when_perfect": ece_when_perfect(probabilities),
        "slope": fit.slope if fit else None,
        "slope_low": fit.slope_low if fit else None,
        "slope_high": fit.slope_high if fit else None,
        "intercept": fit.intercept if fit else None,
        "intercept_low": fit.intercept_low if fit else None,
        "intercept_high": fit.intercept_high if fit else None,
    }
