"""An exchange's offers, rebuilt from a stream of changes.  Pure; whole numbers throughout.

Prices are thousandths and sizes hundredths of the unit, so that equal prices are equal.

Source: Betfair Exchange Stream API, "Price Point and Level Based Deltas": ``atb`` and ``atl`` are
(price, size), ``batb``, ``bdatb``, ``batl`` and ``bdatl`` (level, price, size) from level 0 on; a
size of 0 takes the point or level away, an image replaces everything.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

BEST = 3  # offers of each side that a snapshot keeps
_THOUSAND, _HUNDRED = 1000, 100

Offer = tuple[int, int]  # price in thousandths, size in hundredths
Offers = tuple[Offer, ...]


def thousandths(price: float) -> int:
    """Return a price as whole thousandths.

    >>> thousandths(1.01), thousandths(38.380001)
    (1010, 38380)
    """
    return round(price * _THOUSAND)


def hundredths(size: float) -> int:
    """Return a size as whole hundredths.

    >>> hundredths(47.23)
    4723
    """
    return round(size * _HUNDRED)


def price_of(value: int) -> Decimal:
    """Return thousandths as a price.

    >>> price_of(1010)
    Decimal('1.010')
    """
    return Decimal(value).scaleb(-3)


def size_of(value: int) -> Decimal:
    """Return hundredths as a size.

    >>> size_of(4723)
    Decimal('47.23')
    """
    return Decimal(value).scaleb(-2)


@dataclass(slots=True)
class Side:
    """The offers on one side of one selection.

    A recording may tell them by price, by level, or by level as the exchange shows them
    (``shown``): with the offers that follow from the market's other selections, and with small
    ones rolled up.  Those go before the plain levels, and these before the prices.
    """

    is_back: bool
    by_price: dict[int, int] = field(default_factory=dict)
    levels: dict[int, Offer] = field(default_factory=dict)
    shown: dict[int, Offer] = field(default_factory=dict)

    def clear(self) -> None:
        self.by_price.clear()
        self.levels.clear()
        self.shown.clear()

    def change_prices(self, points: Iterable[Sequence[float]]) -> None:
        """Take over (price, size) points."""
        for price, size in points:
            amount = hundredths(size)
            if amount > 0:
                self.by_price[thousandths(price)] = amount
            else:
                self.by_price.pop(thousandths(price), None)

    def change_levels(self, points: Iterable[Sequence[float]], *, shown: bool) -> None:
        """Take over (level, price, size) points."""
        kept = self.shown if shown else self.levels
        for level, price, size in points:
            amount = hundredths(size)
            if amount > 0:
                kept[int(level)] = (thousandths(price), amount)
            else:
                kept.pop(int(level), None)

    def best_price(self) -> int | None:
        """Return the best price on offer, None where there is none.

        >>> side = Side(is_back=True)
        >>> side.change_prices([(2.4, 10), (2.5, 3)])
        >>> side.best_price()
        2500
        >>> side.change_prices([(2.5, 0)])
        >>> side.best_price()
        2400
        """
        if self.shown or self.levels:
            prices: Iterable[int] = (price for price, _ in (self.shown or self.levels).values())
        elif self.by_price:
            prices = self.by_price
        else:
            return None
        return max(prices) if self.is_back else min(prices)

    def best(self, count: int = BEST) -> Offers:
        """Return the best offers, best first.

        >>> side = Side(is_back=False)
        >>> side.change_levels([(0, 2.6, 5), (1, 2.62, 7)], shown=True)
        >>> side.best()
        ((2600, 500), (2620, 700))
        """
        offers = (self.shown or self.levels).values() or self.by_price.items()
        return tuple(sorted(offers, reverse=self.is_back)[:count])


@dataclass(slots=True)
class Ladder:
    """What is known of one selection: its offers, its last traded price, what was matched."""

    back: Side = field(default_factory=lambda: Side(is_back=True))
    lay: Side = field(default_factory=lambda: Side(is_back=False))
    last_traded: int | None = None
    matched: int | None = None

    def clear_offers(self) -> None:
        """Forget every offer, as an image does; what was traded stays traded."""
        self.back.clear()
        self.lay.clear()


@dataclass(slots=True)
class Pace:
    """Lets a value that keeps changing be looked at once in every ``span``, and at the end.

    A value is told when it changes after a quiet span; of those that follow within the span the
    one that stands at its end is told, with the moment of that end.  So nothing is told before
    it was so, and the last value is never lost: ``due`` is asked before every change.

    >>> pace = Pace(span=1000)
    >>> pace.changed(at=5000), pace.changed(at=5300)       # told, then waiting
    (True, False)
    >>> pace.due(at=5900), pace.due(at=6100)
    (None, 6000)
    """

    span: int
    told_at: int | None = None
    waiting_at: int | None = None

    def due(self, *, at: int) -> int | None:
        """Return the moment to tell what stands before a change at ``at``, None where not due."""
        if self.waiting_at is None or self.told_at is None or at <= self.told_at + self.span:
            return None
        self.waiting_at, self.told_at = None, self.told_at + self.span
        return self.told_at

    def changed(self, *, at: int) -> bool:
        """Say whether a change at ``at`` is told at once; else it waits.

        Another one at the very moment of the last telling is told again and replaces it.
        """
        if self.told_at is None or at == self.told_at or at >= self.told_at + self.span:
            self.told_at, self.waiting_at = at, None
            return True
        self.waiting_at = at
        return False

    def flush(self, *, at: int) -> int | None:
        """Return the moment of what still waits when the selection falls silent at ``at``.

        It is when the value changed last, where the span did not end before.

        >>> pace = Pace(span=1000)
        >>> pace.changed(at=5000), pace.changed(at=5300), pace.flush(at=5400)
        (True, False, 5300)
        """
        moment = self.due(at=at)
        if moment is None and self.waiting_at is not None:
            moment = self.told_at = self.waiting_at
            self.waiting_at = None
        return moment
