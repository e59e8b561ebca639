"""Which prices no book can mean.  Pure: whole columns in, a reason per row out."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from markets.domain import formats
from monitoring.domain.thresholds import declare, written

Ints = NDArray[np.int64]

OLDEST = declare(
    "markets.quote-oldest", 600, "s",
    "A live price older than this is counted as too old; it is kept as history.",
    lowest=1, highest=604_800,
)  # fmt: skip
AHEAD = declare(
    "markets.quote-ahead", 300, "s",
    "A price seen later than this after it was fetched is refused: the book's clock is wrong.",
    lowest=0, highest=86_400,
)  # fmt: skip
HIGHEST = declare(
    "markets.quote-highest", formats.HIGHEST_PRICE, "",
    "A decimal price above this is refused: no book can mean it.",
    lowest=2, highest=formats.HIGHEST_PRICE,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Gate:
    """Between which bounds a price is believed."""

    oldest: timedelta
    ahead: timedelta
    highest: float

    @property
    def too_old(self) -> str:
        """Return what is counted and kept: history, yet nothing to bet on."""
        return f"older than {self.oldest.total_seconds():g} s, kept"

    @property
    def reasons(self) -> Mapping[int, tuple[str, str]]:
        """Return by reason what is counted under, and what was expected."""
        highest = written(self.highest)
        return {
            NO_NUMBER: ("not a number", "a finite price"),
            TOO_LOW: ("at or below 1", "a price above 1"),
            TOO_HIGH: (f"above {highest}", f"a price up to {highest}"),
            IN_THE_FUTURE: ("in the future", "a time in the past"),
        }


#: Counted beside what ``judge`` finds: no market has such a line, nobody can ask such a question.
NO_LINE, NO_MARKET = "no line of its market", "no market that is known"
#: Offers that are too many, or whose sizes nobody can offer.
NO_LADDER = "no order book that can be"
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


def reason_told(message: str) -> str:
    """Return the reason under which a parser's problem counts; "" where it is of something else.

    >>> reason_told("a price above 1 and up to 1000, not '0'"), reason_told("a date, not '31/02'")
    ('no price in what was written', '')
    """
    return next((why for told, why in _EXPECTED.items() if message.startswith(told)), "")


def judge(*, price: Ints, seen: Ints, fetched_at: int, no_number: int, gate: Gate) -> Ints:
    """Return each price's reason to be refused, ``PASSED`` where there is none.

    Prices are thousandths, moments microseconds since 1970.

    >>> column = lambda *values: np.array(values, dtype=np.int64)
    >>> judge(
    ...     price=column(1900, -1, 1000, 1_000_001, 1900), seen=column(5, 5, 5, 5, 10**15),
    ...     fetched_at=6, no_number=-1, gate=Gate(timedelta(0), timedelta(seconds=300), 1000),
    ... ).tolist() == [PASSED, NO_NUMBER, TOO_LOW, TOO_HIGH, IN_THE_FUTURE]
    True
    """
    latest = fetched_at + gate.ahead // timedelta(microseconds=1)
    highest = round(gate.highest * 1000)
    return np.select(
        [price == no_number, price <= 1000, price > highest, seen > latest],
        [NO_NUMBER, TOO_LOW, TOO_HIGH, IN_THE_FUTURE],
        default=PASSED,
    ).astype(np.int64)
