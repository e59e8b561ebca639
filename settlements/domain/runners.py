"""Judging what has many runners: places, dead heats, withdrawals, each way.  Pure.

Words
    places     how many of a market's runners win: 1 of a WIN market
    position   where a runner came in, 1 the first; those of the same position are tied
    factor     a withdrawn runner's share of the market's chances, by which prices are lowered

Source: Betfair's rules on non-runners and dead heats; Tattersalls rule 4(c); DAZN Bet and BETDAQ
on dead heats of each-way bets.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from settlements.domain import paying
from settlements.domain.paying import Part, Verdict
from settlements.domain.rules import Outcome
from settlements.domain.terms import Terms

Ints = npt.NDArray[np.int64]
LEAST_PRICE = Fraction("1.01")  # what no reduction takes a price below


class Undecided(ValueError):
    """What is known of the race does not say how this bet ended.  Never guess."""


@dataclass(frozen=True, slots=True)
class Came:
    """How one runner came in, as far as it is told."""

    position: int | None = None
    is_winner: bool | None = None
    is_placed: bool | None = None
    is_removed: bool = False


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A runner taken out after the bet was struck: its price then, its factor (a share)."""

    price: Decimal | None = None
    factor: Decimal | None = None


def judge(*, runner: Came, field: Sequence[Came], places: int, terms: Terms) -> Verdict:
    """Say how a bet on a runner did, where the first ``places`` win.

    ``field``: all that came in, the runner among them.  Positions say who is tied; without them
    a market of one place is shared by its winners, and one of more places is not known to be.

    Raises:
        Undecided: nobody told how the runner came in, or more are placed than there are places
            and no position says who is tied.

    >>> field = [Came(position=1), Came(position=2), Came(position=2)]
    >>> judge(runner=field[1], field=field, places=2, terms=Terms()).wins
    Fraction(1, 2)
    """
    if runner.is_removed:
        return paying.verdict(Outcome.VOID)
    left, tied = _left_and_tied(runner, field, places)
    if terms.dead_heat == "IN_FULL" and left > 0:
        return paying.verdict(Outcome.WON)
    return paying.dead_heat(left=left, tied=tied)


def _left_and_tied(runner: Came, field: Sequence[Came], places: int) -> tuple[int, int]:
    """Return how many places are left where the runner came in, and how many share them."""
    ran = [one for one in field if not one.is_removed]
    if runner.position is not None:
        ahead = sum(one.position is not None and one.position < runner.position for one in ran)
        return max(places - ahead, 0), sum(one.position == runner.position for one in ran)
    name = "is_winner" if places == 1 else "is_placed"
    came = getattr(runner, name)
    if came is None:
        raise Undecided("nobody tells how the runner came in")
    if not came:
        return 0, 1
    paid = sum(bool(getattr(one, name)) for one in ran)
    if paid <= places:
        return 1, 1
    if places == 1:
        return 1, paid
    raise Undecided(f"{paid} are placed for {places} places, and no position says who is tied")


def judge_many(*, ahead: Ints, tied: Ints, places: Ints, in_full: npt.NDArray[np.bool_]) -> Ints:
    """Return (n, 3): which share wins, which loses, and of what, of runners with a position.

    ``ahead``: how many came in before each, ``tied``: how many with it, itself among them.

    >>> judge_many(ahead=np.array([1]), tied=np.array([2]), places=np.array([2]),
    ...            in_full=np.array([False])).tolist()
    [[1, 1, 2]]
    """
    left = np.maximum(places - ahead, 0)
    wins = np.where(in_full & (left > 0), tied, np.minimum(left, tied))
    return np.stack([wins, tied - wins, tied], axis=1)


def deduction(*, withdrawn: Sequence[Withdrawal], terms: Terms) -> Fraction:
    """Return the share of winnings that rule 4 takes for these withdrawals.

    Raises:
        Undecided: nobody tells the price of one of them.

    >>> two = [Withdrawal(price=Decimal("1.40")), Withdrawal(price=Decimal("3.00"))]
    >>> deduction(withdrawn=two, terms=Terms())
    Fraction(9, 10)
    """
    total = Fraction(0)
    for one in withdrawn:
        if one.price is None:
            raise Undecided("nobody tells the price at which a runner was withdrawn")
        price = one.price
        total += Fraction(next((s.deduction for s in terms.rule_4 if price <= s.to), Decimal(0)))
    total = min(total, Fraction(terms.most_deduction))
    return Fraction(0) if total < Fraction(terms.least_deduction) else total


def paid_price(
    *, price: Decimal, withdrawn: Sequence[Withdrawal], is_place: bool, terms: Terms
) -> Fraction:
    """Return the price that a bet is paid at, lowered for those withdrawn after it was struck.

    Raises:
        Undecided: nobody tells what a withdrawal lowers the price by.

    >>> rules = Terms(non_runner="REDUCTION_FACTOR")
    >>> gone = [Withdrawal(factor=Decimal("0.25"))]
    >>> [float(paid_price(price=Decimal(8), withdrawn=gone, is_place=p, terms=rules))
    ...  for p in (False, True)]
    [6.0, 6.25]
    """
    struck = Fraction(price)
    if not withdrawn or terms.non_runner == "NONE" or struck <= 1:
        return struck
    if terms.non_runner == "RULE_4":
        return 1 + (struck - 1) * (1 - deduction(withdrawn=withdrawn, terms=terms))
    lowered = struck
    for one in withdrawn:
        if one.factor is None:
            raise Undecided("nobody tells the reduction factor of a withdrawn runner")
        stays = 1 - Fraction(one.factor)
        if is_place:
            lowered = 1 + (lowered - 1) * stays
        elif one.factor >= terms.least_reduction:
            lowered *= stays
    return max(_in_places(lowered, terms.reduced_places), LEAST_PRICE)


def _in_places(price: Fraction, places: int | None) -> Fraction:
    if places is None:
        return price
    exact = Decimal(price.numerator) / Decimal(price.denominator)
    return Fraction(exact.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP))


def each_way(
    *,
    runner: Came,
    field: Sequence[Came],
    price: Fraction,
    places: int,
    fraction: Fraction,
    terms: Terms,
) -> tuple[Part, Part]:
    """Return the win and the place part of an each-way bet, each of the bet's whole stake.

    ``price`` is the win price as it is paid.  The place part is void where all that run would
    be placed.

    >>> field = [Came(position=3), Came(position=1), Came(position=2), Came(position=3)]
    >>> parts = each_way(runner=field[0], field=field, price=Fraction(17), places=3,
    ...                  fraction=Fraction(1, 4), terms=Terms())
    >>> paying.pay(side="BACK", stake=Decimal(20), parts=parts).profit
    Decimal('10.00')
    """
    win = judge(runner=runner, field=field, places=1, terms=terms)
    ran = sum(not one.is_removed for one in field)
    if ran <= places:
        place = paying.verdict(Outcome.VOID)
    else:
        place = judge(runner=runner, field=field, places=places, terms=terms)
    gain = price - 1
    return Part(win, gain), Part(place, gain * fraction)
