"""Whether what serves still fits the world: what the latest drift reports found."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from models_ml.domain.drift import State
from models_ml.models import DriftReport
from models_ml.queries import drift as queries
from models_ml.services import drifting
from monitoring import registry
from monitoring.domain.findings import Finding, Severity
from monitoring.services.audit import label


def _fired(*names: str) -> Iterator[Finding]:
    """Yield what fired by one of these rules in the newest report of each version that serves."""
    for row in queries.latest_reports():
        for found in drifting.findings_of(row):
            if found.name in names and found.state == State.FIRED:
                yield Finding(
                    Severity.P3,
                    f"{row.version}: {found.text} ({found.n} rows, {row.at:%Y-%m-%d %H:%M} UTC)",
                    subject=label(row.pipeline),
                )


@registry.check("models_ml.drift", every=timedelta(minutes=5))
def features_look_as_they_were_learned(now: datetime) -> Iterator[Finding]:
    """No version sees features that moved since it learned."""
    yield from _fired("psi")


@registry.check("models_ml.brier-worse", every=timedelta(minutes=5))
def what_serves_is_as_good_as_it_was(now: datetime) -> Iterator[Finding]:
    """No version is worse than on its test part, alone or beside the market."""
    yield from _fired("brier", "cusum")


@registry.check("models_ml.calibration-drift", every=timedelta(minutes=5))
def what_is_said_happens_as_often(now: datetime) -> Iterator[Finding]:
    """No version says too much or too little of what then happens."""
    yield from _fired("calibration")


@registry.check("models_ml.rule-flag", every=timedelta(minutes=5))
def rules_are_those_that_were_learned(now: datetime) -> Iterator[Finding]:
    """No rule of a sport has changed since the version that serves learned."""
    yield from _fired("flags")


def _labels(row: DriftReport) -> dict[str, str]:
    return {"pipeline": row.pipeline.code}


@registry.gauge(
    "closingline_model_drift_breaches",
    help="Features of the serving version that stand out in its newest drift report.",
)
def breaches() -> Iterator[tuple[Mapping[str, str], float]]:
    for row in queries.latest_reports():
        yield _labels(row), float(row.breaches)


@registry.gauge(
    "closingline_model_recent_brier",
    help="Brier score (sum over classes) of the serving version on the last four weeks.",
)
def recent_briers() -> Iterator[tuple[Mapping[str, str], float]]:
    for row in queries.latest_reports():
        brier = (row.figures.get("recent") or {}).get("brier")
        if brier is not None:
            yield _labels(row), float(brier)


@registry.gauge(
    "closingline_model_drift_reported_seconds",
    help="Unix time of the newest drift report of the serving version.",
)
def reported() -> Iterator[tuple[Mapping[str, str], float]]:
    for row in queries.latest_reports():
        yield _labels(row), row.at.timestamp()
