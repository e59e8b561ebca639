"""What a bet brings, once it is judged.  Exact: shares are fractions, rounded to a cent once.

Words
    verdict    which share of the stake wins and which loses; the rest comes back
    gain       price - 1 as it is paid: after reductions, and of the place part at its fraction
    liability  what a layer risks: stake x (price - 1); some lays are asked for by it

A layer gets exactly what the backer does not.  Each rule stands here twice: for one bet in
fractions, which is the definition, and for arrays of integers, which a property test holds equal.

Source: Betfair's Exchange on back, lay and commission; Tattersalls rule 4(c); the dead-heat rule
as Betfair, BETDAQ and DraftKings publish it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from settlements.domain.rules import HALVES, Outcome

Ints = npt.NDArray[np.int64]
ROUNDINGS = ("HALF_EVEN", "HALF_UP", "DOWN")
_SAFE = 2**62


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a bet's stake fared: shares that win and lose, together at most all of it."""

    outcome: Outcome
    wins: Fraction
    loses: Fraction


def verdict(outcome: Outcome) -> Verdict:
    """Return the verdict of an outcome that is shared with nobody.

    >>> verdict(Outcome.HALF_LOST).loses
    Fraction(1, 2)
    """
    wins, loses = HALVES[outcome]
    return Verdict(outcome, Fraction(wins, 2), Fraction(loses, 2))


