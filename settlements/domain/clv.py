"""Closing-line value: what a price was worth, held against the last one before the start.  Pure.

Values are shares of the backer's stake: 0.02 means the bet was struck 2 % better than the close.
For a lay bet the same terms are worth the opposite: a layer wants the price to be too low.

Source: RULES of this product, after J. Buchdahl, "Squares & Sharps, Suckers & Sharks" (2016),
on closing odds with the margin taken off.
"""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


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
