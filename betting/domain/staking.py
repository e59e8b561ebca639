"""How much to stake.  Kelly shares are of the bankroll, in [0, 1]; money is Decimal.

Source: Kelly, "A New Interpretation of Information Rate" (1956); Thorp (2006).
"""

from collections.abc import Iterable, Iterator, Sequence
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


def kelly_of_payoffs(payoffs: Sequence[float], probabilities: Sequence[float]) -> float:
    """Return the share that maximises the expected logarithm of wealth, ``E ln(1 + f r)``.

    ``payoffs`` are net per unit at risk, as ``payoffs.on_a_line``, ``payoffs.lay`` and
    ``payoffs.each_way`` give them.  The derivative falls all the way, so Newton's steps are kept
    inside a shrinking bracket.

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


def by_kelly(
    *, balance: Decimal, share: float, fraction: float, together: float | None = None
) -> list[Cut]:
    """Return what a fraction of Kelly asks for; ``together`` is its share among others at once.

    >>> by_kelly(balance=Decimal("1000"), share=0.2, fraction=0.25, together=0.16)[1:]
    [('SIMULTANEOUS_KELLY', Decimal('160.00')), ('KELLY_FRACTION', Decimal('40.00'))]
    """
    full = _share(balance, share)
    asked: list[Cut] = [("KELLY", full)]
    if together is not None:
        full = min(full, _share(balance, together))
        asked.append(("SIMULTANEOUS_KELLY", full))
    return [*asked, ("KELLY_FRACTION", share_of(full, fraction))]


def flat(amount: Decimal) -> list[Cut]:
    """Return what flat staking asks for: the same amount each time."""
    return [("FLAT", amount)]


def percent(*, balance: Decimal, share: float) -> list[Cut]:
    """Return what staking a share of the money asks for, whatever the edge.

    >>> percent(balance=Decimal("812.55"), share=0.01)
    [('PERCENT', Decimal('8.12'))]
    """
    return [("PERCENT", _share(balance, share))]


def stake(
    *,
    balance: Decimal,
    asked: Sequence[Cut],
    max_share: float,
    rooms: Iterable[Cut],
    minimum: Decimal,
    step: Decimal,
    scales: Iterable[tuple[str, float]] = (),
) -> Stake:
    """Return the stake: what the method asks, scaled, under every cap, down to the step.

    ``scales`` are factors, and ``rooms`` what the limits still allow in money; both are named
    by the reason to give when one of them leaves less than ``minimum``.  Every number on the
    way stands in ``cuts``.

    >>> found = stake(
    ...     balance=Decimal("1000.00"), asked=[("FLAT", Decimal("25"))], max_share=0.02,
    ...     rooms=[("DAY_LIMIT", Decimal("12.34"))], minimum=Decimal("1"), step=Decimal("0.50"),
    ... )
    >>> found.amount, found.reason
    (Decimal('12.00'), '')
    """
    cuts, amount, reason = list(asked), asked[-1][1], "STAKE_BELOW_MINIMUM"
    for name, left in _narrower(
        amount, scales, [("STAKE_LIMIT", share_of(max(balance, NOTHING), max_share)), *rooms]
    ):
        if left < minimum <= amount and down_to_step(amount, step) >= minimum:
            reason = name
        amount = min(amount, left)
        cuts.append((name, amount))
    amount = down_to_step(amount, step)
    cuts.append(("STAKE_STEP", amount))
    if amount <= 0 or amount < minimum:
        return Stake(NOTHING, tuple(cuts), reason)
    return Stake(amount, tuple(cuts), "")


def _narrower(
    amount: Decimal, scales: Iterable[tuple[str, float]], rooms: Iterable[Cut]
) -> Iterator[Cut]:
    for name, factor in scales:
        amount = share_of(amount, factor)
        yield name, amount
    for name, room in rooms:
        yield name, max(room, NOTHING)


def _share(balance: Decimal, share: float) -> Decimal:
    return share_of(max(balance, NOTHING), share if np.isfinite(share) else 0.0)