def dead_heat(*, left: int, tied: int) -> Verdict:
    """Return the verdict on one of ``tied`` for ``left`` places.

    >>> dead_heat(left=1, tied=3).wins, dead_heat(left=2, tied=2).loses, dead_heat(left=0, tied=1)
    (Fraction(1, 3), Fraction(0, 1), Verdict(outcome=<Outcome.LOST: 'LOST'>, \
wins=Fraction(0, 1), loses=Fraction(1, 1)))
    """
    if tied < 1 or left < 0:
        raise ValueError(f"{tied} tied for {left} places")
    wins = Fraction(min(left, tied), tied)
    return Verdict(Outcome.WON if wins else Outcome.LOST, wins, 1 - wins)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a bet that is paid at its own gain: an each-way bet has two."""

    verdict: Verdict
    gain: Fraction


@dataclass(frozen=True, slots=True)
class Paid:
    """What a bet brought: ``profit`` is net of ``commission``; both in whole cents."""

    profit: Decimal
    commission: Decimal


def pay(
    *,
    side: str,
    stake: Decimal,
    parts: Sequence[Part],
    rounding: str = "HALF_EVEN",
    rate: Decimal = Decimal(0),
    liability_at: Decimal | None = None,
) -> Paid:
    """Return what a bet brings: each part's stake is ``stake``.

    ``rate`` is taken of what the winning shares bring, before the one rounding: how a publisher
    charges bet by bet.  ``liability_at`` is the price at which the
    stake of a lay is its liability.

    >>> from fractions import Fraction as F
    >>> pay(side="BACK", stake=Decimal(300), parts=[Part(dead_heat(left=1, tied=3), F(3))]).profit
    Decimal('100.00')
    >>> lost = [Part(verdict(Outcome.LOST), F("2.46"))]
    >>> pay(side="LAY", stake=Decimal(1), parts=lost, rate=Decimal("0.08"),
    ...     liability_at=Decimal("3.46"))
    Paid(profit=Decimal('0.37'), commission=Decimal('0.04'))
    """
    amount = Fraction(stake)
    if liability_at is not None and side == "LAY":
        amount /= Fraction(liability_at) - 1
    gross = net = Fraction(0)
    for part in parts:
        won, lost = part.verdict.wins * part.gain, part.verdict.loses
        brought, cost = (won, lost) if side == "BACK" else (lost, won)
        gross += amount * (brought - cost)
        net += amount * (brought * (1 - Fraction(rate)) - cost)
    profit = rounded(net, rounding)
    return Paid(profit, rounded(gross, rounding) - profit if rate else Decimal("0.00"))


def rounded(amount: Fraction, rounding: str) -> Decimal:
    """Return an amount in whole cents; DOWN is towards nothing.

    >>> [str(rounded(Fraction("0.125"), how)) for how in ROUNDINGS]
    ['0.12', '0.13', '0.12']
    >>> str(rounded(Fraction("-0.125"), "HALF_UP"))
    '-0.13'
    """
    return Decimal(_whole(amount.numerator * 100, amount.denominator, rounding)).scaleb(-2)


def _whole(top: int, bottom: int, rounding: str) -> int:
    """Return the whole number that a fraction is rounded to; ``bottom`` is above 0."""
    whole, rest = divmod(abs(top), bottom)
    up = {
        "HALF_EVEN": 2 * rest > bottom or (2 * rest == bottom and whole % 2 == 1),
        "HALF_UP": 2 * rest >= bottom,
        "DOWN": False,
    }[rounding]
    return (whole + up) * (1 if top >= 0 else -1)


def pay_many(
    *,
    is_lay: npt.NDArray[np.bool_],
    stake: Ints,
    wins: npt.NDArray[Any],
    loses: npt.NDArray[Any],
    of: npt.NDArray[Any],
    gain: npt.NDArray[Any],
    unit: npt.NDArray[Any],
    rounding: Ints,
    keeps: npt.NDArray[Any],
    keeps_of: npt.NDArray[Any],
    by_liability: npt.NDArray[Any] | None = None,
) -> tuple[Ints, Ints]:
    """Return n profits and commissions in minor units, of bets of one part each.

    ``wins/of`` and ``loses/of`` of the stake win and lose, ``gain/unit`` is price - 1 as it is
    paid, ``keeps/keeps_of`` what is left of winnings after commission, ``rounding`` a place in
    ``ROUNDINGS``.  ``by_liability`` holds (price - 1) x ``unit`` as struck where a lay's stake
    is its liability, 0 elsewhere.  Exact: what does not fit 64 bits is reckoned in Python's own
    integers.

    >>> one = lambda value: np.array([value])
    >>> pay_many(is_lay=one(False), stake=one(30000), wins=one(1), loses=one(2), of=one(3),
    ...          gain=one(3000), unit=one(1000), rounding=one(0), keeps=one(1), keeps_of=one(1))
    (array([10000]), array([0]))
    """
    won, lost = wins * gain, loses * unit
    brought, cost = np.where(is_lay, lost, won), np.where(is_lay, won, lost)
    bottom = of * unit
    amount = np.asarray(stake)
    if by_liability is not None:
        is_by = np.asarray(by_liability != 0, dtype=bool)
        turned = np.where(is_by, by_liability, 1)
        amount = amount * np.where(is_by, unit, 1) * np.sign(turned)
        bottom = bottom * np.abs(turned)
    top_net = (amount, brought * keeps - cost * keeps_of)
    net = _rounded_many(*top_net, bottom * keeps_of, rounding)
    gross = _rounded_many(amount, brought - cost, bottom, rounding)
    return net, np.where(keeps == keeps_of, 0, gross - net).astype(np.int64)


def _rounded_many(amount: Any, factor: Any, bottom: Any, rounding: Ints) -> Ints:
    """Return amount x factor / bottom in whole numbers."""
    if amount.dtype != object and _fits(amount, factor) and _fits(bottom, 2):
        top = amount * factor
        whole, rest = np.divmod(np.abs(top), bottom)
        half = np.sign(2 * rest - bottom)
        up = np.select(
            [rounding == 0, rounding == 1],
            [(half > 0) | ((half == 0) & (whole % 2 == 1)), half >= 0],
            default=False,
        )
        return (np.sign(top) * (whole + up)).astype(np.int64)
    columns = (np.broadcast_to(one, rounding.shape).tolist() for one in (amount, factor, bottom))
    return np.array(
        [
            _whole(a * f, b, ROUNDINGS[how])
            for a, f, b, how in zip(*columns, rounding.tolist(), strict=True)
        ],
        dtype=np.int64,
    )


def _fits(one: Any, other: Any) -> bool:
    highest = [float(np.max(np.abs(side), initial=0)) for side in (one, other)]
    return highest[0] * highest[1] < _SAFE
