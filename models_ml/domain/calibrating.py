"""Making a forecaster's confidence fit what happens.

Five ways, from the plainest to the freest: none at all, one temperature for all logits, Platt's
lines, beta curves and isotonic steps.  Margins are logits, (n, k); two-way ones are (z, 0).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy  # loads its parts when they are first used; half a second for those who never do
from numpy.typing import NDArray

from models_ml.domain import scoring

IDENTITY: dict[str, Any] = {"method": "identity"}
METHODS = ("identity", "temperature", "platt", "beta", "isotonic")  # the plainest first
RANGE = (0.5, 2.0)
MINIMUM = 60  # rows, below which nothing is fitted
# Outcomes of the rarest class for each number that a method fits: with fewer, logistic fits of
# several numbers do worse on new rows than on their own.  Austin & Steyerberg 2017, "Events per
# variable (EPV) and the relative performance of different strategies for estimating the
# out-of-sample validity of logistic regression models": 20 suffice, and 10 do not.
EVENTS_PER_NUMBER = 20
MINIMUM_OF_ISOTONIC = 750  # 75 in each of ten bins
LEAST_OF_HALF = 0.25  # of the rows, on either side of a week's end: a fast calendar has few weeks
RIDGE = 1e-3  # keeps a fit finite where one outcome is all there is
EDGE = 1e-3  # isotonic steps end here: nothing seen is not impossible


def temperature_of(calibration: dict[str, Any]) -> float:
    """Return the number that logits are divided by; 1 where the method divides by none.

    >>> temperature_of({"method": "identity"}), temperature_of(tempered(1.25))
    (1.0, 1.25)
    """
    return float(calibration.get("temperature", 1.0))


def tempered(temperature: float) -> dict[str, Any]:
    return {"method": "temperature", "temperature": temperature}


def probabilities(margins: NDArray, calibration: dict[str, Any]) -> NDArray:
    """Return calibrated probabilities, (n, k), rows summing to 1, float64.

    >>> probabilities(np.log([[0.5, 0.3, 0.2]]), IDENTITY).round(6).tolist()
    [[0.5, 0.3, 0.2]]

    Raises:
        ValueError: the method is not one of ours.

    Sources: Guo et al. 2017, "On calibration of modern neural networks" (temperature, vector
    scaling); Platt 1999; Kull et al. 2017, "Beta calibration"; Zadrozny & Elkan 2002 (isotonic,
    one class against the rest).
    """
    logits = np.asarray(margins, dtype=np.float64)
    match calibration.get("method"):
        case "identity" | "temperature":
            return scipy.special.softmax(logits / temperature_of(calibration), axis=1)
        case "platt":
            lines = np.array(calibration["slopes"]) * logits + np.array(calibration["intercepts"])
            return scipy.special.softmax(lines, axis=1)
        case "beta":
            return _each_class(logits, calibration["curves"], _beta)
        case "isotonic":
            return _each_class(logits, calibration["steps"], _isotonic)
    raise ValueError(f"unknown calibration method {calibration.get('method')!r}")


def fit_temperature(margins: NDArray, outcomes: NDArray) -> float:
    """Return the temperature in [0.5, 2] with the least log loss.

    >>> z = np.log([[0.6, 0.25, 0.15]] * 100)
    >>> y = np.array([0] * 60 + [1] * 25 + [2] * 15)
    >>> round(fit_temperature(z, y), 3), round(fit_temperature(1.5 * z, y), 3)
    (1.0, 1.5)
    """

    def loss(t: float) -> float:
        return scoring.log_loss(probabilities(margins, tempered(t)), outcomes)

    return float(scipy.optimize.minimize_scalar(loss, bounds=RANGE, method="bounded").x)


def fit(method: str, margins: NDArray, outcomes: NDArray) -> dict[str, Any]:
    """Return a calibration of this method, fitted on all of these rows.

    Raises:
        ValueError: the method is not one of ours.
    """
    match method:
        case "identity":
            return dict(IDENTITY)
        case "temperature":
            return tempered(fit_temperature(margins, outcomes))
        case "platt":
            return _fit_platt(margins, outcomes)
        case "beta":
            pairs = _statements(margins, outcomes)
            return {"method": "beta", "curves": [_fit_beta(*s) for s in pairs]}
        case "isotonic":
            pairs = _statements(margins, outcomes)
            return {"method": "isotonic", "steps": [_fit_isotonic(*s) for s in pairs]}
    raise ValueError(f"unknown calibration method {method!r}")


def choose(margins: NDArray, outcomes: NDArray, *, weeks: NDArray | None = None) -> dict[str, Any]:
    """Return the calibration that does best on rows it was not fitted on.

    Each method that the rows suffice for is fitted on the earlier half of the weeks (of the rows,
    where no weeks are told) and scored on the later half.  The plainest one that the best does not
    beat by more than a standard error of their paired difference is chosen and fitted on all rows.
    Too few rows: identity.
    """
    n = len(outcomes)
    if n < MINIMUM:
        return {**IDENTITY, "n": n}
    half = _half(n, weeks)
    methods = _sufficed(outcomes, classes=margins.shape[1], half=half)
    losses = {}
    for method in methods:
        trial = fit(method, margins[:half], outcomes[:half])
        losses[method] = scoring.log_losses(probabilities(margins[half:], trial), outcomes[half:])
    held_out = {method: float(loss.mean()) for method, loss in losses.items()}
    chosen = _plainest(methods, losses, best=min(methods, key=lambda method: held_out[method]))
    return {**fit(chosen, margins, outcomes), "n": n, "held_out_log_loss": held_out}


def numbers_of(method: str, *, classes: int) -> int:
    """Return how many numbers a method fits; isotonic steps have as many as they need.

    >>> [numbers_of(method, classes=2) for method in METHODS[:4]]
    [0, 1, 2, 3]
    >>> [numbers_of(method, classes=3) for method in METHODS[:4]]
    [0, 1, 5, 9]
    """
    match method:
        case "identity":
            return 0
        case "temperature":
            return 1
        case "platt":
            return 2 if classes == 2 else 2 * classes - 1
    return 3 * len(_classes(classes))


def _sufficed(outcomes: NDArray, *, classes: int, half: int) -> list[str]:
    """Return the methods that so many outcomes suffice for, the plainest first."""
    rarest = int(np.bincount(outcomes, minlength=classes).min())
    return [
        method
        for method in METHODS
        if (
            half >= MINIMUM_OF_ISOTONIC
            if method == "isotonic"
            else rarest >= EVENTS_PER_NUMBER * numbers_of(method, classes=classes)
        )
    ]


def _plainest(methods: Sequence[str], losses: dict[str, NDArray], *, best: str) -> str:
    for method in methods:
        gain = losses[method] - losses[best]
        if gain.mean() <= gain.std(ddof=1) / len(gain) ** 0.5:
            return method
    return best


def _half(n: int, weeks: NDArray | None) -> int:
    """Return where the later half begins: at a week, unless that leaves one side too few rows.

    >>> _half(10, np.repeat([1, 2, 3], [3, 3, 4])), _half(10, np.repeat([1, 2], [1, 9]))
    (6, 5)
    """
    if weeks is None or weeks[0] == weeks[-1]:
        return n // 2
    later = np.flatnonzero(weeks[1:] != weeks[:-1]) + 1
    cut = int(later[np.abs(later - n // 2).argmin()])
    return cut if min(cut, n - cut) >= LEAST_OF_HALF * n else n // 2


def _classes(k: int) -> range:
    """Return the columns that are calibrated one by one: of two, one tells the other."""
    return range(1 if k == 2 else k)


def _statements(margins: NDArray, outcomes: NDArray) -> list[tuple[NDArray, NDArray]]:
    """Return, class by class, what was said of it and whether it happened."""
    said = scipy.special.softmax(np.asarray(margins, dtype=np.float64), axis=1)
    return [(said[:, c], (outcomes == c).astype(float)) for c in _classes(said.shape[1])]


def _each_class(logits: NDArray, curves: Sequence[Any], curve: Any) -> NDArray:
    said = scipy.special.softmax(logits, axis=1)
    columns = [curve(said[:, c], curves[c]) for c in _classes(said.shape[1])]
    if len(columns) == 1:
        return np.stack([columns[0], 1.0 - columns[0]], axis=1)
    found = np.stack(columns, axis=1)
    return found / found.sum(axis=1, keepdims=True)


def _fit_platt(margins: NDArray, outcomes: NDArray) -> dict[str, Any]:
    """Fit a slope to each class's logit and an intercept to all but the last."""
    logits, k = np.asarray(margins, dtype=np.float64), margins.shape[1]
    happened = np.eye(k)[outcomes]

    def loss(theta: NDArray) -> tuple[float, NDArray]:
        slopes, intercepts = theta[:k], np.append(theta[k:], 0.0)
        z = slopes * logits + intercepts
        gap = scipy.special.softmax(z, axis=1) - happened
        value = (scipy.special.logsumexp(z, axis=1) - (z * happened).sum(axis=1)).sum()
        away = np.append(slopes - 1.0, theta[k:])
        slope = np.append((gap * logits).sum(axis=0), gap.sum(axis=0)[:-1]) + 2.0 * RIDGE * away
        return float(value + RIDGE * (away**2).sum()), slope

    start = np.append(np.ones(k), np.zeros(k - 1))
    best = scipy.optimize.minimize(loss, start, jac=True, method="L-BFGS-B").x
    return {"method": "platt", "slopes": best[:k].tolist(), "intercepts": [*best[k:].tolist(), 0.0]}


