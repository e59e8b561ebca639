"""Whether searches for parameters get on."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from models_ml.queries import searches
from models_ml.services import searching
from monitoring import registry
from monitoring.domain.findings import Finding, Severity
from monitoring.services.audit import label

PATIENCE = timedelta(minutes=10)  # one run of a search asks for the next before it ends


@registry.check("models_ml.search-stalled", every=timedelta(minutes=5))
def searches_get_on(now: datetime) -> Iterator[Finding]:
    """No search is under way that no run carries on: one was cancelled or lost, and its next."""
    found = searches.stalled(step=searching.STEP, trial=searching.TRIAL, patience=PATIENCE, now=now)
    for search, since in found:
        yield Finding(
            Severity.P3,
            f"{search}: nothing has carried it on since {since:%Y-%m-%d %H:%M} UTC",
            subject=label(search),
        )
