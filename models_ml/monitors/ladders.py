"""Whether events are looked at when they should be."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from models_ml import queries
from models_ml.queries import Overlooked
from monitoring import registry
from monitoring.domain.findings import Finding, Severity
from monitoring.services.audit import label

SHOWN = 5  # events named in a finding
#: What of a simulated league may be missed: its minutes pass in a sixth of a second.
TOLERATED = 0.05


@registry.check("models_ml.stage-missed", every=timedelta(minutes=1))
def every_event_gets_its_looks(now: datetime) -> Iterator[Finding]:
    """No look that was due was missed, or still waits; the final one least of all."""
    missed = queries.overlooked(now=now)
    taken = queries.taken_lately(now=now)
    for pipeline in queries.served_pipelines():
        mine = [
            one
            for one in missed
            if (one.sport_id, one.is_simulated, one.feature_set)
            == (pipeline.sport_id, pipeline.is_simulated, pipeline.feature_set)
        ]
        total = len(mine) + taken.get((pipeline.sport_id, pipeline.feature_set), 0)
        if not mine or (pipeline.is_simulated and len(mine) <= TOLERATED * total):
            continue
        final = [one for one in mine if one.is_final]
        worst = Severity.P1 if final else Severity.P2
        severity = Severity.P3 if pipeline.is_simulated else worst
        yield Finding(severity, f"{pipeline}: {_told(final or mine)}", subject=label(pipeline))


def _told(missed: list[Overlooked]) -> str:
    which = "final stage" if missed[0].is_final else "an earlier stage"
    events = list(dict.fromkeys(one.event_id for one in missed))
    named = ", ".join(str(event_id) for event_id in events[:SHOWN])
    more = f" and {len(events) - SHOWN} more" if len(events) > SHOWN else ""
    why = next((f" ({one.why})" for one in missed if one.why), "")
    return f"{which} not looked at for event {named}{more}{why}"
