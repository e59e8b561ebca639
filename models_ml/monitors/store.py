"""Whether the store is whole, and filled every night."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from models_ml.queries import store
from monitoring import registry
from monitoring.domain.findings import Finding, Severity


@registry.check("models_ml.cache-damaged", every=timedelta(minutes=5))
def the_store_is_what_was_written(now: datetime) -> Iterator[Finding]:
    """No file of the store is damaged, and nothing came out otherwise than it was kept."""
    for row in store.damaged_parts():
        yield Finding(
            Severity.P2, row.note or f"{row.part} is damaged", subject=f"store:{row.part}"
        )
    for run in store.latest_runs():
        if run.differences and not run.is_rebuild:
            yield Finding(
                Severity.P2,
                f"{run}: {run.differences} rows came out otherwise than they were kept, though"
                " nothing known before them had changed",
                subject=f"store:{run.sport.code}-{'simulated' if run.is_simulated else 'real'}",
            )


@registry.check("models_ml.etl-late", every=timedelta(minutes=30))
def the_store_is_filled_every_night(now: datetime) -> Iterator[Finding]:
    """No sport's store was filled longer than a night and two hours ago."""
    for run in store.late_runs(now=now):
        yield Finding(
            Severity.P3,
            f"the store of {run.sport} was filled last at {run.watermark:%Y-%m-%d %H:%M} UTC",
            subject=f"store:{run.sport.code}-{'simulated' if run.is_simulated else 'real'}",
        )
