"""What becomes of an order between our intent and its last word.  Pure.

An order is what was asked of a venue, and its bet is what stands of it: the part that was
matched, and the part that may still be.  What was asked never changes once it was sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import StrEnum

NOTHING = Decimal("0.00")
_THOUSANDTH = Decimal("0.001")


class OrderState(StrEnum):
    CREATED = "CREATED"  # our intent is on disk, and was not sent
    SUBMITTED = "SUBMITTED"  # it is being sent: the venue may know it
    UNKNOWN = "UNKNOWN"  # it was sent, and the venue did not answer
    ACCEPTED = "ACCEPTED"  # the venue has it, and nothing is matched
    PARTIAL = "PARTIAL"  # a part is matched, the rest waits
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"  # taken back by us; what was matched before stands
    LAPSED = "LAPSED"  # ended by the venue; what was matched before stands
    REJECTED = "REJECTED"


State = OrderState
WAITING = (State.ACCEPTED, State.PARTIAL)  # the venue may match more of it
OVER = (State.FILLED, State.CANCELLED, State.LAPSED, State.REJECTED)
_ANSWERS = frozenset({*WAITING, *OVER})

#: CREATED may be answered too: a bet recorded by hand is sent nowhere.
TRANSITIONS: Mapping[State, frozenset[State]] = {
    State.CREATED: _ANSWERS | {State.SUBMITTED, State.UNKNOWN},
    State.SUBMITTED: _ANSWERS | {State.UNKNOWN},
    State.UNKNOWN: _ANSWERS,
    State.ACCEPTED: frozenset({State.PARTIAL, State.FILLED, State.CANCELLED, State.LAPSED}),
    State.PARTIAL: frozenset({State.FILLED, State.CANCELLED, State.LAPSED}),
    **{state: frozenset() for state in OVER},
}


def may_become(old: str, new: str) -> bool:
    """Tell whether an order may go from one state to another; staying is no step.

    >>> may_become("SUBMITTED", "PARTIAL"), may_become("FILLED", "CANCELLED")
    (True, False)
    """
    return old == new or State(new) in TRANSITIONS[State(old)]


@dataclass(frozen=True, slots=True)
class Order:
    """What was asked, how much of it is matched, and at which average price."""

    state: State
    asked_stake: Decimal
    asked_price: Decimal
    matched_stake: Decimal = NOTHING
    matched_price: Decimal | None = None
    is_lay: bool = False

    @property
    def is_over(self) -> bool:
        return self.state in OVER

    @property
    def stake(self) -> Decimal:
        """What stands: all that was asked while more may be matched, then what was matched.

        An order that ended without a match stands for nothing, and keeps the stake asked for.
        """
        return self.matched_stake if self.is_over and self.matched_stake else self.asked_stake

    @property
    def price(self) -> Decimal:
        """The average price of what stands, the waiting part at the price asked.

        So ``stake`` x (``price`` - 1) is what a lay can still lose; it is rounded against us.

        >>> half = Order(State.PARTIAL, Decimal(10), Decimal("2.2"), Decimal(5), Decimal("2.3"))
        >>> half.price, replace(half, state=State.LAPSED).price
        (Decimal('2.250'), Decimal('2.3'))
        """
        if self.matched_price is None:
            return self.asked_price
        if self.is_over:
            return self.matched_price
        waiting = self.asked_stake - self.matched_stake
        worth = self.matched_stake * self.matched_price + waiting * self.asked_price
        rounding = ROUND_CEILING if self.is_lay else ROUND_FLOOR
        return (worth / self.asked_stake).quantize(_THOUSANDTH, rounding=rounding)

    @property
    def status(self) -> str:
        """What the bet is by its order, before it is settled."""
        if self.matched_stake or self.state in WAITING:
            return "ACCEPTED"
        return {
            State.CREATED: "RESERVED",
            State.SUBMITTED: "RESERVED",
            State.LAPSED: "CANCELLED",
        }.get(self.state, str(self.state))


@dataclass(frozen=True, slots=True)
class Said:
    """What a venue says of an order: ACCEPTED, REJECTED, CANCELLED or UNKNOWN, and of how much.

    ``matched`` None is all of it where accepted, and nothing else; ``waits``: more may follow.
    """

    word: str
    matched: Decimal | None = None
    price: Decimal | None = None
    waits: bool = False


def overfilled(order: Order, said: Said) -> bool:
    """Tell whether more is said to be matched than was asked for."""
    return said.matched is not None and said.matched > order.asked_stake


def after(order: Order, said: Said) -> Order:
    """Return the order as it is after an answer; the same one where the answer is old news.

    What is over stays as it is, and what is matched stays matched.  An answer that cannot be
    true leaves an order without an answer unknown, and changes nothing of one that stands.

    >>> sent = Order(State.SUBMITTED, Decimal("10.00"), Decimal("2.20"))
    >>> part = after(sent, Said("ACCEPTED", Decimal("4.00"), Decimal("2.22"), waits=True))
    >>> part.state, part.stake, after(part, Said("CANCELLED", Decimal("4.00"))).stake
    (<OrderState.PARTIAL: 'PARTIAL'>, Decimal('10.00'), Decimal('4.00'))
    """
    if order.is_over:
        return order
    if said.word == State.UNKNOWN or overfilled(order, said):
        is_new = order.state in (State.CREATED, State.SUBMITTED)
        return replace(order, state=State.UNKNOWN) if is_new else order
    whole = order.asked_stake if said.word == State.ACCEPTED else NOTHING
    told = whole if said.matched is None else said.matched
    if told < order.matched_stake and said.waits:
        return order
    matched, price = order.matched_stake, order.matched_price
    if told > matched or (told == matched and said.price is not None and matched):
        matched, price = told, said.price or order.asked_price
    found = replace(order, matched_stake=matched, matched_price=price)
    return replace(found, state=_state(found, said))


def _state(order: Order, said: Said) -> State:
    """Return the state of an order whose matched part is up to date."""
    if order.matched_stake == order.asked_stake:
        return State.FILLED
    if said.waits:
        return State.PARTIAL if order.matched_stake else State.ACCEPTED
    if said.word == State.CANCELLED:
        return State.CANCELLED
    stood = order.state in WAITING or bool(order.matched_stake)
    return State.REJECTED if said.word == State.REJECTED and not stood else State.LAPSED
