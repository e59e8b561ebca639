"""What must hold of a bet that somebody says was placed elsewhere.  Pure.

Each refusal names the field, what was expected and what was found.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from betting.domain import price_ladder

BACK, LAY = "BACK", "LAY"
SIDES = (BACK, LAY)
CENT, THOUSANDTH = Decimal("0.01"), Decimal("0.001")
HIGHEST_STAKE, HIGHEST_PRICE = Decimal("9999999999.99"), Decimal("999999.999")
AHEAD_AT_MOST = timedelta(minutes=1)  # how far another's clock may be before ours


class BadBet(ValueError):
    """No such bet can stand: which field, what was expected, what was found."""

    def __init__(self, field: str, expected: str, found: object = "") -> None:
        self.field, self.expected, self.found = field, expected, str(found)[:120]
        super().__init__(f"{field}: expected {expected}, found {self.found!r}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a selection is called.

    ``event``: its name or our number; ``starts_at`` and ``competition`` (its code) choose among
    namesakes.  ``about``: whose total it is, or of which figure.  ``selection``: its name or role.
    """

    event: str
    market: str
    selection: str
    line: Decimal | None = None
    period: str = "FULL"
    about: str = ""
    competition: str = ""
    starts_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """What was agreed: the backer's stake, whichever side is ours."""

    side: str
    price: Decimal
    stake: Decimal

    @property
    def liability(self) -> Decimal:
        """Return what it can lose, to the cent.

        >>> Terms("LAY", Decimal("4.5"), Decimal("10.00")).liability
        Decimal('35.00')
        >>> Terms("BACK", Decimal("4.5"), Decimal("10.00")).liability
        Decimal('10.00')
        """
        lost = self.stake * (self.price - 1) if self.side == LAY else self.stake
        return lost.quantize(CENT, rounding=ROUND_HALF_UP)

    @property
    def gain(self) -> Decimal:
        """Return what it wins before commission, to the cent.

        >>> Terms("LAY", Decimal("4.5"), Decimal("10.00")).gain
        Decimal('10.00')
        """
        won = self.stake if self.side == LAY else self.stake * (self.price - 1)
        return won.quantize(CENT, rounding=ROUND_HALF_UP)


def check_terms(terms: Terms, *, ladder: str = "") -> None:
    """Hold a bet to whole cents above 0 and a price above 1; on an exchange, to its ladder.

    Raises:
        BadBet: it cannot stand.

    >>> check_terms(Terms("BACK", Decimal("2.02"), Decimal("5")), ladder="CLASSIC")
    >>> check_terms(Terms("BACK", Decimal("2.01"), Decimal("5")), ladder="CLASSIC")
    Traceback (most recent call last):
    ...
    betting.domain.recorded.BadBet: price: expected 2.00 or 2.02 on the ladder, found '2.01'
    """
    side, price, stake = terms.side, terms.price, terms.stake
    if side not in SIDES:
        raise BadBet("side", "BACK or LAY", side)
    if not stake.is_finite() or not 0 < stake <= HIGHEST_STAKE or stake != stake.quantize(CENT):
        raise BadBet("stake", f"whole cents above 0, at most {HIGHEST_STAKE}", stake)
    if not price.is_finite() or not 1 < price <= HIGHEST_PRICE:
        raise BadBet("price", f"a decimal price above 1, at most {HIGHEST_PRICE}", price)
    if price != price.quantize(THOUSANDTH):
        raise BadBet("price", "at most three decimal places", price)
    if ladder:
        try:
            price_ladder.place_of(price, kind=ladder)
        except price_ladder.OffLadder as off:
            beside = str(off).rpartition(": ")[2]
            raise BadBet("price", f"{beside} on the ladder", price) from off


def check_moment(*, placed_at: datetime, starts_at: datetime, now: datetime) -> None:
    """Ask that a bet was placed before its event started, and not in the future.

    Raises:
        BadBet: it was not.
    """
    if placed_at > now + AHEAD_AT_MOST:
        raise BadBet("placed_at", "a time that is not ahead", placed_at.isoformat())
    if placed_at >= starts_at:
        expected = f"a time before the event's start, {starts_at:%Y-%m-%d %H:%M} UTC"
        raise BadBet("placed_at", expected, placed_at.isoformat())
