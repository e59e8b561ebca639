"""Whether the world still looks as it did when a version learned, and what it says still holds.

Every rule knows its sample: a threshold fires only where chance would not, and where there are
too few rows it says so.
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from models_ml.domain.scoring import intervals
from models_ml.domain.scoring.diagram import Reliability

MINIMUM = 128  # current rows
THRESHOLD = 0.20
BREACHES = 5
EPSILON = 1e-4
CONFIDENCE = 0.95
FALSE_ALARMS = 0.01  # how often as many features as are needed stand out by chance, at most
BRIER_RATIO = 1.10
SLOPE_TOLERANCE = 0.05
CUSUM_SLACK = 0.5  # of a standard deviation
CUSUM_LIMIT = 4.39  # a week in 500 without drift, by simulation (a test repeats it)
OUTER = 2  # bins outside the reference's range: empty there, and filled by chance all the same
WEEK = 7 * 86_400_000_000  # µs
WINDOW = 4 * WEEK  # what is held against the reference, or as many rows as are needed
BURN_IN = 0.25  # of the history: ratings and forms are still filling
BEYOND = 1.25  # times the reference's own widest window: what the next one may reach as well
LINE = 8  # columns read at once: what a line of the cache holds of a row


class State(StrEnum):
    QUIET = "QUIET"
    FIRED = "FIRED"
    NOT_ENOUGH = "NOT_ENOUGH"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one rule saw: the figure, its threshold, on how many rows, how sure."""

    name: str
    state: State
    text: str
    value: float | None = None
    threshold: float | None = None
    n: int = 0
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """What features looked like when a version learned: deciles and what lay between them.

    ``edges`` is (f, 11): least, nine deciles, greatest; infinite where nothing was known.
    ``counts`` is (f, 13): below the least, ten bins, above the greatest, missing.  ``usual`` is
    (f,): an index that the reference's own four-week windows reach against the whole of it.
    A season has its beginning and its end, and a league's mean moves slowly: rows of one month
    are no random draw from years, and that is not drift.
    """

    names: tuple[str, ...]
    edges: NDArray
    counts: NDArray
    n: int
    usual: NDArray

    def as_figures(self) -> dict[str, Any]:
        """Return the reference as JSON can hold it; ``from_figures`` reads it."""
        edges = [[None if np.isinf(e) else float(e) for e in row] for row in self.edges]
        return {
            "names": list(self.names),
            "edges": edges,
            "counts": self.counts.tolist(),
            "n": self.n,
            "usual": self.usual.tolist(),
        }

    @classmethod
    def from_figures(cls, figures: dict[str, Any]) -> "Reference":
        edges = [[np.inf if e is None else e for e in row] for row in figures["edges"]]
        shape = (len(figures["names"]), -1)
        return cls(
            tuple(figures["names"]),
            np.array(edges, dtype=float).reshape(shape),
            np.array(figures["counts"], dtype=np.int64).reshape(shape),
            int(figures["n"]),
            np.array(figures["usual"], dtype=float),
        )


class FeatureDrift(NamedTuple):
    name: str
    psi: float
    null_quantile: float  # what 95 of 100 samples without drift stay below
    threshold: float
    share_missing: float
    is_breach: bool


@dataclass(frozen=True, slots=True)
class Drift:
    """The population stability of all features: how many stand out, how many must."""

    features: tuple[FeatureDrift, ...]
    n_reference: int
    n_current: int
    needed: int

    @property
    def breaches(self) -> int:
        return sum(feature.is_breach for feature in self.features)

    def finding(self) -> Finding:
        n, breaches = self.n_current, self.breaches
        if n < MINIMUM or self.n_reference < MINIMUM:
            few = f"{n} rows beside {self.n_reference}: {MINIMUM} of each are needed"
            return Finding("psi", State.NOT_ENOUGH, few, n=n)
        state = State.FIRED if breaches >= self.needed else State.QUIET
        worst = max(self.features, key=lambda f: f.psi, default=None)
        least = f"; highest {worst.name} {worst.psi:.3f}" if worst else ""
        text = f"{breaches} of {len(self.features)} features stand out, {self.needed} must{least}"
        return Finding("psi", state, text, float(breaches), float(self.needed), n)


