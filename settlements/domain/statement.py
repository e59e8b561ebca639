"""What a statement of an account says: what was there, what moved and why, what is there.  Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

ZERO = Decimal("0.00")
OF_A_BET = ("SETTLEMENT", "COMMISSION")


@dataclass(frozen=True, slots=True)
class Line:
    """One movement of an account; ``amount`` is signed, ``balance`` is what was there after it."""

    id: int
    at: datetime
    kind: str
    reference: str
    amount: Decimal
    balance: Decimal
    other: str  # the account on the other side
    reverses: str = ""  # the reference of the movement that it takes back
    bet: int | None = None
    bet_reference: str = ""
    event: str = ""
    selection: str = ""
    outcome: str = ""

    @property
    def cause(self) -> str:
        """Say in words why the money moved."""
        if self.reverses:
            return f"Takes back {self.reverses}{self._about_bet(', ')}"
        if self.kind in OF_A_BET and self.bet is not None:
            return self._about_bet("")
        return own_reference(self.reference)

    def _about_bet(self, before: str) -> str:
        if self.bet is None:
            return ""
        about = ", ".join(part for part in (self.event, self.selection) if part)
        return f"{before}Bet #{self.bet} {self.outcome}".rstrip() + (f": {about}" if about else "")


@dataclass(frozen=True, slots=True)
class KindSum:
    """The movements of one kind in a period: how many, what came in, what went out (negative)."""

    kind: str
    n: int
    came: Decimal
    went: Decimal

    @property
    def net(self) -> Decimal:
        return self.came + self.went


@dataclass(frozen=True, slots=True)
class Head:
    """The sums of a statement, all of one moment: [``since``, ``until``)."""

    account: int
    name: str
    kind: str
    currency: str
    time_zone: str
    since: datetime
    until: datetime
    opening: Decimal
    kinds: Sequence[KindSum]
    last_id: int  # the newest transfer that the sums know of: no line is newer

    @property
    def moved(self) -> Decimal:
        return sum((one.net for one in self.kinds), ZERO)

    @property
    def closing(self) -> Decimal:
        return self.opening + self.moved

    @property
    def n(self) -> int:
        return sum(one.n for one in self.kinds)


def own_reference(reference: str) -> str:
    """Return the part of a movement's reference that a person gave it.

    >>> own_reference("deposit:4:bank 17:3"), own_reference("odd")
    ('bank 17:3', 'odd')
    """
    _, _, rest = reference.partition(":")
    return rest.partition(":")[2] or reference
