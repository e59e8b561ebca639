"""What a book takes: of a bet by itself, or of an account's net winnings on a market.  Pure.

Source: Betfair's Exchange on commission: the market's net winnings x base rate x (1 - discount).
"""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from settlements.domain import paying
from settlements.domain.paying import Part
from settlements.domain.terms import Commission

ZERO = Decimal("0.00")


def of_bet(
    *, commission: Commission, parts: Sequence[Part], stake: Decimal, side: str, rounding: str
) -> Decimal:
    """Return what is taken of a bet's stake, or of all that it brings back when it wins.

    A bet that is void, or comes back whole, costs nothing.

    >>> from settlements.domain.rules import Outcome
    >>> won = [Part(paying.verdict(Outcome.WON), Fraction(3, 2))]
    >>> for base in ("STAKE", "RETURNS"):
    ...     print(of_bet(commission=Commission(base=base, rate=Decimal("0.05")), parts=won,
    ...                  stake=Decimal(10), side="BACK", rounding="HALF_EVEN"))
    0.50
    1.25
    """
    taken = Fraction(0)
    for part in parts:
        wins, loses = part.verdict.wins, part.verdict.loses
        brought = wins * (part.gain + 1) if side == "BACK" else loses * (part.gain + 1)
        base = wins + loses if commission.base == "STAKE" else brought
        taken += Fraction(stake) * base * Fraction(commission.net_rate)
    return paying.rounded(taken, rounding)


def rate_of(*, commission: Commission, told: Sequence[Decimal | None]) -> Decimal:
    """Return the rate on a market: the highest that came with its bets, where those go before."""
    known = [rate for rate in told if rate is not None] if commission.is_of_bet else []
    return max(known, default=commission.net_rate)


def of_market(*, profits: Sequence[Decimal], rate: Decimal, rounding: str) -> Decimal:
    """Return what is taken of an account's bets on one market together.

    >>> won = [Decimal(500), Decimal(-80)]
    >>> of_market(profits=won, rate=Decimal("0.05"), rounding="HALF_EVEN")
    Decimal('21.00')
    """
    net = max(sum(profits, ZERO), ZERO)
    return paying.rounded(Fraction(net) * Fraction(rate), rounding)


def allot(*, amount: Decimal, profits: Sequence[Decimal]) -> list[Decimal]:
    """Share an amount among the bets that won, by what each won, to the cent.

    The cents left over go to the largest remainders, the first of equals.

    >>> [str(one) for one in allot(amount=Decimal("1.00"),
    ...                            profits=[Decimal(10), Decimal(-4), Decimal(10), Decimal(10)])]
    ['0.34', '0.00', '0.33', '0.33']
    """
    won = [max(int(profit * 100), 0) for profit in profits]
    total, cents = sum(won), int(amount * 100)
    if not total or not cents:
        return [ZERO] * len(won)
    shares = [divmod(cents * each, total) for each in won]
    left = cents - sum(whole for whole, _ in shares)
    first = sorted(range(len(won)), key=lambda at: (-shares[at][1], at))[:left]
    return [Decimal(whole + (at in first)).scaleb(-2) for at, (whole, _) in enumerate(shares)]