def reference(
    values: ArrayLike, names: Sequence[str], *, starts: ArrayLike | None = None
) -> Reference:
    """Keep the deciles of each feature, (n, f) with NaN for what is not known.

    ``starts`` (n,) in µs, in order: ``usual`` is of its windows, without it of chance alone.

    >>> kept = reference(np.arange(100.0)[:, None], ["a"])
    >>> kept.counts.tolist()
    [[0, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 0, 0]]

    Raises:
        ValueError: the columns are not as many as the names.
    """
    x = _table(values, len(names))
    ordered = np.sort(x, axis=0)  # NaN come last
    known = (~np.isnan(x)).sum(axis=0)
    edges = np.full((x.shape[1], 11), np.inf)
    for j, k in enumerate(known):
        if k:
            places = np.minimum(np.arange(10) * k // 10, k - 1)
            edges[j, :10], edges[j, 10] = ordered[places, j], ordered[k - 1, j]
    kept = Reference(tuple(names), edges, counts(x, edges), len(x), np.zeros(len(names)))
    return kept if starts is None else replace(kept, usual=usual(kept, x, starts))


def windows(starts: ArrayLike) -> list[slice]:
    """Cut rows in order of time into four-week windows of at least 128 rows each.

    What is left at the end belongs to the last one.

    >>> windows(np.arange(500) * WEEK // 40)
    [slice(0, 160, None), slice(160, 320, None), slice(320, 500, None)]
    """
    times = np.asarray(starts, dtype=np.int64)
    cuts = [0]
    while len(times) - cuts[-1] >= MINIMUM:
        by_time = int(np.searchsorted(times, times[cuts[-1]] + WINDOW))
        cuts.append(min(max(by_time, cuts[-1] + MINIMUM), len(times)))
    if len(cuts) > 1:
        cuts[-1] = len(times)
    return [slice(a, b) for a, b in itertools.pairwise(cuts)]


def usual(kept: Reference, values: NDArray, starts: ArrayLike) -> NDArray:
    """Return a quarter more than the highest index of the reference's own windows, (f,).

    The first quarter of the history is left out; 0 where there are no two windows.
    """
    cut = windows(starts)
    late = [part for part in cut if part.start >= BURN_IN * len(values)]
    if len(cut) < 2 or not late:
        return np.zeros(len(kept.names))
    found = [_index(counts(values[part], kept.edges), kept.counts) for part in late]
    return BEYOND * np.max(found, axis=0)


def recent(starts: ArrayLike) -> slice:
    """Return which of the rows in order of time are the present: four weeks, or the last 128.

    >>> recent(np.arange(1000) * WEEK // 100), recent(np.arange(1000) * WEEK)
    (slice(600, 1000, None), slice(872, 1000, None))
    """
    times = np.asarray(starts, dtype=np.int64)
    if not len(times):
        return slice(0, 0)
    by_time = int(np.searchsorted(times, times[-1] - WINDOW, side="right"))
    return slice(max(0, min(by_time, len(times) - MINIMUM)), len(times))


def counts(values: NDArray, edges: NDArray) -> NDArray:
    """Return how many values lie in each bin, (f, 13) whole numbers.

    Counted by comparing whole columns with each edge, which costs less than sorting them in.

    Raises:
        ValueError: the columns are not as many as the edges' rows.
    """
    x = _table(values, len(edges))
    found = np.empty((len(edges), 13), dtype=np.int64)
    is_reached = np.empty(len(x), dtype=bool)
    for first in range(0, len(edges), LINE):  # whole lines of memory, read once
        columns = np.ascontiguousarray(x[:, first : first + LINE].T)
        for place, column in enumerate(columns, start=first):
            reached = [_reached(column, edge, is_reached) for edge in edges[place]]
            reached[10] = int(
                np.count_nonzero(np.greater(column, edges[place, 10], out=is_reached))
            )
            known = int(np.count_nonzero(np.equal(column, column, out=is_reached)))
            found[place, 0], found[place, 12] = known - reached[0], len(x) - known
            found[place, 1:12] = [*(a - b for a, b in itertools.pairwise(reached)), reached[10]]
    return found


def psi(kept: Reference, values: ArrayLike) -> Drift:
    """Return each feature's population stability index against the kept reference.

    Bins of their own for what lies outside the reference's range and for what is missing.  A
    feature stands out above max(.20, the 95 % quantile of chance, what is usual for a window);
    as many must stand out as chance makes in one report of a hundred, and at least five.

    >>> rng = np.random.default_rng(0)
    >>> kept = reference(rng.normal(size=(3000, 8)), list("abcdefgh"))
    >>> psi(kept, rng.normal(size=(500, 8))).finding().state.value
    'QUIET'
    >>> psi(kept, rng.normal(size=(500, 8)) + 0.8).finding().state.value
    'FIRED'

    Source: Siddiqi 2006; under no drift PSI / (1/n + 1/m) is chi-square with bins - 1 degrees
    of freedom (Yurdakul & Naranjo 2020): 11 of a continuous feature, its outer bins included.
    """
    x = np.asarray(values, dtype=float)
    now = counts(x, kept.edges)
    n, m = len(x), kept.n
    index, missing = np.zeros(len(kept.names)), np.zeros(len(kept.names))
    if n and m:
        index, missing = _index(now, kept.counts), now[:, 12] / n
    chance = 1.0 / max(n, 1) + 1.0 / max(m, 1)
    freedom = (kept.counts > 0).sum(axis=1) - 1 + OUTER
    quantile = scipy.stats.chi2.ppf(CONFIDENCE, freedom) * chance
    threshold = np.maximum(np.maximum(THRESHOLD, quantile), kept.usual)
    by_chance = scipy.stats.chi2.sf(threshold / chance, freedom)
    features = [
        FeatureDrift(name, float(p), float(q), float(t), float(share), bool(p > t))
        for name, p, q, t, share in zip(
            kept.names, index, quantile, threshold, missing, strict=True
        )
    ]
    return Drift(tuple(features), m, n, needed(by_chance))


def _index(now: NDArray, before: NDArray) -> NDArray:
    seen, expected = shares(now, before)
    return ((seen - expected) * np.log(seen / expected)).sum(axis=1)


def shares(now: NDArray, before: NDArray) -> tuple[NDArray, NDArray]:
    """Return the shares of bins that may be compared, both (f, 13) and none of them 0.

    A new value lies below all of m earlier ones once in m + 1 times, though none of them did.
    An empty bin of the reference counts as half a row; one of the present as half a row too,
    but as no more than what was expected.

    >>> seen, expected = shares(np.eye(1, 13, 0) * 4, np.full((1, 13), 10))
    >>> seen[0, :2].tolist(), expected[0, :2].round(4).tolist()
    ([1.0, 0.07692307692307693], [0.0076, 0.0769])
    """
    n, m = now.sum(axis=1, keepdims=True), before.sum(axis=1, keepdims=True)
    expected = np.where(before > 0, before / m, np.maximum(0.5 / m, EPSILON))
    is_known = before[:, 12:] < m
    expected[:, [0, 11]] = np.where(is_known, 1.0 / (m + 1.0), expected[:, [0, 11]])
    return np.where(now > 0, now / n, np.minimum(0.5 / n, expected)), expected


def needed(by_chance: ArrayLike) -> int:
    """Return how many features must stand out, by each one's probability to do so by chance.

    >>> needed([0.004] * 50), needed([0.05] * 50)
    (5, 8)
    """
    p = np.asarray(by_chance, dtype=float)
    if len(p) == 0:
        return BREACHES
    most = scipy.stats.binom.isf(FALSE_ALARMS, len(p), float(p.mean()))
    return max(BREACHES, int(most) + 1)


def brier_worse(
    recent: ArrayLike,
    before: ArrayLike,
    *,
    ratio: float = BRIER_RATIO,
    plain: bool = False,
    draws: int = intervals.DRAWS,
) -> Finding:
    """Hold the Brier scores of the last four weeks, row by row, against those of the test part.

    Fires where their ratio reaches 1.10 and its interval excludes 1; ``plain``: the ratio alone.
    """
    now, then = np.asarray(recent, dtype=float), np.asarray(before, dtype=float)
    if min(len(now), len(then)) < MINIMUM:
        few = f"{len(now)} rows beside {len(then)}: {MINIMUM} of each are needed"
        return Finding("brier", State.NOT_ENOUGH, few, n=len(now))
    value, low, high = intervals.ratio(now, then, draws=draws)
    is_fired = value >= ratio and (plain or low > 1.0)
    text = f"Brier is {value:.3f} times the test's [{low:.3f}, {high:.3f}], {ratio} would be worse"
    state = State.FIRED if is_fired else State.QUIET
    return Finding("brier", state, text, value, ratio, len(now), low, high)


def calibration(
    fit: Reliability | None, *, n: int, tolerance: float = SLOPE_TOLERANCE, plain: bool = False
) -> Finding:
    """Fire where the reliability slope of recent rows lies outside 1 ± tolerance.

    With its whole interval; ``plain``: by the slope alone.  ``n`` is rows.
    """
    if fit is None or n < MINIMUM:
        few = f"{n} rows, {MINIMUM} are needed" if n < MINIMUM else "no line could be drawn"
        return Finding("calibration", State.NOT_ENOUGH, few, n=n)
    least, most = 1.0 - tolerance, 1.0 + tolerance
    low, high = (fit.slope, fit.slope) if plain else (fit.slope_low, fit.slope_high)
    state = State.FIRED if high < least or low > most else State.QUIET
    told = f"slope {fit.slope:.3f} [{fit.slope_low:.3f}, {fit.slope_high:.3f}]"
    text = f"{told}, healthy {least:.2f} to {most:.2f}"
    found = Finding("calibration", state, text, fit.slope, tolerance, n)
    return replace(found, low=fit.slope_low, high=fit.slope_high)


def cusum(
    differences: ArrayLike, weeks: ArrayLike, *, mean: float, sigma: float
) -> tuple[Finding, list[tuple[int, float]]]:
    """Add up, week by week, by how much the model lost against the market more than it used to.

    ``differences`` is (n,) of log loss, model less market; ``mean`` and ``sigma`` are those of
    one row when the version was tested.  Returns the finding and (week, sum) for a chart.

    Source: Page 1954.
    """
    gaps = np.asarray(differences, dtype=float)
    if len(gaps) < MINIMUM or sigma <= 0.0:
        few = f"{len(gaps)} rows with a market, {MINIMUM} are needed"
        if len(gaps) >= MINIMUM:
            few = "its test knew no market, or said just the same: nothing tells what is usual"
        return Finding("cusum", State.NOT_ENOUGH, few, n=len(gaps)), []
    names, place = np.unique(np.asarray(weeks, dtype=np.int64), return_inverse=True)
    size = np.bincount(place)
    standard = (np.bincount(place, weights=gaps) / size - mean) / (sigma / np.sqrt(size))
    path, total = [], 0.0
    for week, z in zip(names.tolist(), standard.tolist(), strict=True):
        total = max(0.0, total + z - CUSUM_SLACK)
        path.append((int(week), total))
    highest = max(total for _, total in path)
    state = State.FIRED if highest > CUSUM_LIMIT else State.QUIET
    text = (
        f"the highest sum is {highest:.2f}, {CUSUM_LIMIT} fires (slack {CUSUM_SLACK} σ; "
        "without drift once in 500 weeks)"
    )
    return Finding("cusum", state, text, highest, CUSUM_LIMIT, len(gaps)), path


class Flag(NamedTuple):
    """A change of a competition's rules: from when it holds."""

    code: str
    effective_from: datetime


def flags(told: Iterable[Flag], *, trained_until: datetime, now: datetime) -> Finding:
    """Fire where a rule changed after what the version learned and no later than now."""
    changed = sorted(f.code for f in told if trained_until < f.effective_from <= now)
    if not changed:
        return Finding("flags", State.QUIET, "no rule has changed since it learned", 0.0, 1.0)
    text = f"changed since it learned: {', '.join(changed)}"
    return Finding("flags", State.FIRED, text, float(len(changed)), 1.0, len(changed))


def _table(values: ArrayLike, columns: int) -> NDArray:
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 2 or x.shape[1] != columns:
        raise ValueError(f"need rows of {columns} values, got {x.shape}")
    return x


def _reached(column: NDArray, edge: float, into: NDArray) -> int:
    return int(np.count_nonzero(np.greater_equal(column, edge, out=into)))
