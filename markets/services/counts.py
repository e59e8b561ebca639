"""What a load changed."""

from dataclasses import asdict, dataclass, field

from markets.connectors.base import Problem


@dataclass(slots=True)
class EventCounts:
    new: int = 0
    changed: int = 0
    unchanged: int = 0


@dataclass(slots=True)
class PriceCounts:
    """Every usable price on offer is one or the other; only changes are new."""

    new: int = 0
    unchanged: int = 0


@dataclass(slots=True)
class ResultCounts:
    new: int = 0
    corrected: int = 0
    unchanged: int = 0


@dataclass(slots=True)
class Counts:
    """What a batch changed, what it held that could not be used, and its events' ids by ref."""

    events: EventCounts = field(default_factory=EventCounts)
    prices: PriceCounts = field(default_factory=PriceCounts)
    results: ResultCounts = field(default_factory=ResultCounts)
    problems: list[Problem] = field(default_factory=list)
    event_ids: dict[str, int] = field(default_factory=dict)

    @property
    def changed_anything(self) -> bool:
        return bool(
            self.events.new
            or self.events.changed
            or self.prices.new
            or self.results.new
            or self.results.corrected
        )

    def as_json(self) -> dict[str, dict[str, int]]:
        """Return the counts alone, ready for JSON."""
        return {
            "events": asdict(self.events),
            "prices": asdict(self.prices),
            "results": asdict(self.results),
        }
