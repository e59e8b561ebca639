"""Many prices at once as thousandths of decimal odds."""

import re
from collections.abc import Sequence
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from markets.connectors.columns import NO_NUMBER, Ints
from markets.domain import formats

Format = Literal["american", "decimal"]
FORMATS: tuple[Format, ...] = ("american", "decimal")
_PLAIN = re.compile(r"[+-]?\d{1,9}(\.\d{1,12})?")
_LOWEST, _HIGHEST = 1000, formats.HIGHEST_PRICE * 1000


def thousandths(prices: Sequence[Any], *, odds_format: str = "") -> tuple[Ints, dict[int, str]]:
    """Return prices as thousandths, and what is wrong with those that are none, by position.

    Equal to ``formats.american`` or ``formats.decimal_price`` of each.

    >>> thousandths([-110, 150, 99], odds_format="american")
    (array([1909, 2500,   -1]), {2: "American odds from 100 to 99900 or to -100, not '99'"})
    """
    whole = set(map(type, prices)) <= {int, float}
    try:
        numbers = np.array(prices, dtype=np.float64) if whole else _numbers(prices)
    except OverflowError:
        numbers = _numbers(prices)
    chosen: Format = "american" if odds_format == "american" else "decimal"
    if odds_format not in FORMATS:
        chosen = guess(numbers)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        found = _american(numbers) if chosen == "american" else np.rint(numbers * 1000)
        usable = (found > _LOWEST) & (found <= _HIGHEST)
    wrong = {}
    for at in np.flatnonzero(~usable).tolist():
        wrong[at] = _what_is_wrong(prices[at], chosen)
    return np.where(usable, found, NO_NUMBER).astype(np.int64), wrong


def guess(numbers: NDArray[np.float64]) -> Format:
    """Tell the format by the prices themselves: decimal odds are above 1 and mostly below 100.

    >>> guess(np.array([-110.0, 8.0])), guess(np.array([1.9, 151.0, 2.1])), guess(np.array([]))
    ('american', 'decimal', 'american')
    """
    known = numbers[np.isfinite(numbers)]
    if not known.size or (known <= -100).any():
        return "american"
    is_long = (known >= 100) & (known == np.rint(known))
    return "american" if is_long.sum() * 2 >= known.size else "decimal"


def _american(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    gains = np.where(numbers > 0, numbers * 10, 100_000 / np.abs(numbers))
    return np.where(np.abs(numbers) >= 100, np.rint(1000 + gains), np.nan)


def _numbers(prices: Sequence[Any]) -> NDArray[np.float64]:
    """Read what may be text or nothing at all; what is no number becomes NaN."""
    return np.array([_number(price) for price in prices], dtype=np.float64)


def _number(price: Any) -> float:
    if isinstance(price, bool) or not isinstance(price, int | float | str):
        return np.nan
    text = str(price).strip()
    return float(text) if text.isascii() and _PLAIN.fullmatch(text) else np.nan


def _what_is_wrong(price: Any, chosen: Format) -> str:
    read = formats.american if chosen == "american" else formats.decimal_price
    try:
        is_plain = isinstance(price, int | float | str) and not isinstance(price, bool)
        read(price if is_plain else msgspec.json.encode(price).decode())
    except formats.BadPrice as wrong:
        return str(wrong)
    return f"a price, not {str(price)[:40]!r}"
