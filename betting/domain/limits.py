"""How much money the limits of a bankroll still allow.  Pure: amounts in, amounts out.

What is used counts over the whole bankroll, whichever strategy placed it; each strategy
measures that against its own caps, so no two of them can together pass the stricter one's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from betting.domain import staking


@dataclass(frozen=True, slots=True)
class Caps:
    """Greatest shares of the balance: one bet, open on one event, staked in a day, open at all."""

    stake: float
    event: float
    day: float
    open: float


@dataclass(slots=True)
class Usage:
    """Liability that stands in a bankroll now; ``take`` adds to it as a batch goes on."""

    balance: Decimal
    open_total: Decimal = Decimal("0")
    day_total: Decimal = Decimal("0")
    open_by_event: dict[int, Decimal] = field(default_factory=dict)

    def take(self, *, event_id: int, amount: Decimal) -> None:
        """Count a bet of this batch, so that the next one sees it."""
        self.open_total += amount
        self.day_total += amount
        self.open_by_event[event_id] = self.open_by_event.get(event_id, Decimal("0")) + amount


def rooms(*, usage: Usage, caps: Caps, event_id: int) -> list[staking.Cut]:
    """Return what each limit still allows for a bet on this event, named by its reason.

    >>> usage = Usage(Decimal("1000"), open_by_event={7: Decimal("25")}, open_total=Decimal("25"))
    >>> rooms(usage=usage, caps=Caps(stake=0.02, event=0.03, day=0.15, open=0.25), event_id=7)[0]
    ('EVENT_LIMIT', Decimal('5.00'))
    """
    balance = usage.balance
    on_event = usage.open_by_event.get(event_id, Decimal("0"))
    return [
        ("EVENT_LIMIT", staking.share_of(balance, caps.event) - on_event),
        ("DAY_LIMIT", staking.share_of(balance, caps.day) - usage.day_total),
        ("OPEN_LIMIT", staking.share_of(balance, caps.open) - usage.open_total),
        ("NO_FUNDS", balance - usage.open_total),
    ]


def refusal(*, usage: Usage, caps: Caps, event_id: int, amount: Decimal) -> str:
    """Return the first limit that a bet of this liability would pass, or ""."""
    allowed: Mapping[str, Decimal] = {
        "STAKE_LIMIT": staking.share_of(usage.balance, caps.stake),
        **dict(rooms(usage=usage, caps=caps, event_id=event_id)),
    }
    return next((name for name, room in allowed.items() if amount > room), "")
