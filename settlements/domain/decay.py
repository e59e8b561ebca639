"""Whether an edge wears off: a one-sided CUSUM over betting days.  Pure.

A day's rate (CLV per bet, profit per unit turned over) is held against the mean and the scatter of
the first ``BASE`` days with bets.  Its shortfall in standard deviations, less an allowance, is
added up and never falls below 0; above the limit it tells that the mean has fallen since.

``S_d = max(0, S_(d−1) − z_d − k)``, with ``z_d = (x_d − m) √w_d ∕ s`` for a day of weight w, and
``s² = Σ w_d (x_d − m)² ∕ (n − 1)`` over the base.  The base's own error makes false alarms more
frequent than tables for known means say, so the rate that ``false_alarms`` gives is simulated with
a base estimated anew in each run.

Source: E. S. Page, "Continuous Inspection Schemes", Biometrika 41 (1954); W. A. Jensen et al.,
"Effects of Parameter Estimation on Control Chart Properties", Journal of Quality Technology 38
(2006), on the base's error.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
BASE = 60  # days with bets that the others are held against
ALLOWANCE = 0.5  # half of the fall, in daily standard deviations, that is to be found soon
LIMIT = 10.0


@dataclass(frozen=True, slots=True)
class Watch:
    """A CUSUM of the days after the base; ``alarm`` is the place of the first one above the limit.

    ``since`` is the place after which the fall began, as far as one can tell: where the sum was 0
    last before the alarm.  Places count all days, those of the base too.
    """

    mean: float
    level: Floats
    alarm: int | None
    since: int | None


def watch(
    *,
    top: Floats,
    bottom: Floats,
    base: int = BASE,
    allowance: float = ALLOWANCE,
    limit: float = LIMIT,
) -> Watch | None:
    """Return the watch over days of sums, n_days each; None while there are too few days.

    Days without a bottom (no turnover, nothing valued) are passed over.

    >>> rng = np.random.default_rng(1)
    >>> rates = np.concatenate([rng.normal(0.03, 0.01, 150), rng.normal(0.01, 0.01, 50)])
    >>> found = watch(top=rates, bottom=np.ones(200))
    >>> 150 <= found.alarm <= 165, 145 <= found.since <= 152
    (True, True)
    """
    used = np.flatnonzero(bottom > 0)
    if len(used) <= base:
        return None
    rate, weight = top[used] / bottom[used], bottom[used]
    mean = float(top[used[:base]].sum() / weight[:base].sum())
    scatter = float((weight[:base] * (rate[:base] - mean) ** 2).sum() / (base - 1))
    if not scatter:
        return None
    level = climb(z=(rate - mean) * np.sqrt(weight / scatter), base=base, allowance=allowance)
    beyond = np.flatnonzero(level > limit)
    if not len(beyond):
        return Watch(mean, level, None, None)
    start = np.flatnonzero(level[: beyond[0]] == 0)
    return Watch(mean, level, int(used[beyond[0]]), int(used[start[-1]]) if len(start) else None)


def climb(*, z: Floats, base: int, allowance: float) -> Floats:
    """Return the sums for each of n values along the last axis; those of the base are 0."""
    level = np.zeros_like(z)
    for place in range(base, z.shape[-1]):
        level[..., place] = np.maximum(0.0, level[..., place - 1] - z[..., place] - allowance)
    return level


def false_alarms(
    *,
    days: int = 365,
    base: int = BASE,
    allowance: float = ALLOWANCE,
    limit: float = LIMIT,
    fall: float = 0.0,
    runs: int = 4_000,
    seed: int = 0,
) -> float:
    """Return in which share of runs an alarm comes within ``days`` after the base.

    The days are normal; from the base on their mean is lower by ``fall`` standard deviations, so
    that with one the share is that of true alarms.

    >>> 0.01 < false_alarms(runs=1000) < 0.06
    True
    """
    x = np.random.default_rng(seed).normal(size=(runs, base + days))
    x[:, base:] -= fall
    own = x[:, :base]
    z = (x - own.mean(axis=1, keepdims=True)) / own.std(axis=1, ddof=1, keepdims=True)
    return float((climb(z=z, base=base, allowance=allowance) > limit).any(axis=1).mean())
