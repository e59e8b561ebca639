"""Closing-line value: what a price was worth, held against the last one before the start.  Pure.

Values are shares of the backer's stake: 0.02 means the bet was struck 2 % better than the close.
For a lay bet the same terms are worth the opposite: a layer wants the price to be too low.

Source: RULES of this product, after J. Buchdahl, "Squares & Sharps, Suckers & Sharks" (2016),
on closing odds with the margin taken off.
"""

from decimal import ROUND_HALF_EVEN, Decimal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
CENT = Decimal("0.01")
#: On what a commission is taken.
WINNINGS, RETURNS, STAKE = "WINNINGS", "RETURNS", "STAKE"


def fair(*, price: Floats, probability: Floats, is_lay: npt.NDArray[np.bool_]) -> Floats:
    """Return ``price x probability - 1`` by the margin-free closing probability, n values.

    >>> back = np.array([False, True])
    >>> fair(price=np.array([2.1, 2.1]), probability=np.array([0.5, 0.5]), is_lay=back).round(3)
    array([ 0.05, -0.05])
    """
    value = price * probability - 1.0
    return np.where(is_lay, -value, value)


def raw(*, price: Floats, closing_price: Floats, is_lay: npt.NDArray[np.bool_]) -> Floats:
    """Return ``price / closing_price - 1``: it overstates by the margin, and is labelled raw.

    >>> raw(price=np.array([2.0]), closing_price=np.array([1.95]),
    ...     is_lay=np.array([False])).round(3)
    array([0.026])
    """
    value = price / closing_price - 1.0
    return np.where(is_lay, -value, value)


def cost(
    *,
    price: Floats,
    probability: Floats,
    is_lay: npt.NDArray[np.bool_],
    rate: Floats,
    base: npt.NDArray[np.str_],
) -> Floats:
    """Return what a commission is expected to take, as a share of the backer's stake.

    Of winnings: each bet's own, though an exchange takes it of a market's net winnings; bets that
    hedge each other pay less than this.  Of returns: of all that comes back.  Of the stake: always.

    >>> even = {"price": np.array([2.0, 2.0]), "probability": np.array([0.5, 0.5])}
    >>> cost(**even, is_lay=np.array([False, True]), rate=np.array([0.05, 0.05]),
    ...      base=np.array([WINNINGS, WINNINGS]))
    array([0.025, 0.025])
    """
    won = np.where(is_lay, 1.0 - probability, probability * (price - 1.0))
    returned = np.where(is_lay, (1.0 - probability) * price, probability * price)
    taken = np.select([base == WINNINGS, base == RETURNS, base == STAKE], [won, returned, 1.0])
    return rate * taken


def expected_profit(*, stake: Decimal, clv: float, refund: float) -> Decimal:
    """Return what a bet is worth by the close, in money: a stake that comes back earns nothing.

    >>> expected_profit(stake=Decimal("100.00"), clv=0.05, refund=0.1)
    Decimal('4.50')
    """
    worth = stake * Decimal(repr(float(clv))) * (1 - Decimal(repr(float(refund))))
    return worth.quantize(CENT, rounding=ROUND_HALF_EVEN)
