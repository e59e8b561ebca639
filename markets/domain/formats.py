"""Prices as people and programs write them, as decimal odds with three places.  Pure."""

import re
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache

HIGHEST_PRICE = 1000
_AMERICAN = f"American odds from 100 to {(HIGHEST_PRICE - 1) * 100} or to -100"
_PLACES = Decimal("0.001")
_NUMBER = re.compile(r"[+-]?\d{1,9}(\.\d{1,12})?")
_FRACTION = re.compile(r"(\d{1,6})\s*/\s*(\d{1,6})")
_EVENS = frozenset({"evens", "even", "evs", "ev"})


class BadPrice(ValueError):
    """Text or a number that is no price; says what was expected."""


def american(odds: int | float | str | Decimal) -> Decimal:
    """Return American odds as decimal odds, half to even.

    Source: +a wins a for 100 staked, so 1 + a / 100; -a stakes a to win 100, so 1 + 100 / a.

    Raises:
        BadPrice: no number, or between -100 and 100.

    >>> american(-110), american("+150"), american(100), american("EVEN")
    (Decimal('1.909'), Decimal('2.500'), Decimal('2.000'), Decimal('2.000'))
    """
    return _american(odds.strip() if isinstance(odds, str) else str(odds))


@lru_cache(maxsize=65_536)
def _american(text: str) -> Decimal:
    if text.lower() in _EVENS:
        return Decimal("2.000")
    value = _number(text, expected=_AMERICAN)
    if abs(value) < 100:
        raise BadPrice(f"{_AMERICAN}, not {text[:40]!r}")
    return _bounded(1 + (value / 100 if value > 0 else 100 / -value), text)


def decimal_price(text: str | int | float | Decimal) -> Decimal:
    """Return decimal odds above 1 with three places, half to even.

    Raises:
        BadPrice: no number, not above 1, or above 1000.

    >>> decimal_price("1.9"), decimal_price(2)
    (Decimal('1.900'), Decimal('2.000'))
    """
    return _decimal(text.strip() if isinstance(text, str) else str(text))


@lru_cache(maxsize=65_536)
def _decimal(text: str) -> Decimal:
    return _bounded(_number(text, expected=f"a price above 1 and up to {HIGHEST_PRICE}"), text)


@lru_cache(maxsize=4_096)
def fractional(text: str) -> Decimal:
    """Return odds such as "5/2" as decimal odds.

    Raises:
        BadPrice: no fraction of two whole numbers, or one of them is zero.

    >>> fractional("5/2"), fractional("evens"), fractional("4/11")
    (Decimal('3.500'), Decimal('2.000'), Decimal('1.364'))
    """
    if text.strip().lower() in _EVENS:
        return Decimal("2.000")
    match = _FRACTION.fullmatch(text.strip()) if text.isascii() else None
    if match is None or not int(match[2]):
        raise BadPrice(f"odds like 5/2, not {text[:40]!r}")
    return _bounded(1 + Decimal(match[1]) / Decimal(match[2]), text)


def _number(text: str, *, expected: str) -> Decimal:
    """Read a plain number: no exponent, no other script's digits, no separators."""
    if not (text.isascii() and _NUMBER.fullmatch(text)):
        raise BadPrice(f"{expected}, not {text[:40]!r}")
    return Decimal(text)


def _bounded(value: Decimal, text: str) -> Decimal:
    price = value.quantize(_PLACES, rounding=ROUND_HALF_EVEN)
    if not 1 < price <= HIGHEST_PRICE:
        raise BadPrice(f"a price above 1 and up to {HIGHEST_PRICE}, not {text[:40]!r}")
    return price
