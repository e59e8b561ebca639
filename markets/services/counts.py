"""What a load changed."""

from dataclasses import asdict, dataclass, field
from typing import NamedTuple

from markets.connectors.base import Problem
from markets.connectors.columns import Ints

RESULTS = ("new", "corrected", "unchanged")


@dataclass(slots=True)
class EventCounts:
    new: int = 0
    changed: int = 0
    unchanged: int = 0


@dataclass(slots=True)
class PriceCounts:
    """Every usable price on offer is new or unchanged; only changes are new.

    ``changed_records``: whose records brought a change; ``refused``: how many prices were turned
    away, by the reason, those that are too old to be live but kept among them.
    """

    new: int = 0
    unchanged: int = 0
    changed_records: Ints | None = None
    refused_records: Ints | None = None
    refused: dict[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, int]:
        return {"new": self.new, "unchanged": self.unchanged}


@dataclass(slots=True)
class ResultCounts:
    """``completed``: something was added, and nothing told otherwise."""

    new: int = 0
    completed: int = 0
    corrected: int = 0
    unchanged: int = 0


@dataclass(slots=True)
class NewsCounts:
    new: int = 0
    changed: int = 0
    unchanged: int = 0


class RowCounts(NamedTuple):
    """How the records that were read ended: ``read`` is the sum of the four."""

    read: int = 0
    loaded: int = 0
    unchanged: int = 0
    parked: int = 0
    rejected: int = 0

    def plus(self, other: "RowCounts") -> "RowCounts":
        """Return both together.

        >>> RowCounts(2, 1, 1).plus(RowCounts(3, 0, 0, 2, 1))
        RowCounts(read=5, loaded=1, unchanged=1, parked=2, rejected=1)
        """
        return RowCounts(*(mine + its for mine, its in zip(self, other, strict=True)))


@dataclass(slots=True)
class Counts:
    """What a batch changed, what it held that could not be used, and its events' ids by ref."""

    events: EventCounts = field(default_factory=EventCounts)
    prices: PriceCounts = field(default_factory=PriceCounts)
    results: ResultCounts = field(default_factory=ResultCounts)
    notices: NewsCounts = field(default_factory=NewsCounts)
    rows: RowCounts = field(default_factory=RowCounts)
    problems: list[Problem] = field(default_factory=list)
    event_ids: dict[str, int] = field(default_factory=dict)

    @property
    def changed_anything(self) -> bool:
        return bool(
            self.events.new
            or self.events.changed
            or self.prices.new
            or self.results.new
            or self.results.completed
            or self.results.corrected
            or self.notices.new
            or self.notices.changed
            or self.rows.loaded
        )

    def as_json(self) -> dict[str, dict[str, int]]:
        """Return what changed and what did not, ready for JSON."""
        results = {name: getattr(self.results, name) for name in RESULTS}
        if self.results.completed:
            results["completed"] = self.results.completed
        return {
            "events": asdict(self.events),
            "prices": self.prices.as_json(),
            "results": results,
            "notices": asdict(self.notices),
        }
