"""What every venue is to us: a place that takes tickets, and answers for our references."""

import enum
from collections.abc import Mapping, Sequence
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


@dataclass(frozen=True, slots=True)
class Heart:
    """A venue's answer to our heartbeat: what it did about a silence, "" where nothing."""

    acted: str
    seconds: int  # after so long without the next one it takes back what is not matched


@runtime_checkable
class Watching(Protocol):
    """What a venue has besides that takes our orders back once it does not hear of us."""

    @property
    def is_on(self) -> bool:
        """Tell whether we bet there at all."""

    def keep_alive(self, *, seconds: int) -> Heart:
        """Say that we are there.

        Raises:
            OutsideFailed: it did not hear us, or did not say so.
        """


@dataclass(frozen=True, slots=True)
class Foreign:
    """An order on our account as the venue tells it, whoever placed it.

    ``told_ref`` is whatever reference it carries.  ``stands``: it may still lose money; else it
    was settled, voided or ended without a match.
    """

    venue_ref: str
    told_ref: str
    market_ref: str
    runner_ref: str
    side: str
    price: Decimal
    stake: Decimal
    matched: Decimal
    matched_price: Decimal | None
    waits: bool
    placed_at: datetime
    stands: bool = True


@runtime_checkable
class Telling(Protocol):
    """What a venue has besides that tells of every order of the account.

    Attributes:
        namespace: under which sources keep the venue's ids of markets and selections.
        book_code: the book that it is.
    """

    namespace: str
    book_code: str

    @property
    def is_on(self) -> bool:
        """Tell whether we bet there at all."""

    def standing(self, *, since: datetime) -> Sequence[Foreign]:
        """Return the orders that stand, and those that were settled since.

        Raises:
            OutsideFailed: it did not tell.
        """


class Ending(enum.StrEnum):
    """How an order ended at a venue."""

    SETTLED = "SETTLED"
    VOIDED = "VOIDED"  # matched, and called off afterwards
    LAPSED = "LAPSED"  # what was not matched, ended by the venue
    CANCELLED = "CANCELLED"  # what was not matched, taken back by the account


@dataclass(frozen=True, slots=True)
class Cleared:
    """An order, or the part of one, that ended at a venue, as the venue tells it.

    ``profit`` is signed and before commission.  ``outcome`` is the bet's, "" where not told.
    ``is_reduced``: its price was lowered after it was matched.
    """

    venue_ref: str
    told_ref: str
    market_ref: str
    ending: Ending
    size: Decimal
    price: Decimal | None
    profit: Decimal
    ended_at: datetime
    side: str = ""
    outcome: str = ""
    is_reduced: bool = False


@runtime_checkable
class Clearing(Protocol):
    """What a venue has besides that keeps an account for us and tells how its orders ended."""

    book_code: str

    @property
    def is_on(self) -> bool:
        """Tell whether we bet there at all."""

    def currency(self) -> str:
        """Return the account's currency.

        Raises:
            OutsideFailed: it did not tell.
        """

    def balance(self) -> Decimal:
        """Return what lies in the account, the stakes of what is open with it.

        Raises:
            OutsideFailed: it did not tell.
        """

    def cleared(self, *, since: datetime, until: datetime) -> Sequence[Cleared]:
        """Return every order of the account that ended from ``since`` until before ``until``.

        Raises:
            OutsideFailed: it did not tell all of them.
        """

    def charged(self, *, since: datetime, until: datetime) -> Mapping[str, Decimal]:
        """Return the commission taken on each market that was settled in that time.

        Raises:
            OutsideFailed: it did not tell all of them.
        """


@runtime_checkable
class Cancelling(Protocol):
    """What a venue has besides that can take orders back."""

    def cancel(self, client_refs: Sequence[str], *, now: datetime) -> Sequence[Answer]:
        """Take back what is not matched of these references, and say what became of each.

        A reference that has not arrived can no longer arrive afterwards.  Never called without
        references: there are exchanges where an empty list means every order of the account.
        """
