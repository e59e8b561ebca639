"""What a unit at risk brings in each thing that can happen: the vectors that Kelly is asked of.

A unit is what can be lost: the stake of a back, the liability of a lay.  Nets are signed, and
commission is taken off what is won.

Sources: the settlement of quarter lines, each-way bets and lays as books and exchanges publish
it; commission as exchanges charge it, on net winnings.
"""

import math
from decimal import Decimal
from typing import NamedTuple

HALF_WON, WHOLE, HALF_LOST = 1, 0, -1
_SLACK = 1e-9  # what rounding may leave of a probability that is 0


class Payoffs(NamedTuple):
    """Net per unit at risk, and how probable each is; the probabilities sum to one."""

    net: tuple[float, ...]
    probability: tuple[float, ...]

    @property
    def edge(self) -> float:
        """What a unit at risk is expected to bring."""
        return math.fsum(r * p for r, p in zip(self.net, self.probability, strict=True))


class UnsoundAnswer(ValueError):
    """No distribution has this probability and this refund."""


def net_price(price: float, *, commission: float = 0.0) -> float:
    """Return the price that is left once commission is taken off the winnings.

    >>> net_price(3.0, commission=0.05)
    2.9
    """
    return price - (price - 1.0) * commission


def back(*, probability: float, price: float, commission: float = 0.0) -> Payoffs:
    """Return the payoffs of backing: the winnings, or the stake lost.

    >>> back(probability=0.5, price=2.2)
    Payoffs(net=(1.2000000000000002, -1.0), probability=(0.5, 0.5))
    """
    won = net_price(price, commission=commission) - 1.0
    return Payoffs((won, -1.0), (probability, 1.0 - probability))


def lay(*, probability: float, price: float, commission: float = 0.0) -> Payoffs:
    """Return the payoffs of laying, per unit of liability: ``price - 1`` of the backer's stake.

    At 5.0 a liability of 1 takes a stake of .25, which is kept where the selection loses:

    >>> lay(probability=0.1, price=5.0)
    Payoffs(net=(0.25, -1.0), probability=(0.9, 0.1))
    """
    return Payoffs(((1.0 - commission) / (price - 1.0), -1.0), (1.0 - probability, probability))


def quarter_of(*, role: str, line: Decimal | float | None) -> int:
    """Return what meeting a quarter line does: half won, half lost; WHOLE for every other line.

    A quarter line is two halves on the lines beside it, of which one is a whole number and gives
    its half back when it is met.  The other half then wins where it is the kinder one.  ``line``
    is the selection's own handicap, or the total.

    >>> [quarter_of(role="HOME", line=line) for line in (0.25, -0.25, -0.75, -1.25, -0.5, None)]
    [1, -1, 1, -1, 0, 0]
    >>> [quarter_of(role=role, line=2.25) for role in ("OVER", "UNDER")]
    [-1, 1]
    """
    if line is None or not math.isfinite(line):
        return WHOLE
    own = -float(line) if role == "OVER" else float(line)
    return {1: HALF_WON, 3: HALF_LOST}.get(round(4.0 * own) % 4, WHOLE)


def on_a_line(
    *,
    probability: float,
    refund: float,
    price: float,
    quarter: int = WHOLE,
    commission: float = 0.0,
) -> Payoffs:
    """Return the payoffs of backing a side of a line that may give the stake back.

    ``probability`` is that of winning where the stake is not returned, W / (W + L) of the
    expected shares won and lost; ``refund`` is the share expected back, 1 - W - L.  On a whole
    line that is the chance of a push.  On a quarter line half a stake comes back at most, so
    meeting it is twice as probable.

    +0.25 at 1.95 wins .40, half wins .28 and loses .32: W = .54, L = .32, refund .14.

    >>> found = on_a_line(probability=0.54 / 0.86, refund=0.14, price=1.95, quarter=HALF_WON)
    >>> [round(r, 3) for r in found.net], [round(p, 3) for p in found.probability]
    ([0.95, 0.475, -1.0], [0.4, 0.28, 0.32])

    Raises:
        UnsoundAnswer: more is given back than can be, with this probability.
    """
    won, lost = (1.0 - refund) * probability, (1.0 - refund) * (1.0 - probability)
    gain = net_price(price, commission=commission) - 1.0
    if quarter == WHOLE:
        return Payoffs((gain, 0.0, -1.0), (won, refund, lost))
    if quarter == HALF_WON:
        net, sure = (gain, gain / 2.0, -1.0), (won - refund, 2.0 * refund, lost)
    else:
        net, sure = (gain, -0.5, -1.0), (won, 2.0 * refund, lost - refund)
    if min(sure) < -_SLACK:
        raise UnsoundAnswer(
            f"{refund:.3f} cannot come back of a quarter line that wins {probability:.3f}"
        )
    return Payoffs(net, tuple(max(0.0, p) for p in sure))


def each_way(*, win: float, place: float, price: float, fraction: float) -> Payoffs:
    """Return the payoffs of an each-way bet, per unit of both its halves together.

    Half is on winning, half on a place at ``1 + (price - 1) fraction``.  ``place`` is the chance
    of a place, the first one included.

    At 9.0 and a quarter of the odds, a winner brings 4 + 1 and a place 1 - 0.5:

    >>> each_way(win=0.1, place=0.3, price=9.0, fraction=0.25).net
    (5.0, 0.5, -1.0)

    Raises:
        UnsoundAnswer: winning is more probable than a place.
    """
    if place < win:
        raise UnsoundAnswer(f"a place ({place:.3f}) is at least as probable as winning ({win:.3f})")
    first, placed = price - 1.0, (price - 1.0) * fraction
    return Payoffs(
        ((first + placed) / 2.0, (placed - 1.0) / 2.0, -1.0), (win, place - win, 1.0 - place)
    )
