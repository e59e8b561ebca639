"""Flaws in the data: somebody is told where a rule finds more than it tolerates."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from django.utils import timezone

from markets.queries import findings
from monitoring import registry
from monitoring.domain.findings import Finding
from monitoring.registry import Sample

KIND = "markets.quality"


@registry.check(KIND, every=timedelta(minutes=5))
def quality(now: datetime) -> Iterator[Finding]:
    """No rule of data quality has more open findings than it tolerates."""
    for tally in findings.tallies(now=now):
        if tally.is_above and tally.since is not None:
            rule = tally.rule
            of_these = f", {tally.simulated} of them simulated" if tally.simulated else ""
            yield Finding(
                rule.severity,
                f"{rule.title}: {tally.n} findings open{of_these}, tolerated are"
                f" {tally.tolerated}; the oldest of {tally.since:%Y-%m-%d %H:%M} UTC. {rule.act}",
                subject=f"quality:{rule.kind}",
            )


@registry.panel(
    "markets.quality",
    title="Data quality",
    template="markets/panel_quality.html",
    order=61,
    width=12,
)
def panel(now: datetime) -> Mapping[str, object]:
    return {"tallies": [one for one in findings.tallies(now=now) if one.n or one.dismissed]}


@registry.gauge("closingline_quality_findings", help="Open findings about the data, by rule.")
def open_findings() -> Iterable[Sample]:
    for tally in findings.tallies(now=timezone.now()):
        yield {"kind": tally.rule.kind, "state": "open"}, float(tally.n)
        yield {"kind": tally.rule.kind, "state": "dismissed"}, float(tally.dismissed)
