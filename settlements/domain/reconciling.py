"""What differs between a bet of ours and what its venue tells of it, and within our own books.

Pure: values in, differences out.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

ZERO, CENT = Decimal("0.00"), Decimal("0.01")
HIGHEST = {True: Decimal(1000), False: Decimal(10_000)}  # price of an exchange, of a bookmaker
UNSENT = ("manual", "imported", "outside")  # venues of bets that we did not send
_SHARE = {
    "WON": Fraction(1), "HALF_WON": Fraction(1, 2), "PUSH": Fraction(0), "VOID": Fraction(0),
    "HALF_LOST": Fraction(-1, 2), "LOST": Fraction(-1),
}  # fmt: skip
_SIDES = {"WON": "WON", "HALF_WON": "WON", "LOST": "LOST", "HALF_LOST": "LOST"}
_TURNED = {"WON": "LOST", "LOST": "WON"}


@dataclass(frozen=True, slots=True)
class Difference:
    """Two values of one thing; ``amount`` is theirs less ours where both are money."""

    kind: str
    key: str
    ours: str
    theirs: str
    at: datetime
    bet_id: int | None = None
    amount: Decimal | None = None
    venue: str = ""


@dataclass(frozen=True, slots=True)
class Ours:
    """A bet of ours; ``profit`` is net of ``commission``, both 0 while it is not settled.

    ``corrected`` is what people have moved since, to agree with the venue.
    """

    bet_id: int
    client_ref: str
    venue_ref: str
    venue: str
    status: str
    side: str
    requested: Decimal
    stake: Decimal
    price: Decimal
    outcome: str
    profit: Decimal
    commission: Decimal
    at: datetime
    corrected: Decimal = ZERO

    @property
    def gross(self) -> Decimal:
        return self.profit + self.commission + self.corrected

    @property
    def key(self) -> str:
        return f"bet:{self.bet_id}"


@dataclass(frozen=True, slots=True)
class Theirs:
    """An order of ours as a venue tells all its parts together; ``endings`` name them."""

    refs: Sequence[str]
    market_ref: str
    endings: frozenset[str]
    size: Decimal  # settled
    price: Decimal | None  # None: not told, or lowered since
    profit: Decimal
    outcome: str
    at: datetime

    @property
    def state(self) -> str:
        return "SETTLED" if "SETTLED" in self.endings else min(self.endings)

    @property
    def key(self) -> str:
        return f"order:{min(self.refs)}"


def differences(ours: Ours, theirs: Theirs) -> Iterator[Difference]:
    """Yield what a venue tells otherwise of a bet, to the cent.

    Where one side has it settled and the other has not, nothing else is compared.
    """
    if not _agree(ours.status, ours.outcome, theirs.state):
        yield _difference("STATE", ours, ours.status, theirs.state, theirs.at)
        return
    if theirs.state != "SETTLED":
        if ours.gross:
            yield _money("PROFIT", ours, ours.gross, ZERO, theirs.at)
        return
    if ours.gross != theirs.profit:
        yield _money("PROFIT", ours, ours.gross, theirs.profit, theirs.at)
    if theirs.size > ours.requested:
        yield _money("DUPLICATE", ours, ours.requested, theirs.size, theirs.at)
    elif theirs.size != ours.stake:
        yield _money("STAKE", ours, ours.stake, theirs.size, theirs.at)
    if theirs.price is not None and theirs.price != ours.price:
        yield _difference("PRICE", ours, f"{ours.price}", f"{theirs.price}", theirs.at)
    told, mine = _SIDES.get(theirs.outcome), _SIDES.get(ours.outcome)
    if ours.side == "LAY" and mine:
        mine = _TURNED[mine]
    if told and mine and told != mine:
        yield _difference("OUTCOME", ours, mine, told, theirs.at)


def _agree(status: str, outcome: str, there: str) -> bool:
    """Say whether a bet's state here can stand beside how its order ended there.

    >>> _agree("SETTLED", "WON", "SETTLED"), _agree("ACCEPTED", "", "SETTLED")
    (True, False)
    >>> _agree("REJECTED", "", "VOIDED"), _agree("SETTLED", "VOID", "VOIDED")
    (True, True)
    >>> _agree("SETTLED", "LOST", "LAPSED"), _agree("CANCELLED", "", "LAPSED")
    (False, True)
    """
    if there == "SETTLED":
        return status == "SETTLED"
    is_void = there == "VOIDED" and status == "SETTLED" and outcome in ("VOID", "PUSH")
    return is_void or status in ("REJECTED", "CANCELLED")


def missing_there(ours: Ours, *, venue: str) -> Difference:
    """Return the difference of a settled bet that its venue does not tell of."""
    told = f"{ours.outcome} {ours.gross:+}"
    return Difference("MISSING_THERE", ours.key, told, "", ours.at, ours.bet_id, -ours.gross, venue)


def missing_here(theirs: Theirs, *, venue: str, corrected: Decimal) -> Difference | None:
    """Return the difference of an order that no bet of ours stands for; None where it is paid."""
    amount = theirs.profit - corrected
    if theirs.state != "SETTLED" or not (amount or (theirs.size and not corrected)):
        return None
    told = f"{theirs.size} at {theirs.price or '?'} {theirs.outcome} {theirs.profit:+}"
    ours = f"{corrected:+}" if corrected else ""
    return Difference("MISSING_HERE", theirs.key, ours, told, theirs.at, None, amount, venue)


def commission(
    market_ref: str, *, ours: Decimal, theirs: Decimal, at: datetime, venue: str
) -> Difference | None:
    """Return the difference of what a market's net winnings cost; amounts are taken: below 0."""
    if ours == theirs:
        return None
    key = f"market:{market_ref}"
    return Difference("COMMISSION", key, f"{ours}", f"{theirs}", at, None, ours - theirs, venue)


