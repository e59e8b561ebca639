"""What a bankroll may lose before it is given a rest.  Pure.

All shares are of the money that was there before the loss: what is there now and what was lost.
"""

from decimal import Decimal


def is_reached(
    *, lost: Decimal, balance: Decimal, limit: float | None, amount: Decimal | None = None
) -> bool:
    """Tell whether so much is lost as a share or an amount names; a share of 0 is never reached.

    Exact to the cent: nothing is rounded.

    >>> is_reached(lost=Decimal("50"), balance=Decimal("950"), limit=0.05)
    True
    >>> is_reached(lost=Decimal("49.99"), balance=Decimal("950.01"), limit=0.05)
    False
    >>> is_reached(lost=Decimal("0"), balance=Decimal("0"), limit=0.0)
    False
    >>> is_reached(lost=Decimal("50"), balance=Decimal("9"), limit=None, amount=Decimal("50"))
    True
    """
    if lost <= 0:
        return False
    if amount is not None and lost >= amount:
        return True
    return bool(limit) and lost >= Decimal(str(limit)) * (balance + lost)


def share_lost(*, lost: Decimal, balance: Decimal) -> Decimal:
    """Return what share of the money is lost: all of it where nothing would have been there.

    >>> share_lost(lost=Decimal("50"), balance=Decimal("950"))
    Decimal('0.05')
    """
    before = balance + lost
    return lost / before if before > 0 else Decimal(1)
