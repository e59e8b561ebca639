"""What every venue is to us: a place that takes tickets, and answers for our references."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol, runtime_checkable

from monitoring.errors import PermanentlyFailed, TemporarilyFailed


class VenueRejected(PermanentlyFailed):
    """The venue answered, and took none of these tickets."""


class VenueUnknown(TemporarilyFailed):
    """No answer came (a time-out, a cut line): the tickets may or may not have been taken.

    Nothing is sent again; the venue is asked by our references.
    """


class State(enum.StrEnum):
    """What a venue says of one of our references."""

    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    UNKNOWN = "UNKNOWN"
    CANCELLED = "CANCELLED"  # what was not matched is taken back


@dataclass(frozen=True, slots=True)
class Ticket:
    """One bet as it is sent.  ``price`` is the least we take, ``asked_at`` the logical time."""

    client_ref: str
    event_id: int
    market_kind: str
    selection_id: int
    book_id: int
    side: str
    price: Decimal
    stake: Decimal
    asked_at: datetime
    currency: str = ""
    is_replay: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one reference.  ``price`` is the matched one, None where not told.

    ``matched`` is how much was taken; None is all of it where ACCEPTED, else nothing.  ``waits``:
    more of it may be matched.  ``latency_ms`` is told by a venue that knows better than our clock.
    """

    client_ref: str
    state: State
    venue_ref: str = ""
    price: Decimal | None = None
    reason: str = ""
    matched: Decimal | None = None
    waits: bool = False
    latency_ms: int | None = None


class Venue(Protocol):
    """The same reference twice is one order, answered twice alike."""

    def place(self, tickets: Sequence[Ticket]) -> Sequence[Answer]:
        """Take a batch of tickets.

        Raises:
            VenueRejected: none of them was taken.
            VenueUnknown: nobody knows which were.
        """

    def ask(self, client_refs: Sequence[str], *, now: datetime) -> Sequence[Answer]:
        """Say what became of references sent before.

        REJECTED is final: a reference that never arrived can no longer arrive afterwards.
        """


@runtime_checkable
class Cancelling(Protocol):
    """What a venue has besides that can take orders back."""

    def cancel(self, client_refs: Sequence[str], *, now: datetime) -> Sequence[Answer]:
        """Take back what is not matched of these references, and say what became of each.

        A reference that has not arrived can no longer arrive afterwards.  Never called without
        references: there are exchanges where an empty list means every order of the account.
        """