def _beta(said: NDArray, curve: Sequence[float]) -> NDArray:
    a, b, c = curve
    p = np.clip(said, 1e-12, 1.0 - 1e-12)
    return scipy.special.expit(a * np.log(p) - b * np.log1p(-p) + c)


def _fit_beta(said: NDArray, happened: NDArray) -> list[float]:
    """Return a, b >= 0 and c of ``logit q = a ln p - b ln(1 - p) + c``."""
    p = np.clip(said, 1e-12, 1.0 - 1e-12)
    x = np.stack([np.log(p), -np.log1p(-p), np.ones(len(p))], axis=1)
    middle = np.array([1.0, 1.0, 0.0])

    def loss(theta: NDArray) -> tuple[float, NDArray]:
        z = x @ theta
        value = (np.logaddexp(0.0, z) - happened * z).sum() + RIDGE * ((theta - middle) ** 2).sum()
        slope = x.T @ (scipy.special.expit(z) - happened) + 2.0 * RIDGE * (theta - middle)
        return float(value), slope

    bounds = [(0.0, None), (0.0, None), (None, None)]
    best = scipy.optimize.minimize(loss, middle, jac=True, method="L-BFGS-B", bounds=bounds).x
    return [float(value) for value in best]


def _isotonic(said: NDArray, steps: Sequence[Sequence[float]]) -> NDArray:
    return np.interp(said, steps[0], steps[1])


def _fit_isotonic(said: NDArray, happened: NDArray) -> list[list[float]]:
    """Return the knots of the best monotone curve: where, and how high."""
    from sklearn.isotonic import IsotonicRegression

    curve = IsotonicRegression(y_min=EDGE, y_max=1.0 - EDGE, out_of_bounds="clip")
    curve.fit(said, happened)
    return [curve.X_thresholds_.tolist(), curve.y_thresholds_.tolist()]
