"""Making a forecaster's confidence fit what happens: one temperature for all its logits."""

from typing import Any

import numpy as np
import scipy  # loads its parts when they are first used; half a second for those who never do
from numpy.typing import NDArray

from models_ml.domain import scoring

IDENTITY: dict[str, Any] = {"method": "identity"}
RANGE = (0.5, 2.0)
MINIMUM = 60  # rows, below which nothing is fitted


def temperature_of(calibration: dict[str, Any]) -> float:
    """Return the number that logits are divided by.

    >>> temperature_of({"method": "identity"}), temperature_of(tempered(1.25))
    (1.0, 1.25)

    Raises:
        ValueError: the method is not one of ours.
    """
    match calibration.get("method"):
        case "identity":
            return 1.0
        case "temperature":
            return float(calibration["temperature"])
    raise ValueError(f"unknown calibration method {calibration.get('method')!r}")


def tempered(temperature: float) -> dict[str, Any]:
    return {"method": "temperature", "temperature": temperature}


def probabilities(margins: NDArray, calibration: dict[str, Any]) -> NDArray:
    """Return softmax(margins / T), (n, k), rows summing to 1, float64.

    >>> probabilities(np.log([[0.5, 0.3, 0.2]]), IDENTITY).round(6).tolist()
    [[0.5, 0.3, 0.2]]

    Source: Guo et al. 2017, "On calibration of modern neural networks".
    """
    scaled = np.asarray(margins, dtype=np.float64) / temperature_of(calibration)
    return scipy.special.softmax(scaled, axis=1)


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


def choose(margins: NDArray, outcomes: NDArray) -> dict[str, Any]:
    """Return the calibration that does best on rows it was not fitted on.

    The temperature is fitted on the earlier half of the rows and must beat "identity" on the
    later half by more than the standard error of their paired difference; then it is fitted
    on all of them.  Too few rows: identity.
    """
    n = len(outcomes)
    if n < MINIMUM:
        return {**IDENTITY, "n": n}
    half = n // 2
    trial = tempered(fit_temperature(margins[:half], outcomes[:half]))
    plain, warmed = (
        scoring.log_losses(probabilities(margins[half:], calibration), outcomes[half:])
        for calibration in (IDENTITY, trial)
    )
    gain = plain - warmed
    better = gain.mean() > gain.std(ddof=1) / len(gain) ** 0.5
    chosen = tempered(fit_temperature(margins, outcomes)) if better else IDENTITY
    held_out = {"identity": float(plain.mean()), "temperature": float(warmed.mean())}
    return {**chosen, "n": n, "held_out_log_loss": held_out}
