"""Who wins a race of any size: a softmax over its runners, and who is placed.

The conditional logit: P(i wins) = exp(x_i b) / sum over the race's runners of exp(x_j b).  It
does not mind who is scratched: the others' chances are renormalised among themselves.

Places follow Harville with Henery's exponents: once a winner stands, the chances for the second
place are p_j ** l2 among those left, for the third p_k ** l3.

Sources: McFadden 1974; Harville 1973; Henery 1981; Lo & Bacon-Shone 1994.
"""

import numpy as np
import scipy
from numpy.typing import NDArray

MOST_PLACES, MOST_RUNNERS = 4, 40
EXPONENTS = (0.4, 1.2)  # between which l2 and l3 are looked for
BEFORE, DOUBT = (0.85, 0.75), 0.1  # what l2 and l3 are before any race, and how sure that is
_TINY = 1e-300


def starts_of(group: NDArray) -> NDArray:
    """Return where each group of neighbouring rows begins.

    >>> starts_of(np.array([7, 7, 3, 3, 3])).tolist()
    [0, 2]

    Raises:
        ValueError: rows of one group stand apart.
    """
    if len(group) == 0:
        return np.empty(0, dtype=np.intp)
    starts = np.flatnonzero(np.concatenate([[True], group[1:] != group[:-1]]))
    if len(np.unique(group[starts])) != len(starts):
        raise ValueError("rows of one race do not stand together")
    return starts


def sizes_of(starts: NDArray, rows: int) -> NDArray:
    return np.diff(np.concatenate([starts, [rows]]))


def probabilities(utilities: NDArray, group: NDArray) -> NDArray:
    """Return each runner's chance to win its race; those of a race sum to 1.

    >>> probabilities(np.log([2.0, 1.0, 1.0, 5.0]), np.array([1, 1, 1, 2])).tolist()
    [0.5, 0.25, 0.25, 1.0]
    """
    starts = starts_of(group)
    if len(starts) == 0:
        return np.empty(0)
    sizes = sizes_of(starts, len(group))
    shifted = utilities - np.repeat(np.maximum.reduceat(utilities, starts), sizes)
    raised = np.exp(shifted)
    return raised / np.repeat(np.add.reduceat(raised, starts), sizes)


def centred(values: NDArray, group: NDArray) -> NDArray:
    """Return (n, f) values less their race's mean; unknown ones count as the mean, so 0.

    >>> centred(np.array([[1.0], [3.0], [np.nan]]), np.array([1, 1, 1])).ravel().tolist()
    [-1.0, 1.0, 0.0]
    """
    starts = starts_of(group)
    if len(starts) == 0:
        return np.empty_like(values)
    known = ~np.isnan(values)
    sums = np.add.reduceat(np.where(known, values, 0.0), starts, axis=0)
    counts = np.add.reduceat(known.astype(np.float64), starts, axis=0)
    means = sums / np.maximum(counts, 1.0)
    return np.where(known, values - np.repeat(means, sizes_of(starts, len(group)), axis=0), 0.0)


def log_losses(chances: NDArray, winner: NDArray, group: NDArray) -> NDArray:
    """Return ``-ln p`` of each race's winner, race by race, in nats."""
    starts = starts_of(group)
    won = np.where(winner > 0, chances, 0.0)
    return -np.log(np.maximum(np.add.reduceat(won, starts), 1e-15))


