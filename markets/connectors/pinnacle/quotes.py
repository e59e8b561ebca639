"""The prices of one period of a match-up, whichever shape they came in."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from markets.connectors.base import ParsedPrice
from markets.connectors.pinnacle import codes
from markets.domain import formats

OWN_SIDE = {"home": "#HOME", "away": "#AWAY"}  # the event's own, by whatever name
_QUARTER = Decimal("0.25")
Tell = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Context:
    """Whose prices they are, and how they are written."""

    ref: str
    record: int
    sport: str  # "" where only the match-up's id is told
    seen_at: datetime
    is_american: bool
    tell: Tell

    def price(self, value: float, field: str) -> Decimal | None:
        """Return a price, or tell what is wrong with it."""
        number = int(value) if float(value).is_integer() else value
        try:
            read = formats.american if self.is_american else formats.decimal_price
            return read(number)
        except formats.BadPrice as wrong:
            self.tell(field, str(wrong))
            return None

    def line(self, value: float | None, field: str) -> Decimal | None:
        """Return a line, or tell what is wrong with it."""
        number = None if value is None else Decimal(repr(value))
        if number is None or not number.is_finite() or number % _QUARTER:
            self.tell(field, f"a line in quarters, not {value}")
            return None
        return number

    def period(self, number: int) -> str | None:
        """Return a period; one that is not known here is no error: it is not read."""
        known = codes.PERIODS.get(self.sport, {0: "FULL", 1: "H1"})
        return known.get(number)


def pair(
    context: Context,
    *,
    kind: str,
    period: str,
    line: Decimal | None,
    quotes: Sequence[tuple[str, float]],
    of: str = "",
) -> Iterator[ParsedPrice]:
    """Return the prices of one market; where one is no price, none of them is taken."""
    field = kind.lower()
    prices = [(role, context.price(value, field)) for role, value in quotes]
    if any(price is None for _, price in prices):
        return
    for role, price in prices:
        assert price is not None, "left above"
        yield ParsedPrice(
            context.ref,
            kind,
            line,
            role,
            codes.BOOK.code,
            price,
            context.seen_at,
            period=period,
            participant=of,
            record=context.record,
        )


def handicap_kind(context: Context) -> str:
    """Return what a handicap is called in a sport, or tell that none is known; then ""."""
    if not context.sport:
        context.tell("spread", "the sport of the match-up, by which its handicap is named")
        return ""
    return "ASIAN_HANDICAP" if context.sport == "soccer" else "SPREAD"
