"""What the price history hangs on monitoring: its size, its partitions, the closes."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from django.utils import timezone

from markets import queries
from markets.services import partitions
from monitoring import registry
from monitoring.domain.findings import Finding, Severity
from monitoring.registry import Sample

PARTITION_MISSING = "markets.partition-missing"


@registry.check(PARTITION_MISSING, every=timedelta(minutes=10))
def partition_missing(now: datetime) -> Iterator[Finding]:
    """The partitions of this month and the next one stand before the first row needs them."""
    if missing := partitions.missing(now=now):
        yield Finding(
            Severity.P2,
            f"{len(missing)} monthly partitions do not stand: {', '.join(missing)}",
            subject="markets.PriceSnapshot",
        )


@registry.response(
    "markets.make-partitions",
    title="Make the missing partitions",
    kinds=[PARTITION_MISSING],
    permission="markets.change_event",
)
def make_partitions(*, subject: str, actor: str, reason: str, now: datetime) -> str:
    made = partitions.ensure_ahead(now=now)
    return f"made {', '.join(made)}" if made else "they stand already"


@registry.gauge("closingline_closes_due", help="Events that started and have no closes yet.")
def closes_due() -> Iterable[Sample]:
    yield {}, float(queries.events_awaiting_close(as_of=timezone.now()).count())
