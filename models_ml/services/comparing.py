"""Forecasters side by side on the same matches: scores, paired differences, parts of the rows."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models_ml.domain import scoring
from models_ml.domain.scoring import intervals, slices
from monitoring.errors import Refused

WEEK = 7 * 86_400 * 1_000_000
MONDAY = 4 * 86_400 * 1_000_000  # of 1970, in µs: weeks begin on Mondays, UTC


class NothingInCommon(Refused):
    """Two forecasters have no match in common."""


def weeks_of(starts: NDArray) -> NDArray:
    """Return the week of each start (µs UTC), counted from the first Monday of 1970."""
    return (np.asarray(starts, dtype=np.int64) - MONDAY) // WEEK


def known(probabilities: NDArray) -> NDArray:
    """Return which rows of a forecaster are whole, (n,) bool."""
    return np.isfinite(probabilities).all(axis=1)


def paired(
    first: NDArray, second: NDArray, outcomes: NDArray, *, clusters: NDArray | None = None
) -> dict[str, Any]:
    """Return the difference in log loss of two forecasters on the rows that both foretold.

    First less second: below 0 the first is better.  ``clusters``: numbers of rows that are drawn
    together (weeks), each row alone where None.

    Raises:
        NothingInCommon: no row was foretold by both.
    """
    both = known(first) & known(second)
    if not both.any():
        raise NothingInCommon("no match was foretold by both")
    gaps = scoring.log_losses(first[both], outcomes[both])
    gaps = gaps - scoring.log_losses(second[both], outcomes[both])
    chosen = clusters[both] if clusters is not None else None
    return intervals.paired(gaps, clusters=chosen).as_figures()


def beside(
    *,
    model: NDArray,
    others: Mapping[str, NDArray],
    outcomes: NDArray,
    clusters: NDArray | None = None,
) -> dict[str, Any]:
    """Return cards of others and the model's difference to each, null where none is known.

    Each other's card is on the rows that it foretold, with their number.
    """
    cards: dict[str, Any] = {}
    differences: dict[str, Any] = {}
    for name, probabilities in others.items():
        whole = known(probabilities)
        cards[name], differences[f"model-{name}"] = None, None
        if whole.any():
            card = scoring.card(probabilities[whole], outcomes[whole])
            cards[name] = {"n": int(whole.sum()), **card}
            differences[f"model-{name}"] = paired(model, probabilities, outcomes, clusters=clusters)
    return {"cards": cards, "differences": differences}


def parts(
    *, model: NDArray, outcomes: NDArray, starts: NDArray, names: Mapping[str, NDArray]
) -> dict[str, Any]:
    """Return the model's scores by name (competition, season), week, four weeks, confidence."""
    weeks = weeks_of(starts)
    losses = {
        "log_loss": scoring.log_losses(model, outcomes),
        "brier_sum": scoring.briers(model, outcomes),
    }
    return {
        **{name: slices.by(values, model, outcomes) for name, values in names.items()},
        "week": slices.by(weeks, model, outcomes),
        "four_weeks": slices.rolling(weeks, losses),
        "confidence": slices.confidence(model, outcomes),
        "called": slices.called(model, outcomes),
    }
