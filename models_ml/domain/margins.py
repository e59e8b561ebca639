"""How points are spread around what is expected: a normal curve, bent where a sport scores.

American football ends by 3 and by 7 far more often than by 2 or by 9.  The bell of an expected
margin is multiplied by weights of the margins, then tilted until its mean is what it was.
"""

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

CHUNK = 2_000  # rows whose whole distribution is held in memory at a time
STEPS = 12  # of Newton's method; the same for each row, so a row is the same alone and in a batch
SHRINKAGE = 20.0  # observations that speak for the smooth curve
SHRINKAGE_OF_TIES = 2.0  # fewer: where extra time is played, a tie is rare from the first
SPAN = (5.0, 40.0)  # points between which a standard deviation lies


@dataclass(frozen=True, slots=True)
class Support:
    """The whole numbers a distribution lives on; ``is_symmetric``: m and -m weigh the same."""

    lowest: int
    highest: int
    is_symmetric: bool

    @property
    def values(self) -> NDArray:
        return np.arange(self.lowest, self.highest + 1, dtype=np.float64)

    def key(self, values: NDArray) -> NDArray:
        """Return where the weight of a value stands in a list of weights."""
        return (np.abs(values) if self.is_symmetric else values - self.lowest).astype(np.intp)

    @property
    def keys(self) -> int:
        return max(abs(self.lowest), abs(self.highest)) + 1 if self.is_symmetric else len(self)

    def __len__(self) -> int:
        return self.highest - self.lowest + 1


MARGIN = Support(-80, 80, is_symmetric=True)
TOTAL = Support(0, 400, is_symmetric=False)


def bell(*, mean: NDArray, sd: float, support: Support) -> NDArray:
    """Return a normal curve's mass on each whole number, (n, m), tails in the outermost.

    >>> found = bell(mean=np.array([0.0]), sd=10.0, support=Support(-2, 2, True))
    >>> found.round(4).tolist()
    [[0.4404, 0.0397, 0.0399, 0.0397, 0.4404]]
    """
    edges = (support.values[:-1] + 0.5 - mean[:, None]) / sd
    heap = np.hstack([np.zeros((len(mean), 1)), scipy.special.ndtr(edges), np.ones((len(mean), 1))])
    return np.diff(heap, axis=1)


def bent(*, mean: NDArray, sd: float, weights: NDArray, support: Support) -> NDArray:
    """Return the bell times the weights, (n, m), each row of sum 1 and of the mean asked for.

    The mean is kept by an exponential tilt, found by Newton's method: the tilted mean grows with
    the tilt at the rate of the tilted variance.

    >>> even, keyed = np.ones(MARGIN.keys), np.ones(MARGIN.keys)
    >>> keyed[3] = 2.0
    >>> mean = np.array([2.5])
    >>> a, b = (bent(mean=mean, sd=13.0, weights=w, support=MARGIN)[0] for w in (even, keyed))
    >>> round(float(b @ MARGIN.values), 9), bool(b[83] > 1.8 * a[83])
    (2.5, True)
    """
    values = support.values
    middle = np.clip(mean, support.lowest + sd / 10, support.highest - sd / 10)
    plain = bell(mean=middle, sd=sd, support=support) * weights[support.key(values)]
    plain /= plain.sum(axis=1, keepdims=True)
    if np.all(weights == weights[0]):
        return plain
    tilt = np.zeros(len(mean))
    centred = values - middle[:, None]
    found = plain
    for _ in range(STEPS):
        gap = (found * centred).sum(axis=1)
        variance = (found * centred**2).sum(axis=1) - gap**2
        tilt = np.clip(tilt - gap / np.maximum(variance, 1.0), -0.5, 0.5)
        found = plain * np.exp(np.clip(tilt[:, None] * centred, -50.0, 50.0))
        found /= found.sum(axis=1, keepdims=True)
    return found


def key_weights(
    *, mean: NDArray, observed: NDArray, sd: float, support: Support, reach: int
) -> NDArray:
    """Return how much oftener each number came than the smooth curve says, drawn toward 1.

    Numbers further than ``reach`` keep 1.  ``observed`` never seen though often expected tends
    to 0: basketball has no ties.

    >>> rng = np.random.default_rng(0)
    >>> points = np.rint(rng.normal(2.0, 13.0, 4000)); points[points == 0] = 3
    >>> w = key_weights(mean=np.full(4000, 2.0), observed=points, sd=13.0, support=MARGIN, reach=20)
    >>> bool(w[0] < 0.2), bool(1.2 < w[3] < 1.8), float(w[21])
    (True, True, 1.0)
    """
    expected = np.zeros(support.keys)
    for first in range(0, len(mean), CHUNK):
        mass = bell(mean=mean[first : first + CHUNK], sd=sd, support=support).sum(axis=0)
        np.add.at(expected, support.key(support.values), mass)
    inside = np.clip(observed, support.lowest, support.highest)
    seen = np.bincount(support.key(inside), minlength=support.keys).astype(np.float64)
    drawn = np.full(support.keys, SHRINKAGE)
    if support.is_symmetric:
        drawn[0] = SHRINKAGE_OF_TIES
    weights = (seen + drawn) / (expected + drawn)
    weights[reach + 1 :] = 1.0
    return weights


def spread_of(*, mean: NDArray, observed: NDArray) -> float:
    """Return the standard deviation of what was observed around what was expected.

    >>> spread_of(mean=np.zeros(2), observed=np.array([12.0, -12.0]))
    12.0
    """
    gaps = observed - mean
    return float(np.clip(np.sqrt(np.mean(gaps * gaps)), *SPAN))


def expected_from_line(*, line: NDArray, probability: NDArray, sd: float) -> NDArray:
    """Return the mean that gives "over the line" this probability, for a normal curve.

    >>> expected_from_line(line=np.array([3.5]), probability=np.array([0.5]), sd=13.0)
    array([3.5])
    >>> expected_from_line(line=np.array([3.5]), probability=np.array([0.55]), sd=13.0).round(3)
    array([5.134])
    """
    return line + sd * scipy.special.ndtri(np.clip(probability, 0.01, 0.99))


def log_losses(
    *, mean: NDArray, observed: NDArray, sd: float, weights: NDArray, support: Support
) -> NDArray:
    """Return ``-ln P`` of what was observed, row by row, in nats."""
    found = np.empty(len(mean))
    inside = np.clip(observed, support.lowest, support.highest).astype(np.intp)
    for first in range(0, len(mean), CHUNK):
        part = slice(first, first + CHUNK)
        pmf = bent(mean=mean[part], sd=sd, weights=weights, support=support)
        place = inside[part] - support.lowest
        found[part] = -np.log(np.maximum(pmf[np.arange(len(pmf)), place], 1e-15))
    return found
