"""How the service of predictions fares: what its processes told of themselves, together."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from models_ml.models import ServiceFigure

ALIVE = timedelta(minutes=10)  # a process that answers tells of itself more often
ENOUGH = 100  # calls, below which no percentile is one


@dataclass(frozen=True, slots=True)
class Service:
    """Counts of several processes; ``buckets``: how many answers took at most so long."""

    calls: int
    hits: int
    misses: int
    seconds: float
    buckets: dict[str, int]

    @property
    def hit_percent(self) -> float | None:
        """Return the hit ratio as a number of hundredths."""
        return None if self.hit_ratio is None else 100.0 * self.hit_ratio

    @property
    def hit_ratio(self) -> float | None:
        """Return which share of what may be kept was answered from what was kept."""
        asked = self.hits + self.misses
        return self.hits / asked if asked else None

    def percentile(self, share: float) -> float | None:
        """Return the bound under which this share of the answers took, None where there are few."""
        if self.calls < ENOUGH:
            return None
        counted = 0
        for name, count in sorted(self.buckets.items(), key=lambda pair: float(pair[0])):
            counted += count
            if counted >= share * self.calls:
                return float(name)
        return None


def service(*, since: datetime | None = None) -> Service:
    """Return the counts of every process, or of those that told of themselves since then."""
    rows = ServiceFigure.objects.all()
    if since is not None:
        rows = rows.filter(at__gte=since)
    calls = hits = misses = 0
    seconds, buckets = 0.0, dict[str, int]()
    for row in rows:
        calls, hits, misses = calls + row.calls, hits + row.hits, misses + row.misses
        seconds += row.seconds
        for name, count in row.buckets.items():
            buckets[name] = buckets.get(name, 0) + int(count)
    return Service(calls, hits, misses, seconds, buckets)