def _money(kind: str, ours: Ours, here: Decimal, there: Decimal, at: datetime) -> Difference:
    return Difference(kind, ours.key, f"{here}", f"{there}", at, ours.bet_id, there - here)


def _difference(kind: str, ours: Ours, here: str, there: str, at: datetime) -> Difference:
    return Difference(kind, ours.key, here, there, at, ours.bet_id)


@dataclass(frozen=True, slots=True)
class Settled:
    """A settled bet with the settlement that stands, as our own books tell it."""

    bet_id: int
    at: datetime
    venue: str
    venue_ref: str
    is_exchange: bool
    has_decision: bool
    has_probability: bool
    side: str
    stake: Decimal
    price: Decimal
    requested_price: Decimal
    liability_asked: Decimal | None
    outcome: str
    profit: Decimal
    commission: Decimal
    settled_outcome: str | None  # of the settlement; None: there is none
    settled_profit: Decimal | None  # before the commission that was taken afterwards
    settled_commission: Decimal | None
    is_plain: bool  # nothing but outcome, stake and price says what it pays
    rounding: str = "HALF_EVEN"

    @property
    def key(self) -> str:
        return f"bet:{self.bet_id}"


def flaws(bet: Settled) -> Iterator[Difference]:
    """Yield what a settled bet lacks, or what of it cannot be."""
    for field in _missing(bet):
        yield _flaw("MISSING_FIELD", bet, "", field, f"{bet.key}:{field}")
    if said := _impossible(bet):
        yield _flaw("IMPOSSIBLE_PRICE", bet, f"{bet.price}", said)
    if bet.settled_profit is None or bet.settled_commission is None:
        return
    gross = bet.profit + bet.commission
    if bet.outcome != bet.settled_outcome:
        yield _flaw("PROFIT_FORMULA", bet, bet.outcome, str(bet.settled_outcome))
    elif gross != bet.settled_profit + bet.settled_commission:
        yield _off(bet, gross, bet.settled_profit + bet.settled_commission)
    elif bet.is_plain and bet.price > 1:
        exact = payoff(
            side=bet.side, outcome=bet.outcome, stake=bet.stake, price=bet.price,
            liability=bet.liability_asked,
        )  # fmt: skip
        # Commission on a single win is taken before the one rounding: the two add up to a cent.
        slack = CENT if bet.settled_commission else ZERO
        expected = to_cents(exact, bet.rounding)
        if abs(gross - expected) > slack:
            yield _off(bet, gross, expected)


