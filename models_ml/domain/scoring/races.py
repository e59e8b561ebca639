"""Scores of races, whose fields are of different sizes: one winner among the runners of a race."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models_ml.domain.scoring.losses import CLIP


@dataclass(frozen=True, slots=True, eq=False)
class Races:
    """Each scored race's losses, in the order of the races' numbers."""

    race: NDArray
    log_losses: NDArray
    briers: NDArray
    left_out: int  # races without exactly one winner


def score(probabilities: ArrayLike, won: ArrayLike, race: ArrayLike) -> Races:
    """Score the runners' chances of each race, all three (n,), one row per runner.

    What a race's probabilities sum to is brought to 1, so a runner taken out after they were
    made counts as if it had never run.  Races without exactly one winner are left out, counted.

    >>> found = score([0.5, 0.3, 0.2, 0.25, 0.25], [0, 1, 0, 1, 0], [1, 1, 1, 2, 2])
    >>> found.race.tolist(), found.log_losses.round(4).tolist(), found.briers.round(4).tolist()
    ([1, 2], [1.204, 0.6931], [0.78, 0.5])

    Raises:
        ValueError: the shapes differ, or a probability is not a positive number.
    """
    p, y = np.asarray(probabilities, dtype=float), np.asarray(won, dtype=float)
    names, place = np.unique(np.asarray(race), return_inverse=True)
    if not p.shape == y.shape == place.shape or len(p) == 0:
        raise ValueError(f"need (n,) probabilities, winners and races, got {p.shape}, {y.shape}")
    if not (np.isfinite(p).all() and (p > 0).all()):
        raise ValueError("a runner's probability is not a positive number")
    p = p / np.bincount(place, weights=p)[place]
    is_whole = np.bincount(place, weights=y) == 1.0
    of_winner = np.bincount(place, weights=p * y)
    briers = np.bincount(place, weights=(p - y) ** 2)
    return Races(
        race=names[is_whole],
        log_losses=-np.log(np.clip(of_winner[is_whole], CLIP, 1.0)),
        briers=briers[is_whole],
        left_out=int((~is_whole).sum()),
    )
