"""How a player's figure is spread around what is expected: points, yards, catches.

Two families of one parameter each, both with a variance that grows with the mean: the negative
binomial, var = m + m^2 / r, and a rounded normal curve, var = c m, its mass below zero at zero.
Which of them a statistic follows is decided on rows that the parameter was not fitted on.
"""

from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from models_ml.domain.lines import Below

NEGATIVE_BINOMIAL, NORMAL = "negative-binomial", "normal"
RANGES = {NEGATIVE_BINOMIAL: (0.3, 500.0), NORMAL: (0.05, 50.0)}
LEAST_MEAN = 0.02


def at_most(*, k: NDArray, mean: NDArray, spread: dict[str, Any]) -> NDArray:
    """Return P(figure <= k), element by element; 0 below zero.

    >>> coin = {"family": "negative-binomial", "value": 1.0}  # r = 1: geometric, P(0) = 1/2
    >>> at_most(k=np.array([-1.0, 0.0, 1.0]), mean=np.ones(3), spread=coin).round(6).tolist()
    [0.0, 0.5, 0.75]
    >>> bell = {"family": "normal", "value": 4.0}
    >>> at_most(k=np.array([24.5]), mean=np.array([25.0]), spread=bell).tolist()
    [0.5]

    Raises:
        ValueError: the family is not one of ours.
    """
    mean, value = np.maximum(mean, LEAST_MEAN), float(spread["value"])
    match spread["family"]:
        case "negative-binomial":
            inside = scipy.special.betainc(value, np.maximum(k, 0.0) + 1.0, value / (value + mean))
        case "normal":
            inside = scipy.special.ndtr((k + 0.5 - mean) / np.sqrt(value * mean))
        case other:
            raise ValueError(f"unknown family of figures {other!r}")
    return np.where(k < 0, 0.0, inside)


def below_of(*, mean: NDArray, row: NDArray, spread: dict[str, Any]) -> Below:
    """Return P(figure <= k) for questions about rows of means."""

    def below(k: NDArray) -> NDArray:
        return at_most(k=k, mean=mean[row], spread=spread)

    return below


def log_losses(*, mean: NDArray, observed: NDArray, spread: dict[str, Any]) -> NDArray:
    """Return ``-ln P`` of the figures that came, row by row, in nats."""
    observed = np.rint(np.maximum(observed, 0.0))
    mass = at_most(k=observed, mean=mean, spread=spread) - at_most(
        k=observed - 1.0, mean=mean, spread=spread
    )
    return -np.log(np.maximum(mass, 1e-15))


def fit_spread(*, mean: NDArray, observed: NDArray, family: str) -> dict[str, Any]:
    """Return the family with the parameter that makes the figures likeliest.

    >>> rng = np.random.default_rng(0)
    >>> m = rng.uniform(5, 30, 4000)
    >>> y = rng.negative_binomial(6.0, 6.0 / (6.0 + m))
    >>> found = fit_spread(mean=m, observed=y, family=NEGATIVE_BINOMIAL)
    >>> bool(5.5 < found["value"] < 6.5)
    True
    """
    low, high = RANGES[family]

    def loss(log_value: float) -> float:
        spread = {"family": family, "value": float(np.exp(log_value))}
        return float(log_losses(mean=mean, observed=observed, spread=spread).mean())

    bounds = (np.log(low), np.log(high))
    best = scipy.optimize.minimize_scalar(loss, bounds=bounds, method="bounded").x
    return {"family": family, "value": float(np.exp(best))}


def choose_spread(
    *, mean: NDArray, observed: NDArray, later_mean: NDArray, later_observed: NDArray
) -> dict[str, Any]:
    """Return the family that is likelier on later rows, fitted on the earlier ones."""
    best: dict[str, Any] = {}
    for family in (NEGATIVE_BINOMIAL, NORMAL):
        spread = fit_spread(mean=mean, observed=observed, family=family)
        loss = log_losses(mean=later_mean, observed=later_observed, spread=spread).mean()
        spread["held_out_log_loss"] = float(loss)
        if not best or spread["held_out_log_loss"] < best["held_out_log_loss"]:
            best = spread
    return best
