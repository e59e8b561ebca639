"""What was read of one payload so far."""

import unicodedata
from dataclasses import dataclass, field
from datetime import datetime

from markets.connectors.base import ParsedEvent, ParsedPrice, Problem
from markets.connectors.pinnacle.quotes import Context
from markets.domain import moments


class Rejected(ValueError):
    """A record that cannot be used: its field, and what was expected."""

    def __init__(self, field: str, expected: str) -> None:
        super().__init__(expected)
        self.field = field


@dataclass(slots=True)
class Told:
    """The facts of a payload; ``sport`` is "" where the payload tells none."""

    name: str
    fetched_at: datetime
    is_american: bool = True
    sport: str = ""
    records: int = 0
    events: dict[str, ParsedEvent] = field(default_factory=dict)
    prices: list[ParsedPrice] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def tell(self, record: int, field: str, message: str, *, is_rejection: bool = False) -> None:
        self.problems.append(Problem(self.name, record, field, message[:500], is_rejection))

    def reject(self, record: int, field: str, message: str) -> None:
        self.tell(record, field, message, is_rejection=True)

    def add(self, event: ParsedEvent) -> None:
        """Add an event.

        Raises:
            Rejected: it was told already.
        """
        first = self.events.setdefault(event.ref, event)
        if first is not event:
            raise Rejected("id", f"a match-up that is not in element {first.record} already")

    def known_only(self, ref: str) -> int:
        """Return the record of an event of which only the id is told."""
        if ref not in self.events:
            self.records += 1
            self.events[ref] = ParsedEvent(
                ref, "", "", id=ref, is_known_only=True, record=self.records
            )
        return self.events[ref].record

    def context(self, ref: str, record: int, *, sport: str) -> Context:
        return Context(
            ref=ref,
            record=record,
            sport=sport,
            seen_at=self.fetched_at,
            is_american=self.is_american,
            tell=lambda field, message: self.tell(record, field, message),
        )


def names(home: str, away: str) -> tuple[str, str]:
    """Return both sides' names, composed and with single spaces.

    Raises:
        Rejected: one is no name, or they are the same.
    """
    told = [unicodedata.normalize("NFC", " ".join(name.split())) for name in (home, away)]
    for name in told:
        if not name or not name.isprintable() or len(name) > 120:
            raise Rejected("name", "a name of up to 120 printable characters")
    if told[0] == told[1]:
        raise Rejected("name", f"another side than {told[0]!r}")
    return told[0], told[1]


def start(text: str, field: str) -> datetime:
    """Return when a match-up starts.

    Raises:
        Rejected: it is no time with an offset.
    """
    try:
        return moments.stamp(text)
    except moments.BadMoment as wrong:
        raise Rejected(field, str(wrong)) from wrong
