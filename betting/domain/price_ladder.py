"""The prices that an exchange takes, and the stakes.  Pure.

Source: Betfair, "placeOrders", price increments and currency parameters.
"""

from collections.abc import Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from itertools import pairwise
from typing import NamedTuple

LOWEST, HIGHEST = Decimal("1.01"), Decimal(1000)
CLASSIC, FINEST = "CLASSIC", "FINEST"
BACK, LAY = "BACK", "LAY"

#: Where each step begins to hold, and the step.
_STEPS = {
    CLASSIC: (
        ("1.01", "0.01"),
        ("2", "0.02"),
        ("3", "0.05"),
        ("4", "0.1"),
        ("6", "0.2"),
        ("10", "0.5"),
        ("20", "1"),
        ("30", "2"),
        ("50", "5"),
        ("100", "10"),
    ),
    FINEST: (("1.01", "0.01"),),
}
#: The least stake, and the payout from which on a smaller one is taken.
MINIMUMS: Mapping[str, tuple[Decimal, Decimal]] = {
    "GBP": (Decimal(1), Decimal(10)),
    "EUR": (Decimal(2), Decimal(20)),
    "USD": (Decimal(3), Decimal(20)),
    "AUD": (Decimal(5), Decimal(30)),
    "HKD": (Decimal(25), Decimal(125)),
}


class OffLadder(ValueError):
    """No exchange takes this price; says which ones beside it would be taken."""


class StakeRefused(ValueError):
    """No exchange takes this stake; says what it takes."""


class _Part(NamedTuple):
    """A part of a ladder with one step; ``place`` is that of its first price."""

    start: Decimal
    step: Decimal
    place: int
    size: int


def _parts(kind: str) -> tuple[_Part, ...]:
    found: list[_Part] = []
    steps = [(Decimal(start), Decimal(step)) for start, step in _STEPS[kind]]
    for (start, step), (end, _) in pairwise([*steps, (HIGHEST, HIGHEST)]):
        place = found[-1].place + found[-1].size if found else 0
        found.append(_Part(start, step, place, int((end - start) / step)))
    return tuple(found)


_PARTS: Mapping[str, tuple[_Part, ...]] = {kind: _parts(kind) for kind in _STEPS}


def ladder(kind: str) -> tuple[Decimal, ...]:
    """Return every price of a ladder, in order: 350 of the classic one, 99,900 of the finest.

    >>> ladder("CLASSIC")[:2], ladder("CLASSIC")[-2:]
    ((Decimal('1.01'), Decimal('1.02')), (Decimal('990'), Decimal('1000')))
    """
    parts = [part.start + part.step * n for part in _PARTS[kind] for n in range(part.size)]
    return (*parts, HIGHEST)


def kind_for(market_kind: str) -> str:
    """Return the ladder of a market: handicaps are priced by the hundredth.

    >>> kind_for("MATCH_ODDS"), kind_for("ASIAN_HANDICAP")
    ('CLASSIC', 'FINEST')
    """
    return FINEST if market_kind == "ASIAN_HANDICAP" else CLASSIC


def place_of(price: Decimal, *, kind: str = CLASSIC) -> int:
    """Return a price's place on the ladder, counted from 0 at 1.01.

    Raises:
        OffLadder: it is not on the ladder.

    >>> place_of(Decimal("1.01")), place_of(Decimal("2.02")), place_of(Decimal("1000"))
    (0, 100, 349)
    >>> place_of(Decimal("2.01"))
    Traceback (most recent call last):
    ...
    betting.domain.price_ladder.OffLadder: the price 2.01 is off the ladder: 2.00 or 2.02
    """
    if price.is_finite() and LOWEST <= price <= HIGHEST:
        part = _part_at(price, kind)
        steps, rest = divmod(price - part.start, part.step)
        if not rest:
            return part.place + int(steps)
    raise OffLadder(f"the price {price} is off the ladder: {_beside(price, kind)}")


def nearest(price: Decimal, *, side: str, kind: str = CLASSIC) -> Decimal:
    """Return the nearest price on the ladder that is no worse for us than the one given.

    A back asks for at least its price, so it goes up; a lay offers at most its price, so down.

    Raises:
        OffLadder: no price of the ladder is as good.

    >>> nearest(Decimal("2.01"), side="BACK"), nearest(Decimal("2.01"), side="LAY")
    (Decimal('2.02'), Decimal('2.00'))
    >>> nearest(Decimal("3.05"), side="LAY"), nearest(Decimal("0.5"), side="BACK")
    (Decimal('3.05'), Decimal('1.01'))
    """
    if not price.is_finite():
        raise OffLadder(f"the price {price} is off the ladder: {_beside(price, kind)}")
    if side == BACK and price <= LOWEST:
        return LOWEST
    if side == LAY and price >= HIGHEST:
        return HIGHEST
    if not LOWEST <= price <= HIGHEST:
        raise OffLadder(f"the price {price} is off the ladder: {_beside(price, kind)}")
    part = _part_at(price, kind)
    rounding = ROUND_CEILING if side == BACK else ROUND_FLOOR
    steps = ((price - part.start) / part.step).to_integral_value(rounding=rounding)
    return part.start + part.step * steps


def ticks_between(first: Decimal, second: Decimal, *, kind: str = CLASSIC) -> int:
    """Return how many steps lead from one price to another; below 0 where it is lower.

    >>> ticks_between(Decimal("1.99"), Decimal("2.04")), ticks_between(Decimal(110), Decimal(100))
    (3, -1)
    """
    return place_of(second, kind=kind) - place_of(first, kind=kind)


def check_stake(stake: Decimal, *, price: Decimal, currency: str) -> None:
    """Hold a stake to what an exchange takes: cents, and not too few of them.

    A currency whose least stake is not known here is left to the exchange.

    Raises:
        StakeRefused: it would not be taken.

    >>> check_stake(Decimal("2.00"), price=Decimal("1.50"), currency="EUR")
    >>> check_stake(Decimal("0.50"), price=Decimal("40"), currency="EUR")    # pays 20.00
    >>> check_stake(Decimal("0.50"), price=Decimal("4"), currency="EUR")
    Traceback (most recent call last):
    ...
    betting.domain.price_ladder.StakeRefused: the stake 0.50 is below EUR 2 and pays below 20
    """
    if not stake.is_finite() or stake <= 0 or stake != stake.quantize(Decimal("0.01")):
        raise StakeRefused(f"the stake {stake} is no amount of whole cents above 0")
    least, payout = MINIMUMS.get(currency, (Decimal(0), Decimal(0)))
    if stake < least and stake * price < payout:
        raise StakeRefused(f"the stake {stake} is below {currency} {least} and pays below {payout}")


def _part_at(price: Decimal, kind: str) -> _Part:
    """Return the part of the ladder whose step holds at a price that is not below the lowest."""
    return max(part for part in _PARTS[kind] if part.start <= price)


def _beside(price: Decimal, kind: str) -> str:
    """Say which prices beside one are taken."""
    if not price.is_finite() or price < LOWEST:
        return f"from {LOWEST} on"
    if price > HIGHEST:
        return f"up to {HIGHEST}"
    below, above = (nearest(price, side=side, kind=kind) for side in (LAY, BACK))
    return f"{below} or {above}"
