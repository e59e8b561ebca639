"""What comes next for the bets of an arbitrage, from what stands of each.  Pure.

One bet is sent at a time, and the next one only once it is known what became of it.  What is not
matched at once is taken back.  Where a bet fell short, those not sent yet are cut to what was
matched; where a selection stays without a bet, they are not sent, and it is covered anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from betting.domain import orders, splitting
from betting.domain.orders import OrderState

NOTHING = Decimal("0.00")


class Step(StrEnum):
    """What is to be done about an arbitrage."""

    WAIT = "WAIT"  # a bet's answer is not known: nothing is sent until it is
    TAKE_BACK = "TAKE_BACK"  # what waits at its venue
    RELEASE = "RELEASE"  # what was not sent, and is not going to be
    CUT = "CUT"  # the stakes of what was not sent
    SEND = "SEND"
    COVER = "COVER"  # a selection stands without a bet, or with too small a one
    CLOSE = "CLOSE"  # every outcome is paid for
    FAIL = "FAIL"  # nothing was taken, nothing stands


@dataclass(frozen=True, slots=True)
class Leg:
    """A bet of an arbitrage as it stands; ``net`` is its price less commission."""

    bet_id: int
    selection_id: int
    state: str
    asked: Decimal
    matched: Decimal
    net: Decimal
    is_void: bool = False  # the book gave the stake back

    @property
    def is_unsent(self) -> bool:
        return self.state == OrderState.CREATED

    @property
    def is_over(self) -> bool:
        return self.state in orders.OVER

    @property
    def stands(self) -> Decimal:
        return NOTHING if self.is_void else self.matched

    @property
    def is_short(self) -> bool:
        return self.is_over and self.stands < self.asked


@dataclass(frozen=True, slots=True)
class Todo:
    """A step with the bets that it is about; ``stakes``: what they are cut to."""

    step: Step
    bets: tuple[int, ...] = ()
    stakes: tuple[Decimal, ...] = ()


@dataclass(frozen=True, slots=True)
class Position:
    """What the bets of an arbitrage come to: each selection's return, and what was staked."""

    paid: dict[int, Decimal]
    sunk: Decimal

    @property
    def profits(self) -> dict[int, Decimal]:
        """Return what each winner brings, net and signed."""
        return {selection: paid - self.sunk for selection, paid in self.paid.items()}

    @property
    def worst(self) -> Decimal:
        return min(self.profits.values())

    @property
    def best(self) -> Decimal:
        return max(self.profits.values())


def position(*, selections: Sequence[int], legs: Sequence[Leg]) -> Position:
    """Return what is matched, by who wins.

    >>> one = Leg(1, 11, "FILLED", Decimal(50), Decimal("50.00"), Decimal("2.10"))
    >>> found = position(selections=[11, 12], legs=[one])
    >>> str(found.worst), str(found.best)
    ('-50.00', '55.00')
    """
    paid = dict.fromkeys(selections, NOTHING)
    for leg in legs:
        paid[leg.selection_id] += splitting.returns(stake=leg.stands, net=leg.net)
    return Position(paid, sum((leg.stands for leg in legs), NOTHING))


def following(
    *,
    selections: Sequence[int],
    legs: Sequence[Leg],
    tolerance: Decimal,
    max_loss: Decimal,
    step: Decimal,
    least: Decimal,
) -> Todo:
    """Return what comes next; ``legs`` in the order of sending.

    Every outcome is paid for where the worst costs no more than ``tolerance``; or no more than
    ``max_loss``, where all bring about the same, so that nothing is left to be covered.  ``step``
    and ``least`` are those of stakes.
    """
    if any(leg.state in (OrderState.SUBMITTED, OrderState.UNKNOWN) for leg in legs):
        return Todo(Step.WAIT)
    if waiting := tuple(leg.bet_id for leg in legs if leg.state in orders.WAITING):
        return Todo(Step.TAKE_BACK, waiting)
    unsent = [leg for leg in legs if leg.is_unsent]
    sent = [leg for leg in legs if not leg.is_unsent]
    if unsent:
        return _go_on(selections, sent, unsent, step=step, least=least)
    stands = position(selections=selections, legs=legs)
    if not stands.sunk:
        return Todo(Step.FAIL)
    is_even = stands.best - stands.worst <= tolerance + least
    is_paid = stands.worst >= -tolerance or (is_even and stands.worst >= -max_loss)
    return Todo(Step.CLOSE if is_paid else Step.COVER)


def _go_on(
    selections: Sequence[int],
    sent: Sequence[Leg],
    unsent: Sequence[Leg],
    *,
    step: Decimal,
    least: Decimal,
) -> Todo:
    """Send the next bet, cut to what was matched where one before it fell short."""
    if not any(leg.is_short for leg in sent):
        return Todo(Step.SEND, (unsent[0].bet_id,))
    release = Todo(Step.RELEASE, tuple(leg.bet_id for leg in unsent))
    stands = position(selections=selections, legs=sent)
    open_ = {leg.selection_id: leg for leg in unsent}
    if any(not paid and selection not in open_ for selection, paid in stands.paid.items()):
        return release
    found = splitting.split(
        slots=[
            _slot(stands.paid[selection], open_.get(selection), step=step, least=least)
            for selection in selections
        ],
        sunk=stands.sunk,
        total=sum((leg.asked for leg in unsent), NOTHING),
    )
    stakes = dict(zip(selections, found.stakes, strict=True))
    cut = tuple(stakes[leg.selection_id] for leg in unsent)
    if not all(cut):
        return release
    if cut != tuple(leg.asked for leg in unsent):
        return Todo(Step.CUT, tuple(leg.bet_id for leg in unsent), cut)
    return Todo(Step.SEND, (unsent[0].bet_id,))


def _slot(paid: Decimal, leg: Leg | None, *, step: Decimal, least: Decimal) -> splitting.Slot:
    if leg is None:
        return splitting.Slot(paid=paid)
    return splitting.Slot(net=leg.net, paid=paid, step=step, least=least, most=leg.asked)
