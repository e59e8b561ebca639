"""What a line pays: shares of the stake won, lost and returned, for quarter lines too.

A count X (goals, points, a margin) is held against a line in steps of a quarter.  A quarter line
is two half stakes on the half lines beside it.  With W and L the expected shares of the stake
won and lost, the probability of a selection is P(win | stake not returned) = W / (W + L) and the
refund 1 - W - L, so that a unit at odds O earns (1 - refund) (p O - 1).
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SURE = 1e-6  # no probability is nearer to 0 or 1
Below = Callable[[NDArray], NDArray]  # k -> P(X <= k), one k per question


class BadLine(ValueError):
    """A line that is no multiple of a quarter."""


class Shares(NamedTuple):
    """Expected shares of the stake, one per question."""

    won: NDArray
    lost: NDArray


class Answers(NamedTuple):
    """P(win | stake not returned) and the expected share returned, one per question."""

    probability: NDArray
    refund: NDArray


def over(*, below: Below, line: NDArray) -> Shares:
    """Return what a stake on "X is over the line" wins and loses.

    >>> dice = lambda k: np.clip(k, 0, 6) / 6
    >>> [share.round(4).tolist() for share in over(below=dice, line=np.array([3.5, 3.0, 3.25]))]
    [[0.5, 0.5, 0.5], [0.5, 0.3333, 0.4167]]

    Raises:
        BadLine: a line is no multiple of a quarter.
    """
    quarters = np.rint(4.0 * line)
    if not np.array_equal(quarters, 4.0 * line):
        raise BadLine("a line is no multiple of a quarter")
    odd = quarters % 2
    won, lost = np.zeros(len(line)), np.zeros(len(line))
    for half in ((quarters - odd) / 4.0, (quarters + odd) / 4.0):
        won += 0.5 * (1.0 - below(np.floor(half)))
        lost += 0.5 * below(np.ceil(half) - 1.0)
    return Shares(won, lost)


def sides(first: Shares, place: NDArray) -> Shares:
    """Return the shares of a two-sided market's answers: place 0 as given, place 1 its other side.

    >>> both = Shares(np.array([0.5, 0.5]), np.array([0.3, 0.3]))
    >>> [share.tolist() for share in sides(both, np.array([0, 1]))]
    [[0.5, 0.3], [0.3, 0.5]]
    """
    is_first = place == 0
    return Shares(
        np.where(is_first, first.won, first.lost), np.where(is_first, first.lost, first.won)
    )


def answers(shares: Shares) -> Answers:
    """Return the probability and the refund of stakes with these shares.

    >>> found = answers(Shares(np.array([0.5, 0.0]), np.array([0.3, 0.0])))
    >>> found.probability.round(6).tolist(), found.refund.round(6).tolist()
    ([0.625, 0.5], [0.2, 0.999999])
    """
    staked = shares.won + shares.lost
    known = staked > SURE
    probability = np.where(known, shares.won / np.where(known, staked, 1.0), 0.5)
    return Answers(np.clip(probability, SURE, 1.0 - SURE), np.clip(1.0 - staked, 0.0, 1.0 - SURE))


def whole(won: NDArray) -> Answers:
    """Return the answers where no stake is ever refunded.

    >>> whole(np.array([0.25])).refund.tolist()
    [0.0]
    """
    return Answers(np.clip(won, SURE, 1.0 - SURE), np.zeros(len(won)))


def below_of(*, pmf: NDArray, lowest: int, row: NDArray) -> Below:
    """Return P(X <= k) for questions about rows of (n, m) probabilities of lowest, lowest + 1…

    >>> below = below_of(pmf=np.array([[0.2, 0.3, 0.5]]), lowest=-1, row=np.array([0, 0, 0]))
    >>> below(np.array([-2.0, 0.0, 9.0])).tolist()
    [0.0, 0.5, 1.0]
    """
    heap = np.cumsum(pmf, axis=1)
    heap /= heap[:, -1:]
    heap = np.hstack([np.zeros((len(heap), 1)), heap])

    def below(k: NDArray) -> NDArray:
        place = np.clip(k - lowest + 1, 0, heap.shape[1] - 1).astype(np.intp)
        return heap[row, place]

    return below
