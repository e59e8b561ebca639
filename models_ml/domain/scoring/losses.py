"""How good probabilities were, once the outcomes are known: one figure per forecaster.

``probabilities`` is (n, k), rows summing to 1; ``outcomes`` is (n,) of class numbers 0..k-1,
in the order of the columns (home, draw, away: an ordered scale, which the RPS needs).
"""

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

CLIP = 1e-15


def pair(probabilities: ArrayLike, outcomes: ArrayLike) -> tuple[NDArray, NDArray]:
    p, y = np.asarray(probabilities, dtype=float), np.asarray(outcomes, dtype=int)
    if p.ndim != 2 or y.shape != (len(p),) or len(p) == 0:
        raise ValueError(f"need (n, k) probabilities and (n,) outcomes, got {p.shape}, {y.shape}")
    return p, y


def log_losses(probabilities: ArrayLike, outcomes: ArrayLike) -> NDArray:
    """Return ``-ln p`` of what happened, row by row, in nats; clipped at 1e-15."""
    p, y = pair(probabilities, outcomes)
    return -np.log(np.clip(p[np.arange(len(p)), y], CLIP, 1.0))


def log_loss(probabilities: ArrayLike, outcomes: ArrayLike) -> float:
    """Return the mean of ``-ln p`` of what happened, in nats.

    >>> round(log_loss([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]], [0, 2]), 6)
    0.524911
    """
    return float(log_losses(probabilities, outcomes).mean())


def briers(probabilities: ArrayLike, outcomes: ArrayLike) -> NDArray:
    """Return ``sum (p - y)^2`` over the classes, row by row."""
    p, y = pair(probabilities, outcomes)
    return ((p - np.eye(p.shape[1])[y]) ** 2).sum(axis=1)


def brier(probabilities: ArrayLike, outcomes: ArrayLike) -> float:
    """Return the multi-class Brier score: the mean of ``sum (p - y)^2``, from 0 to 2.

    >>> round(brier([[0.5, 0.3, 0.2]], [0]), 6)
    0.38

    Source: Brier 1950, in his own (sum) form.
    """
    return float(briers(probabilities, outcomes).mean())


def rank_scores(probabilities: ArrayLike, outcomes: ArrayLike) -> NDArray:
    """Return the ranked probability score, row by row."""
    p, y = pair(probabilities, outcomes)
    gaps = np.cumsum(p - np.eye(p.shape[1])[y], axis=1)[:, :-1]
    return (gaps**2).sum(axis=1) / (p.shape[1] - 1)


def rps(probabilities: ArrayLike, outcomes: ArrayLike) -> float:
    """Return the ranked probability score for ordered classes, from 0 to 1.

    >>> round(rps([[0.5, 0.3, 0.2]], [0]), 6)
    0.145
    >>> round(rps([[0.5, 0.3, 0.2]], [2]), 6)
    0.445

    Source: Epstein 1969; divided by k - 1, as Constantinou & Fenton 2012 do for football.
    """
    return float(rank_scores(probabilities, outcomes).mean())


def accuracy(probabilities: ArrayLike, outcomes: ArrayLike) -> float:
    """Return the share of rows whose likeliest class happened (the first one on a tie).

    >>> accuracy([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]], [0, 1])
    0.5
    """
    p, y = pair(probabilities, outcomes)
    return float((p.argmax(axis=1) == y).mean())


def skill(loss: float, loss_of_reference: float) -> float:
    """Return the share of a reference's loss that a forecaster saves; below 0 it adds to it.

    >>> round(skill(0.18, 0.20), 6)
    0.1

    Source: Murphy 1973, the Brier skill score where the losses are Brier scores.
    """
    return 1.0 - loss / loss_of_reference


def auc_of(said: ArrayLike, happened: ArrayLike) -> float | None:
    """Return how often what happened was called likelier than what did not; a tie counts half.

    None where everything happened, or nothing.

    >>> auc_of([0.1, 0.4, 0.4, 0.8], [0, 0, 1, 1])
    0.875

    Source: Mann & Whitney 1947; Hanley & McNeil 1982.
    """
    y = np.asarray(happened, dtype=bool)
    yes, no = int(y.sum()), int((~y).sum())
    if yes == 0 or no == 0:
        return None
    ranks = scipy.stats.rankdata(np.asarray(said, dtype=float))
    return float((ranks[y].sum() - yes * (yes + 1) / 2) / (yes * no))


def auc(probabilities: ArrayLike, outcomes: ArrayLike) -> float | None:
    """Return the mean over the classes of each class against all others.

    Classes that always or never happened are left out; None where none is left.

    >>> auc([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8]], [0, 1, 1])
    1.0

    Source: Provost & Domingos 2000 ("one vs. rest"), with equal weights.
    """
    p, y = pair(probabilities, outcomes)
    found = [auc_of(p[:, k], y == k) for k in range(p.shape[1])]
    known = [value for value in found if value is not None]
    return float(np.mean(known)) if known else None


def crps(chances: ArrayLike, figures: ArrayLike, *, lowest: int = 0) -> NDArray:
    """Return the continuous ranked probability score of whole numbers, row by row.

    ``chances`` is (n, m): the chance of ``lowest``, ``lowest + 1``, …; in the figures' unit.

    >>> crps([[0.25, 0.5, 0.25]], [1]).tolist()
    [0.125]

    Raises:
        ValueError: a figure lies outside what the chances cover.

    Source: Matheson & Winkler 1976; Gneiting & Raftery 2007.
    """
    p, x = np.asarray(chances, dtype=float), np.asarray(figures, dtype=int)
    if p.ndim != 2 or x.shape != (len(p),):
        raise ValueError(f"need (n, m) chances and (n,) figures, got {p.shape}, {x.shape}")
    if len(x) and (x.min() < lowest or x.max() >= lowest + p.shape[1]):
        raise ValueError(f"figures must lie from {lowest} to {lowest + p.shape[1] - 1}")
    below = np.cumsum(p, axis=1)
    reached = (lowest + np.arange(p.shape[1]))[None, :] >= x[:, None]
    return ((below - reached) ** 2).sum(axis=1)


def mean_error(foretold: ArrayLike, figures: ArrayLike) -> float:
    """Return the mean absolute error, in the figures' unit.

    >>> mean_error([3.0, -2.5], [7, -3])
    2.25
    """
    return float(np.abs(np.asarray(foretold, dtype=float) - np.asarray(figures)).mean())