def fit(
    *, values: NDArray, winner: NDArray, group: NDArray, penalty: float, free: int = 0
) -> NDArray:
    """Return the coefficients with the least mean log loss plus ``penalty`` times their squares.

    The first ``free`` coefficients are not penalised.  Each race has one winner.  The loss is
    convex, so there is one answer.

    >>> rng = np.random.default_rng(3)
    >>> x, races = rng.normal(size=(8000, 2)), np.repeat(np.arange(1000), 8)
    >>> won = (x @ [0.8, -0.5] + rng.gumbel(size=8000)).reshape(-1, 8).argmax(axis=1)
    >>> label = np.eye(8)[won].ravel()
    >>> fit(values=x, winner=label, group=races, penalty=0.0).round(1).tolist()
    [0.8, -0.5]
    """
    starts = starts_of(group)
    weights = np.full(values.shape[1], penalty)
    weights[:free] = 0.0

    def loss(beta: NDArray) -> tuple[float, NDArray]:
        chances = probabilities(values @ beta, group)
        won = np.add.reduceat(np.where(winner > 0, chances, 0.0), starts)
        value = -np.log(np.maximum(won, _TINY)).mean() + (weights * beta**2).sum()
        slope = values.T @ (chances - winner) / len(starts) + 2.0 * weights * beta
        return float(value), slope

    found = scipy.optimize.minimize(
        loss, np.zeros(values.shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": 500}
    )
    return np.asarray(found.x)


def placed(chances: NDArray, *, places: int, second: float = 1.0, third: float = 1.0) -> NDArray:
    """Return each runner's chance to be among the first ``places`` of one race.

    Exact: the sum over every order of finish.  The chances sum to ``places``, or to the number
    of runners where there are fewer.

    >>> p = np.array([0.5, 0.3, 0.2])
    >>> placed(p, places=2).round(6).tolist()  # 0.5 + 0.3 * 5/7 + 0.2 * 5/8 …
    [0.839286, 0.675, 0.485714]
    >>> placed(p, places=3).tolist()
    [1.0, 1.0, 1.0]

    Raises:
        ValueError: more than four places, or more than forty runners.
    """
    n = len(chances)
    if not 1 <= places <= MOST_PLACES or n > MOST_RUNNERS:
        raise ValueError(f"{places} places of {n} runners: at most {MOST_PLACES} of {MOST_RUNNERS}")
    if places >= n:
        return np.ones(n)
    found = chances.copy()
    if places == 1:
        return found
    seconds, thirds = chances**second, chances**third
    off = ~np.eye(n, dtype=bool)
    pair = off * chances[:, None] * seconds[None, :] / (seconds.sum() - seconds)[:, None]
    found += pair.sum(axis=0)
    if places == 2:
        return found
    left = thirds.sum() - thirds[:, None] - thirds[None, :]
    trio = pair / np.where(off, np.maximum(left, _TINY), 1.0)  # (first, second)
    by_either = trio.sum(axis=0) + trio.sum(axis=1)
    found += thirds * (trio.sum() - by_either)
    return found if places == 3 else found + _fourth(trio, thirds)


def _fourth(trio: NDArray, thirds: NDArray) -> NDArray:
    """Return each runner's chance to be fourth, third's exponent used once more.

    The sum over ordered triples (i, j, k), all different, of P(i, j, k) * t_m / (what is left).
    """
    n, total = len(thirds), thirds.sum()
    found = np.zeros(n)
    off = ~np.eye(n, dtype=bool)
    for first in range(n):
        both = trio[first][:, None] * thirds[None, :] * off  # (second, third)
        both[:, first] = 0.0
        left = total - thirds[first] - thirds[:, None] - thirds[None, :]
        share = both / np.where(both > 0, np.maximum(left, _TINY), 1.0)
        gone = share.sum(axis=0) + share.sum(axis=1)
        gone[first] = share.sum()
        found += thirds * (share.sum() - gone)
    return found


def fit_exponents(*, chances: NDArray, place: NDArray, group: NDArray) -> tuple[float, float]:
    """Return the exponents (second, third) that make the sets of placed runners likeliest.

    ``place`` is 1 for a winner, 2 for another placed runner (in which order is not known), 0 for
    the rest.  Races of two and of three places with one winner each are learned from.  A set
    tells the two exponents apart but weakly, so they start from a normal prior.
    """
    left, others, pairs = _placed_races(chances, place, group)
    if len(left) == 0:
        return BEFORE
    before = np.array(BEFORE)

    def loss(exponents: NDArray) -> float:
        drawn = float((((exponents - before) / DOUBT) ** 2).sum()) / 2.0
        return (drawn - float(_logs_of_sets(left, others, pairs, *exponents).sum())) / len(left)

    found = scipy.optimize.minimize(loss, before, method="L-BFGS-B", bounds=[EXPONENTS, EXPONENTS])
    second, third = (float(x) for x in found.x)
    return second, third


def _placed_races(
    chances: NDArray, place: NDArray, group: NDArray
) -> tuple[NDArray, NDArray, NDArray]:
    """Return the chances of all but the winner, (r, 40), and which were placed, (r, 2).

    Where only one was placed beside the winner both columns name him, and ``pairs`` is False.
    """
    left, others = [], []
    starts = starts_of(group)
    for first, size in zip(starts, sizes_of(starts, len(group)), strict=True):
        of = place[first : first + size]
        placed_too = np.flatnonzero(of == 2)
        if (of == 1).sum() != 1 or not 1 <= len(placed_too) <= 2 or size > MOST_RUNNERS:
            continue
        if size > len(placed_too) + 1:
            row = np.zeros(MOST_RUNNERS)
            row[:size] = np.where(of == 1, 0.0, np.maximum(chances[first : first + size], _TINY))
            left.append(row)
            others.append((placed_too[0], placed_too[-1]))
    pair = np.array(others, dtype=np.intp).reshape(-1, 2)
    return np.array(left).reshape(-1, MOST_RUNNERS), pair, pair[:, 0] != pair[:, 1]


def _logs_of_sets(
    left: NDArray, others: NDArray, pairs: NDArray, second: float, third: float
) -> NDArray:
    """Return ln P(these are the placed ones | who won), in any order, race by race."""
    rows = np.arange(len(left))
    seconds, thirds = (np.where(left > 0, left**power, 0.0) for power in (second, third))
    of_seconds, of_thirds = seconds.sum(axis=1), thirds.sum(axis=1)
    chance = np.zeros(len(left))
    for one, two in ((0, 1), (1, 0)):
        as_second = seconds[rows, others[:, one]] / of_seconds
        remaining = np.maximum(of_thirds - thirds[rows, others[:, one]], _TINY)
        as_third = thirds[rows, others[:, two]] / remaining
        chance += as_second * np.where(pairs, as_third, 0.5)
    return np.log(np.maximum(chance, _TINY))
