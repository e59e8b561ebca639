"""How sure a difference between two forecasters is, where both foretold the same events."""

from dataclasses import asdict, dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from models_ml.domain.scoring.diagram import Z_95

DRAWS = 2_000
CELLS = 2_000_000  # weights drawn at once: 16 MB


@dataclass(frozen=True, slots=True)
class Difference:
    """A mean paired difference with its 95 % interval; below 0 the first one lost less."""

    mean: float
    low: float
    high: float
    sigma: float  # standard error, clusters kept whole
    n: int
    clusters: int
    dm_p: float | None  # Diebold and Mariano's two-sided p value

    def as_figures(self) -> dict[str, float | None]:
        return asdict(self)


def paired(
    differences: ArrayLike,
    *,
    clusters: ArrayLike | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> Difference:
    """Return the mean of paired differences with a bootstrap interval, whole clusters drawn.

    ``differences`` is (n,) in time order, loss of the first less loss of the second;
    ``clusters`` is (n,) of numbers, rows of one number being drawn together (an event's rows,
    a week's events); every row its own cluster where it is None.  Seeded, so it repeats.

    >>> found = paired([0.1, -0.2, 0.3, 0.0], draws=500)
    >>> found.low < found.mean < found.high, found.n
    (True, 4)

    Raises:
        ValueError: there is no difference, or one is not finite.

    Source: Efron 1979; Field & Welsh 2007 for whole clusters.
    """
    gaps = np.asarray(differences, dtype=float)
    if gaps.ndim != 1 or len(gaps) == 0 or not np.isfinite(gaps).all():
        raise ValueError(f"need (n,) finite differences, got {gaps.shape}")
    sums, sizes = _by_cluster(gaps, clusters)
    means = _bootstrap(sums, sizes, draws=draws, seed=seed)
    low, high = np.quantile(means, (0.025, 0.975))
    mean = float(gaps.mean())
    return Difference(
        mean=mean,
        low=float(low),
        high=float(high),
        sigma=_standard_error(sums, sizes, mean),
        n=len(gaps),
        clusters=len(sums),
        dm_p=diebold_mariano(gaps),
    )


def ratio(
    numerators: ArrayLike, denominators: ArrayLike, *, draws: int = DRAWS, seed: int = 0
) -> tuple[float, float, float]:
    """Return mean over mean of two independent samples, with its 95 % bootstrap interval.

    >>> mean, low, high = ratio([1.1, 0.9] * 50, [1.0] * 80)
    >>> round(mean, 6), low < 1 < high
    (1.0, True)
    """
    top, bottom = np.asarray(numerators, dtype=float), np.asarray(denominators, dtype=float)
    if len(top) == 0 or len(bottom) == 0:
        raise ValueError("need at least one figure on either side")
    above = _bootstrap(top, np.ones(len(top)), draws=draws, seed=seed)
    below = _bootstrap(bottom, np.ones(len(bottom)), draws=draws, seed=seed + 1)
    low, high = np.quantile(above / below, (0.025, 0.975))
    return float(top.mean() / bottom.mean()), float(low), float(high)


def diebold_mariano(differences: ArrayLike, *, lags: int = 1) -> float | None:
    """Return the two-sided p value that two forecasters lose alike, or None without spread.

    The variance allows for differences that hang together over ``lags`` neighbours (Bartlett
    weights), the distribution is Student's with n - 1 degrees of freedom.

    >>> round(diebold_mariano([0.5, -0.5, 0.4, -0.4, 0.1, -0.1]), 3)
    1.0
    >>> diebold_mariano([0.2, 0.2, 0.2]) is None
    True

    Source: Diebold & Mariano 1995; Newey & West 1987; Harvey, Leybourne & Newbold 1997.
    """
    gaps = np.asarray(differences, dtype=float)
    n = len(gaps)
    if n <= lags + 1:
        return None
    around = gaps - gaps.mean()
    plain = variance = float(around @ around) / n
    for lag in range(1, lags + 1):
        weight = 1.0 - lag / (lags + 1)
        variance += 2.0 * weight * float(around[lag:] @ around[:-lag]) / n
    if variance <= 1e-12 * max(plain, float(gaps @ gaps) / n) or variance <= 0.0:
        return None
    statistic = float(gaps.mean()) / (variance / n) ** 0.5
    return float(2.0 * scipy.stats.t.sf(abs(statistic), df=n - 1))


def normal_interval(mean: float, sigma: float) -> tuple[float, float]:
    """Return the 95 % interval of a normal mean.

    >>> [round(bound, 2) for bound in normal_interval(1.0, 0.1)]
    [0.8, 1.2]
    """
    return mean - Z_95 * sigma, mean + Z_95 * sigma


def _by_cluster(gaps: NDArray, clusters: ArrayLike | None) -> tuple[NDArray, NDArray]:
    if clusters is None:
        return gaps, np.ones(len(gaps))
    names, place = np.unique(np.asarray(clusters), return_inverse=True)
    if place.shape != gaps.shape:
        raise ValueError(f"need one cluster for each of {len(gaps)} differences")
    sums = np.bincount(place, weights=gaps, minlength=len(names))
    return sums, np.bincount(place, minlength=len(names)).astype(float)


def _bootstrap(sums: NDArray, sizes: NDArray, *, draws: int, seed: int) -> NDArray:
    """Return the mean of each of many samples drawn with replacement, (draws,)."""
    rng, count = np.random.default_rng(seed), len(sums)
    step = max(1, CELLS // count)
    equal = np.full(count, 1.0 / count)
    means = []
    for first in range(0, draws, step):
        weights = rng.multinomial(count, equal, size=min(step, draws - first))
        means.append((weights @ sums) / (weights @ sizes))
    return np.concatenate(means)


def _standard_error(sums: NDArray, sizes: NDArray, mean: float) -> float:
    """Return the standard error of a mean of whole clusters (linearised)."""
    count = len(sums)
    if count < 2:
        return 0.0
    spread = float(((sums - mean * sizes) ** 2).sum())
    return float((spread * count / (count - 1)) ** 0.5 / sizes.sum())
