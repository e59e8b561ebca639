"""Which prices no book can mean.  Pure: whole columns in, a reason per row out."""

from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

HIGHEST_PRICE = 1000
#: How far a book's clock may be ahead of ours.
AHEAD = timedelta(seconds=300)
#: A live price older than this is told; it is history all the same.
OLD = timedelta(seconds=600)

#: Counted beside what ``judge`` finds: no market has such a line, nobody can ask such a question.
NO_LINE, NO_MARKET = "no line of its market", "no market that is known"
#: Offers that are too many, or whose sizes nobody can offer.
NO_LADDER = "no order book that can be"
#: Counted and kept: history, yet nothing to bet on.
TOO_OLD = f"older than {OLD.seconds} s, kept"

#: What a parser found no price in; it says so by what it expected.
NO_PRICE = "no price in what was written"
_EXPECTED = {
    "a price": NO_PRICE,
    "American odds": NO_PRICE,
    "odds like": NO_PRICE,
    "a line that": NO_LINE,
    "a line in": NO_LINE,
    "a line for": NO_LINE,
}

PASSED, NO_NUMBER, TOO_LOW, TOO_HIGH, IN_THE_FUTURE = range(5)
#: By reason: what is counted under, and what was expected.
REASONS = {
    NO_NUMBER: ("not a number", "a finite price"),
    TOO_LOW: ("at or below 1", "a price above 1"),
    TOO_HIGH: (f"above {HIGHEST_PRICE}", f"a price up to {HIGHEST_PRICE}"),
    IN_THE_FUTURE: ("in the future", "a time in the past"),
}


def reason_told(message: str) -> str:
    """Return the reason under which a parser's problem counts; "" where it is of something else.

    >>> reason_told("a price above 1 and up to 1000, not '0'"), reason_told("a date, not '31/02'")
    ('no price in what was written', '')
    """
    return next((why for told, why in _EXPECTED.items() if message.startswith(told)), "")


def judge(*, price: Ints, seen: Ints, fetched_at: int, no_number: int) -> Ints:
    """Return each price's reason to be refused, ``PASSED`` where there is none.

    Prices are thousandths, moments microseconds since 1970.

    >>> column = lambda *values: np.array(values, dtype=np.int64)
    >>> judge(
    ...     price=column(1900, -1, 1000, 1_000_001, 1900), seen=column(5, 5, 5, 5, 10**15),
    ...     fetched_at=6, no_number=-1,
    ... ).tolist() == [PASSED, NO_NUMBER, TOO_LOW, TOO_HIGH, IN_THE_FUTURE]
    True
    """
    latest = fetched_at + AHEAD // timedelta(microseconds=1)
    return np.select(
        [price == no_number, price <= 1000, price > HIGHEST_PRICE * 1000, seen > latest],
        [NO_NUMBER, TOO_LOW, TOO_HIGH, IN_THE_FUTURE],
        default=PASSED,
    ).astype(np.int64)
