"""What a report on movement holds."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from markets.domain import movement


@dataclass(frozen=True, slots=True)
class OpenToClose:
    """How far the fair probabilities of one sport's markets went from opening to close.

    ``beat``: the share of opening prices that were worth more than 1 at the close.
    """

    sport: str
    kind: str
    n: int
    events: int
    moved: float | None
    value: movement.Mean
    beat: float | None
    true_openers: float | None
    moved_lines: float | None  # share of questions whose main line is not the opening one


@dataclass(frozen=True, slots=True)
class Timing:
    """The windows of one sport's markets, and which of them was clearly best, if any."""

    sport: str
    kind: str
    windows: Sequence[movement.Window]
    advice: movement.Window | None


@dataclass(frozen=True, slots=True)
class Steamed:
    """A steam move of one selection.  ``direction`` 1: its chance rose."""

    event_id: int
    event: str
    kind: str
    selection_id: int
    selection: str
    direction: int
    from_hours: float
    to_hours: float
    books: int
    change: float  # mean change of implied probability


@dataclass(frozen=True, slots=True)
class Reverse:
    """The price of what most people bet on got longer, or its line easier.

    ``line_change`` is of the selection's own handicap or total, ``change`` of implied probability
    at books whose line stayed; both the mean of the ``books`` that went against the public.
    """

    event_id: int
    event: str
    kind: str
    role: str
    public_share: float  # of the number of bets
    books: int
    line_change: float
    change: float


@dataclass(frozen=True, slots=True)
class Divergence:
    """How far a book's close was from the reference."""

    book: str
    n: int
    distance: float | None  # mean, in probability
    bias: float | None  # mean of own minus reference
    worth: float | None  # share of prices worth more than 1 by the reference


@dataclass(frozen=True, slots=True)
class Movement:
    """The whole report; lists hold the newest ones, ``…_found`` how many there were."""

    events: int
    since: datetime | None
    until: datetime | None
    open_to_close: Sequence[OpenToClose] = ()
    timing: Sequence[Timing] = ()
    steam_found: int = 0
    steam: Sequence[Steamed] = ()
    reverse_found: int = 0
    reverse: Sequence[Reverse] = ()
    divergence: Sequence[Divergence] = ()
    reference: dict[str, int] = field(default_factory=dict)  # markets by the book used
