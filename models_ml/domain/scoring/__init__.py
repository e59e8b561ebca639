"""How good probabilities were, once the outcomes are known.

``losses`` one figure per forecaster or row, ``diagram`` whether said equals happened,
``intervals`` how sure a difference is, ``slices`` parts of the rows, ``races`` fields of any size.
"""

from numpy.typing import ArrayLike

from models_ml.domain.scoring.diagram import (
    Z_95,
    Reliability,
    ece,
    ece_when_perfect,
    points,
    r_squared,
    reliability,
)
from models_ml.domain.scoring.losses import (
    accuracy,
    auc,
    brier,
    briers,
    log_loss,
    log_losses,
    rank_scores,
    rps,
    skill,
)

__all__ = [
    "Z_95",
    "Reliability",
    "accuracy",
    "auc",
    "brier",
    "briers",
    "card",
    "ece",
    "ece_when_perfect",
    "log_loss",
    "log_losses",
    "points",
    "r_squared",
    "rank_scores",
    "reliability",
    "rps",
    "skill",
]


def card(probabilities: ArrayLike, outcomes: ArrayLike) -> dict[str, float | None]:
    """Return every score of one forecaster as a flat dictionary that JSON can hold."""
    fit = reliability(probabilities, outcomes)
    return {
        "log_loss": log_loss(probabilities, outcomes),
        "brier_sum": brier(probabilities, outcomes),
        "rps": rps(probabilities, outcomes),
        "accuracy": accuracy(probabilities, outcomes),
        "auc": auc(probabilities, outcomes),
        "ece": ece(probabilities, outcomes),
        "ece_when_perfect": ece_when_perfect(probabilities),
        "r_squared": r_squared(probabilities, outcomes),
        "slope": fit.slope if fit else None,
        "slope_low": fit.slope_low if fit else None,
        "slope_high": fit.slope_high if fit else None,
        "intercept": fit.intercept if fit else None,
        "intercept_low": fit.intercept_low if fit else None,
        "intercept_high": fit.intercept_high if fit else None,
    }
