"""How good the best of many trials has to be before it says anything.  Pure.

Whoever tries a hundred settings finds one that did well.  Two answers: how probable it is that the
best one's Sharpe ratio is real, given how many were tried and how far they lay apart; and how
probable so good a best one would be if none had any edge, all of them drawn again together.

Sources: Bailey & López de Prado, "The Deflated Sharpe Ratio", Journal of Portfolio Management 40
(2014); White, "A Reality Check for Data Snooping", Econometrica 68 (2000); Politis & Romano, "The
Stationary Bootstrap", Journal of the American Statistical Association 89 (1994).
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

Floats = npt.NDArray[np.float64]
EULER = 0.5772156649015329
RESAMPLES = 2_000
MEAN_BLOCK = 5  # betting days that hang together
_AT_ONCE = 200  # resamples in memory


@dataclass(frozen=True, slots=True)
class Deflated:
    """The best Sharpe ratio held against what the best of so many would be by luck.

    Ratios are per observation, not of a year.  ``probability`` that the true one is above
    ``expected``; None where too little is known.
    """

    sharpe: float | None
    expected: float | None
    probability: float | None
    trials: int
    n: int


def expected_best(*, variance: float, trials: int) -> float:
    """Return the Sharpe ratio to be expected of the best of so many trials without any edge.

    ``variance``: of the trials' ratios.  Bailey & López de Prado (2014), equation 1; of 100 trials
    whose yearly ratios have a variance of a half:

    >>> round(expected_best(variance=0.5 / 250, trials=100), 4)
    0.1132
    """
    if trials < 2 or variance <= 0.0:
        return 0.0
    first = stats.norm.ppf(1.0 - 1.0 / trials)
    second = stats.norm.ppf(1.0 - 1.0 / (trials * math.e))
    return float(math.sqrt(variance) * ((1.0 - EULER) * first + EULER * second))


def probabilistic(
    *, sharpe: float, above: float, n: int, skewness: float = 0.0, kurtosis: float = 3.0
) -> float:
    """Return the probability that the true ratio is above another, from n observations.

    ``kurtosis`` is 3 of a normal distribution.  The example of the paper, 1,250 days, a yearly
    ratio of 2.5, skewness -3 and kurtosis 10, best of 100 and of 46:

    >>> [round(probabilistic(sharpe=2.5 / 250**0.5, n=1250, skewness=-3, kurtosis=10,
    ...     above=expected_best(variance=0.5 / 250, trials=trials)), 4) for trials in (100, 46)]
    [0.9004, 0.9505]
    """
    spread = 1.0 - skewness * sharpe + (kurtosis - 1.0) / 4.0 * sharpe**2
    if n < 2 or spread <= 0.0:
        return math.nan
    return float(stats.norm.cdf((sharpe - above) * math.sqrt(n - 1) / math.sqrt(spread)))


def deflated(returns: Floats) -> Deflated:
    """Return the best trial's Sharpe ratio, deflated; ``returns`` are (n_days, n_trials).

    A trial without bets, or whose returns are all alike, was tried all the same: it counts.
    """
    n, trials = returns.shape
    spread = returns.std(axis=0, ddof=1) if n > 1 else np.zeros(trials)
    moves = spread > 0.0
    if not moves.any():
        return Deflated(None, None, None, trials, n)
    ratios = np.where(moves, returns.mean(axis=0) / np.where(moves, spread, 1.0), 0.0)
    best = int(np.where(moves, ratios, -np.inf).argmax())
    variance = float(ratios.var(ddof=1)) if trials > 1 else 0.0
    expected = expected_best(variance=variance, trials=trials)
    probability = probabilistic(
        sharpe=float(ratios[best]),
        above=expected,
        n=n,
        skewness=float(stats.skew(returns[:, best])),
        kurtosis=float(stats.kurtosis(returns[:, best], fisher=False)),
    )
    told = probability if math.isfinite(probability) else None
    return Deflated(float(ratios[best]), expected, told, trials, n)


def reality_check(
    returns: Floats,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
    mean_block: float = MEAN_BLOCK,
) -> float | None:
    """Return how probable so good a best trial would be if none had any edge.

    ``returns`` (n_days, n_trials) are held against doing nothing.  Days are drawn in blocks, the
    same for all trials, so that what hangs together stays together.  None of fewer than two days.

    >>> random = np.random.default_rng(1)
    >>> luck = random.normal(0.0, 1.0, (300, 50))
    >>> skill = np.column_stack([luck, random.normal(0.5, 1.0, 300)])
    >>> reality_check(luck) > 0.1, reality_check(skill) < 0.01
    (True, True)
    """
    n = len(returns)
    if n < 2 or not returns.shape[1]:
        return None
    mean = returns.mean(axis=0)
    reached = math.sqrt(n) * float(mean.max())
    random, beaten, done = np.random.default_rng(seed), 0, 0
    while done < resamples:
        size = min(_AT_ONCE, resamples - done)
        weights = _weights(random, n=n, size=size, mean_block=mean_block)
        drawn = math.sqrt(n) * (weights @ returns - mean).max(axis=1)
        beaten += int((drawn >= reached).sum())
        done += size
    return (beaten + 1) / (resamples + 1)


def stationary(
    random: np.random.Generator, *, n: int, size: int, mean_block: float
) -> npt.NDArray[np.int64]:
    """Return draws of n places, (size, n): blocks that begin anywhere and go round at the end.

    A block goes on with probability 1 - 1 / ``mean_block``: its length is geometric.
    """
    starts = random.integers(0, n, (size, n))
    is_new = random.random((size, n)) < 1.0 / mean_block
    is_new[:, 0] = True
    at = np.arange(n)
    begun = np.maximum.accumulate(np.where(is_new, at, 0), axis=1)
    return (np.take_along_axis(starts, begun, axis=1) + at - begun) % n


def _weights(random: np.random.Generator, *, n: int, size: int, mean_block: float) -> Floats:
    """Return how often each day is drawn, as shares: (size, n)."""
    drawn = stationary(random, n=n, size=size, mean_block=mean_block)
    flat = (drawn + n * np.arange(size)[:, None]).ravel()
    return np.bincount(flat, minlength=size * n).reshape(size, n) / n
