"""How much to stake.  Kelly shares are of the bankroll, in [0, 1]; money is Decimal.

Source: Kelly, "A New Interpretation of Information Rate" (1956); Thorp (2006).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Cut = tuple[str, Decimal]
_CENT = Decimal("0.01")
NOTHING = Decimal("0.00")


@dataclass(frozen=True, slots=True)
class Stake:
    """An amount, every number it was cut down to on the way, and the cut that bound last.

    ``amount`` is 0 where nothing may be staked; ``reason`` then says why, and is "" otherwise.
    """

    amount: Decimal
    cuts: tuple[Cut, ...]
    reason: str


def kelly(probability: ArrayLike, price: ArrayLike, *, commission: float = 0.0) -> NDArray:
    """Return the Kelly share of backing, 0 where there is no edge, NaN where an input is NaN.

    ``f = (p b - q) / b`` with ``b = (price - 1)(1 - commission)``; without commission this is
    ``(p price - 1) / (price - 1)``.

    >>> kelly([0.5, 0.6, 0.3], [2.2, 2.0, 3.0]).round(4).tolist()
    [0.0833, 0.2, 0.0]
    >>> float(kelly(0.55, 2.0, commission=0.05).round(4))
    0.0763
    """
    p, odds = np.asarray(probability, dtype=float), np.asarray(price, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        b = np.where(odds > 1.0, (odds - 1.0) * (1.0 - commission), np.nan)
        share = (p * b - (1.0 - p)) / b
    return np.clip(share, 0.0, 1.0)


def kelly_with_push(*, win: float, lose: float, net_odds: float) -> float:
    """Return the Kelly share of a bet that may be refunded; ``1 - win - lose`` is the refund.

    ``f = (b w - l) / (b (w + l))`` with net odds ``b``.

    >>> round(kelly_with_push(win=0.45, lose=0.35, net_odds=1.0), 6)
    0.125
    """
    if win + lose <= 0.0 or net_odds <= 0.0:
        return 0.0
    return max(0.0, (net_odds * win - lose) / (net_odds * (win + lose)))


def kelly_of_payoffs(payoffs: Sequence[float], probabilities: Sequence[float]) -> float:
    """Return the share that maximises the expected logarithm of wealth, ``E ln(1 + f r)``.

    ``payoffs`` are net per unit staked: a quarter line has 0.5 and -0.5 among them.  The
    derivative falls all the way, so Newton's steps are kept inside a shrinking bracket.

    The quarter ball given (+0.25 at 1.95 won, half won, lost with .40, .28, .32):

    >>> round(kelly_of_payoffs([0.95, 0.475, -1.0], [0.40, 0.28, 0.32]), 3)
    0.249
    """
    r = np.asarray(payoffs, dtype=float)
    p = np.asarray(probabilities, dtype=float)
    worst = -float(r.min())
    if worst <= 0.0 or float(p @ r) <= 0.0:
        return 0.0  # nothing can be lost: no bet is so; or nothing is to be gained
    low, high, share = 0.0, min(1.0, (1.0 - 1e-12) / worst), 0.0
    for _ in range(100):
        growth = r / (1.0 + share * r)
        slope = float(p @ growth)
        low, high = (share, high) if slope > 0.0 else (low, share)
        step = share + slope / float(p @ growth**2)
        following = step if low < step < high else (low + high) / 2.0
        if abs(following - share) < 1e-13:
            break
        share = following
    return share


def kelly_to_lay(*, probability: float, price: float, commission: float = 0.0) -> float:
    """Return the Kelly share for a lay, as the backer's stake (times ``price - 1``: liability).

    Payoff ``+(1 - c)`` if the selection loses, ``-(price - 1)`` if it wins.

    >>> round(kelly_to_lay(probability=0.4, price=2.0), 4)
    0.2
    >>> kelly_to_lay(probability=0.6, price=2.0)
    0.0
    """
    gain, loss = 1.0 - commission, price - 1.0
    if gain <= 0.0 or loss <= 0.0:
        return 0.0
    return max(0.0, ((1.0 - probability) * gain - probability * loss) / (gain * loss))


def share_of(money: Decimal, share: float) -> Decimal:
    """Return a share of an amount, rounded down to the minor unit.

    >>> share_of(Decimal("1000.00"), 0.0199999)
    Decimal('19.99')
    """
    return (money * Decimal(repr(float(share)))).quantize(_CENT, rounding=ROUND_DOWN)


def down_to_step(amount: Decimal, step: Decimal) -> Decimal:
    """Return the greatest multiple of ``step`` that is not above the amount.

    >>> down_to_step(Decimal("19.99"), Decimal("0.50"))
    Decimal('19.50')
    """
    return (amount // step * step).quantize(_CENT, rounding=ROUND_DOWN)


def stake(
    *,
    balance: Decimal,
    kelly_share: float,
    fraction: float,
    max_share: float,
    rooms: Iterable[Cut],
    minimum: Decimal,
    step: Decimal,
) -> Stake:
    """Return the stake: Kelly, times the fraction, under every cap, down to the step.

    ``rooms`` are what the limits still allow, in money, named by the reason to give when one
    of them leaves less than ``minimum``.  Every number on the way stands in ``cuts``.

    >>> found = stake(
    ...     balance=Decimal("1000.00"), kelly_share=0.2, fraction=0.25, max_share=0.02,
    ...     rooms=[("DAY_LIMIT", Decimal("12.34"))], minimum=Decimal("1"), step=Decimal("0.50"),
    ... )
    >>> found.amount, found.reason
    (Decimal('12.00'), '')
    """
    full = share_of(max(balance, NOTHING), kelly_share if np.isfinite(kelly_share) else 0.0)
    cuts: list[Cut] = [("KELLY", full)]
    amount = share_of(full, fraction)
    cuts.append(("KELLY_FRACTION", amount))
    reason = "STAKE_BELOW_MINIMUM"
    for name, room in [("STAKE_LIMIT", share_of(max(balance, NOTHING), max_share)), *rooms]:
        room = max(room, NOTHING)
        if room < minimum <= amount and down_to_step(amount, step) >= minimum:
            reason = name
        amount = min(amount, room)
        cuts.append((name, amount))
    amount = down_to_step(amount, step)
    cuts.append(("STAKE_STEP", amount))
    if amount <= 0 or amount < minimum:
        return Stake(NOTHING, tuple(cuts), reason)
    return Stake(amount, tuple(cuts), "")
