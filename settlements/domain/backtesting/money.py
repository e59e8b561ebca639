"""Amounts in whole minor units: what ``staking`` and the rules of payment say, in integers.

Each function names the one that defines it; a property test holds the two equal to the last cent.
"""

from decimal import Decimal
from fractions import Fraction

from betting.domain import staking
from settlements.domain import charging, paying, rules
from settlements.domain.paying import Part
from settlements.domain.terms import Terms

_EXACT = 10**11  # minor units up to which 28 digits hold an amount times a float's own digits
_SURE = 10**9  # up to which a product of floats is right to less than ``_SLACK``
_SLACK = 1e-6


def cents(amount: Decimal) -> int:
    """Return an amount in minor units.

    >>> cents(Decimal("12.34"))
    1234
    """
    return int(amount.scaleb(2))


def amount(of: int) -> Decimal:
    """Return minor units as an amount.

    >>> amount(1234)
    Decimal('12.34')
    """
    return Decimal(of).scaleb(-2)


def ratio(share: float) -> tuple[int, int]:
    """Return a share as the fraction of whole numbers that its shortest digits say.

    >>> ratio(0.02)
    (1, 50)
    """
    return Decimal(repr(float(share))).as_integer_ratio()


def share_of(money: int, share: tuple[int, int]) -> int:
    """Return a share of an amount, rounded down: ``staking.share_of`` of a share by ``ratio``.

    >>> share_of(100000, ratio(0.0199999))
    1999
    """
    if money >= _EXACT:
        return cents(staking.share_of(amount(money), share[0] / share[1]))
    return money * share[0] // share[1]


def float_share_of(money: int, share: float) -> int:
    """Return a share of an amount, rounded down: ``staking.share_of``.

    A product of floats is off by less than ``_SLACK``, so only one that comes so near to a whole
    number is reckoned exactly.
    """
    found = money * share
    whole = int(found)
    if found < _SURE and _SLACK < found - whole < 1.0 - _SLACK:
        return whole
    return cents(staking.share_of(amount(money), share))


def is_usual(terms: Terms) -> bool:
    """Tell whether a bet is paid by these terms as by the usual ones, and nothing is taken."""
    return terms.rounding == "HALF_EVEN" and (
        terms.commission.base == "NONE" or not terms.commission.net_rate
    )


def factor(*, outcome: int, price: int) -> int:
    """Return what a unit staked brings, in two thousandths.

    >>> factor(outcome=rules.OUTCOMES.index(rules.Outcome.HALF_WON), price=1900)
    900
    """
    wins, loses = rules.HALVES[rules.OUTCOMES[outcome]]
    return wins * (price - 1000) - loses * 1000


def profit(stake: int, by: int) -> int:
    """Return a backed bet's profit before commission, half-even, once: ``rules.profit``.

    >>> profit(1005, factor(outcome=1, price=1900))
    452
    """
    whole, rest = divmod(stake * by, 2000)
    return whole + (rest > 1000 or (rest == 1000 and whole % 2 == 1))


def paid(*, terms: Terms, stake: int, price: int, outcome: int) -> tuple[int, int]:
    """Return net profit and commission by the terms of a book, alone on its market.

    >>> paid(terms=Terms.model_validate({"commission": {"base": "MARKET_NET", "rate": "0.05"}}),
    ...      stake=10000, price=2000, outcome=rules.OUTCOMES.index(rules.Outcome.WON))
    (9500, 500)
    """
    taken = terms.commission
    verdict = paying.verdict(rules.OUTCOMES[outcome])
    parts = [Part(verdict, Fraction(price, 1000) - 1)]
    staked = amount(stake)
    found = paying.pay(
        side="BACK",
        stake=staked,
        parts=parts,
        rounding=terms.rounding,
        rate=taken.net_rate if taken.base == "EACH_WIN" else Decimal(0),
    )
    if taken.base == "MARKET_NET":
        commission = charging.of_market(
            profits=[found.profit], rate=taken.net_rate, rounding=terms.rounding
        )
    elif taken.base in ("STAKE", "RETURNS"):
        commission = charging.of_bet(
            commission=taken, parts=parts, stake=staked, side="BACK", rounding=terms.rounding
        )
    else:
        return cents(found.profit), cents(max(found.commission, charging.ZERO))
    return cents(found.profit - commission), cents(commission)
