"""The same scores on parts of the rows: by season, week, four weeks, favourites, confidence."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models_ml.domain.scoring.diagram import statements
from models_ml.domain.scoring.losses import briers, log_losses, pair, rank_scores

FAVOURITE, UNDERDOG = 0.55, 0.45
TIERS = (0.45, 0.55, 0.65, 0.75)
WINDOW = 4  # weeks

Figures = dict[str, Any]


def by(names: ArrayLike, probabilities: ArrayLike, outcomes: ArrayLike) -> list[Figures]:
    """Return n, log loss, Brier and RPS of the rows of each name, in the names' order.

    >>> p = [[0.5, 0.5], [0.8, 0.2], [0.6, 0.4]]
    >>> found = by([7, 8, 8], p, [0, 0, 0])
    >>> [(part["name"], part["n"], round(part["brier_sum"], 2)) for part in found]
    [(7, 1, 0.5), (8, 2, 0.2)]
    """
    p, y = pair(probabilities, outcomes)
    found, place = np.unique(np.asarray(names), return_inverse=True)
    rows = {"log_loss": log_losses(p, y), "brier_sum": briers(p, y), "rps": rank_scores(p, y)}
    n = np.bincount(place, minlength=len(found))
    means = {key: np.bincount(place, weights=losses) / n for key, losses in rows.items()}
    return [
        {
            "name": name.item(),
            "n": int(n[i]),
            **{key: float(mean[i]) for key, mean in means.items()},
        }
        for i, name in enumerate(found)
    ]


def rolling(
    weeks: ArrayLike, losses: Mapping[str, ArrayLike], *, window: int = WINDOW
) -> list[Figures]:
    """Return the mean losses of each week with the ``window - 1`` calendar weeks before it.

    ``weeks`` are whole numbers that grow by one each week; weeks without a row have no entry,
    but count as weeks gone by.

    >>> rolling([1, 1, 2, 9], {"log_loss": [0.2, 0.4, 0.9, 0.7]})
    [{'week': 1, 'n': 2, 'log_loss': 0.3}, {'week': 2, 'n': 3, 'log_loss': 0.5},
     {'week': 9, 'n': 1, 'log_loss': 0.7}]
    """
    found, place = np.unique(np.asarray(weeks, dtype=np.int64), return_inverse=True)
    first = np.searchsorted(found, found - window + 1)
    last = np.arange(len(found))
    n = _between(np.bincount(place, minlength=len(found)), first, last)
    means = {
        name: _between(np.bincount(place, weights=np.asarray(rows, dtype=float)), first, last) / n
        for name, rows in losses.items()
    }
    return [
        {
            "week": int(week),
            "n": int(n[i]),
            **{name: round(float(mean[i]), 12) for name, mean in means.items()},
        }
        for i, week in enumerate(found)
    ]


def confidence(probabilities: ArrayLike, outcomes: ArrayLike) -> list[Figures]:
    """Return the scores by how likely the likeliest class was called.

    >>> [(t["name"], t["n"]) for t in confidence([[0.5, 0.5], [0.9, 0.1], [0.8, 0.2]], [0, 0, 0])]
    [('0.45 to 0.55', 1), ('0.75 and above', 2)]
    """
    p, y = pair(probabilities, outcomes)
    tier = np.searchsorted(TIERS, p.max(axis=1), side="right")
    named = [{**part, "name": _tier(part["name"])} for part in by(tier, p, y)]
    return named


def called(probabilities: ArrayLike, outcomes: ArrayLike) -> list[Figures]:
    """Return what became of favourites (called at .55 or more) and underdogs (.45 or less).

    Each class of each row is one statement; ``brier`` is the binary one, from 0 to 1.

    >>> [(c["name"], c["n"], c["happened"]) for c in called([[0.6, 0.4], [0.5, 0.5]], [0, 1])]
    [('favourite', 1, 1.0), ('underdog', 1, 0.0)]
    """
    said, happened = statements(probabilities, outcomes)
    found = []
    for name, chosen in (("favourite", said >= FAVOURITE), ("underdog", said <= UNDERDOG)):
        if chosen.any():
            p, y = said[chosen], happened[chosen]
            found.append(
                {
                    "name": name,
                    "n": len(p),
                    "said": float(p.mean()),
                    "happened": float(y.mean()),
                    "brier": float(((p - y) ** 2).mean()),
                }
            )
    return found


def _between(counts: NDArray, first: NDArray, last: NDArray) -> NDArray:
    total = np.concatenate([[0], np.cumsum(counts)])
    return total[last + 1] - total[first]


def _tier(number: int) -> str:
    if number == 0:
        return f"below {TIERS[0]:.2f}"
    if number == len(TIERS):
        return f"{TIERS[-1]:.2f} and above"
    return f"{TIERS[number - 1]:.2f} to {TIERS[number]:.2f}"
