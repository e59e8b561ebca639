"""Names that nobody has mapped, and the records that wait for them."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from markets.domain import levels
from markets.queries import names
from monitoring import registry, thresholds
from monitoring.domain.findings import Finding, Severity
from monitoring.registry import Sample

KIND = "markets.names-unknown"


@registry.check(KIND, every=timedelta(minutes=10))
def names_unknown(now: datetime) -> Iterator[Finding]:
    """No record waits for long for a name or an event."""
    longest = thresholds.span(levels.NAMES_WAIT)
    for backlog in names.backlogs():
        if backlog.since is None or now - backlog.since < longest:
            continue
        yield Finding(
            Severity.P3,
            f"{backlog.source}: {backlog.rows} records wait, {backlog.names} names are unknown,"
            f" since {backlog.since:%Y-%m-%d %H:%M} UTC",
            subject=f"markets.Source:{backlog.source_id}",
        )


@registry.gauge("closingline_names_unknown", help="Names that nobody has mapped, by source.")
def unknown_names() -> Iterable[Sample]:
    for backlog in names.backlogs():
        yield {"source": backlog.code}, float(backlog.names)


@registry.gauge("closingline_rows_parked", help="Records that wait for a name or an event.")
def parked_rows() -> Iterable[Sample]:
    for backlog in names.backlogs():
        yield {"source": backlog.code}, float(backlog.rows)