def payoff(
    *, side: str, outcome: str, stake: Decimal, price: Decimal, liability: Decimal | None = None
) -> Fraction:
    """Return what a bet brings before commission; ``outcome`` is the selection's.

    A back wins stake × (price − 1) or loses the stake; a lay is its negative.  A half counts half.

    >>> payoff(side="BACK", outcome="HALF_WON", stake=Decimal(100), price=Decimal("1.95"))
    Fraction(95, 2)
    >>> payoff(side="LAY", outcome="LOST", stake=Decimal("0.41"), price=Decimal("3.46"),
    ...        liability=Decimal("1.00"))
    Fraction(50, 123)
    """
    odds = Fraction(price) - 1
    base = Fraction(stake) if liability is None else Fraction(liability) / odds
    share = _SHARE[outcome]
    won = base * share * (odds if share > 0 else 1)
    return -won if side == "LAY" else won


def to_cents(amount: Fraction, rounding: str) -> Decimal:
    """Round an exact amount as a rule set says.

    >>> [str(to_cents(Fraction(-5, 1000), mode)) for mode in ("HALF_EVEN", "HALF_UP", "DOWN")]
    ['0.00', '-0.01', '0.00']
    """
    cents = abs(amount) * 100
    whole, rest = divmod(cents, 1)
    is_up = rounding != "DOWN" and (
        rest > Fraction(1, 2)
        or (rest == Fraction(1, 2) and (rounding == "HALF_UP" or whole % 2 == 1))
    )
    rounded = Decimal(int(whole) + is_up).scaleb(-2)
    return -rounded if amount < 0 and rounded else rounded


def duplicates(rows: Iterable[tuple[int, str, datetime]]) -> Iterator[Difference]:
    """Yield bets that stand for the same thing as an earlier one: (id, what, when) by id."""
    first: dict[str, int] = {}
    for bet_id, what, at in rows:
        if what in first:
            yield Difference(
                "DUPLICATE", f"alike:{bet_id}", f"#{bet_id}", f"#{first[what]} {what}"[:120], at,
                bet_id,
            )  # fmt: skip
        first.setdefault(what, bet_id)


def _missing(bet: Settled) -> Iterator[str]:
    if bet.settled_outcome is None:
        yield "settlement"
    if not bet.venue_ref and bet.venue not in UNSENT:
        yield "venue_ref"
    if bet.has_decision and not bet.has_probability:
        yield "probability"


def _impossible(bet: Settled) -> str:
    """Say why nobody can have paid this price, "" where somebody can."""
    if bet.price > HIGHEST[bet.is_exchange]:
        return f"above {HIGHEST[bet.is_exchange]}"
    if bet.is_exchange and bet.venue not in ("paper", *UNSENT):
        is_worse = (bet.price < bet.requested_price) is (bet.side == "BACK")
        if bet.price != bet.requested_price and is_worse:
            return f"worse than the {bet.requested_price} asked for"
    return ""


def _off(bet: Settled, here: Decimal, expected: Decimal) -> Difference:
    return Difference(
        "PROFIT_FORMULA", bet.key, f"{here}", f"{expected}", bet.at, bet.bet_id, expected - here
    )


def _flaw(kind: str, bet: Settled, ours: str, theirs: str, key: str = "") -> Difference:
    return Difference(kind, key or bet.key, ours, theirs, bet.at, bet.bet_id)
