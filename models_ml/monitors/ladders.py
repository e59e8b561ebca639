"""Whether events are looked at when they should be."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from models_ml import queries
from monitoring import registry
from monitoring.domain.findings import Finding, Severity
from monitoring.services.audit import label

SHOWN = 5  # events named in a finding


@registry.check("models_ml.stage-missed", every=timedelta(minutes=1))
def every_event_gets_its_final_look(now: datetime) -> Iterator[Finding]:
    """No event whose final stage has opened lacks that stage's feature row."""
    for pipeline in queries.served_pipelines():
        if missed := queries.missed_stages(pipeline=pipeline, now=now):
            named = ", ".join(str(event_id) for event_id in missed[:SHOWN])
            more = f" and {len(missed) - SHOWN} more" if len(missed) > SHOWN else ""
            yield Finding(
                Severity.P2,
                f"{pipeline}: final stage not looked at for event {named}{more}",
                subject=label(pipeline),
            )
