"""Whether what serves is whole, and how good it is."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from models_ml import queries
from models_ml.queries import figures
from models_ml.services import loading, proposing
from models_ml.services.storing import DamagedArtefact
from monitoring import registry
from monitoring.domain.findings import Finding, Severity
from monitoring.services.audit import label

WARNING = timedelta(days=7)  # before a version expires
PATIENCE = timedelta(days=3)  # with those who decide on a proposal


@registry.check("models_ml.artefact-damaged", every=timedelta(minutes=5))
def artefacts_are_what_was_written(now: datetime) -> Iterator[Finding]:
    """The files of every version that serves, or would step in, are there and unchanged."""
    for version in queries.serving_versions():
        try:
            loading.check_file(version=version)
        except (DamagedArtefact, loading.FeaturesChanged) as error:
            serves = version.stage == version.Stage.PRODUCTION
            severity = Severity.P1 if serves else Severity.P2
            yield Finding(severity, str(error), subject=label(version))


@registry.check("models_ml.version-expired", every=timedelta(minutes=5))
def what_serves_learned_lately(now: datetime) -> Iterator[Finding]:
    """No version in production learned so long ago that it may serve no more, or soon may not."""
    for version, expiry in queries.expiries():
        learned = f"{version} learned until {version.trained_until:%Y-%m-%d}"
        if expiry <= now:
            yield Finding(
                Severity.P1,
                f"{learned} and expired on {expiry:%Y-%m-%d}: it foretells nothing any more",
                subject=label(version),
            )
        elif expiry <= now + WARNING:
            yield Finding(
                Severity.P3,
                f"{learned} and expires on {expiry:%Y-%m-%d %H:%M} UTC",
                subject=label(version),
            )


@registry.check("models_ml.proposal-waiting", every=timedelta(minutes=30))
def proposals_are_decided_in_time(now: datetime) -> Iterator[Finding]:
    """No open proposal waits for days, whether for a gate, an approval or the promotion."""
    for waiting in proposing.waiting(now=now):
        if now - waiting.proposal.proposed_at >= PATIENCE:
            yield Finding(
                Severity.P3,
                f"{waiting.proposal} waits since {waiting.proposal.proposed_at:%Y-%m-%d %H:%M} UTC:"
                f" {waiting.text}; it expires on {waiting.expires_at:%Y-%m-%d}",
                subject=label(waiting.proposal),
            )


@registry.panel(
    "models_ml.models", title="Models", template="models_ml/panel_models.html", order=50, width=6
)
def models(now: datetime) -> Mapping[str, object]:
    waiting = {one.proposal.version.pipeline_id: one for one in proposing.waiting(now=now)}
    rows = [(row, waiting.get(row.pipeline.pk)) for row in queries.serving_figures(now=now)]
    service = figures.service(since=now - figures.ALIVE)
    return {"models": rows, "now": now, "service": service, "took": service.percentile(0.95)}


@registry.gauge(
    "closingline_model_log_loss", help="Held-out log loss of the serving version and its market."
)
def log_losses() -> Iterator[tuple[Mapping[str, str], float]]:
    for version in queries.serving_versions().filter(stage="PRODUCTION"):
        for who in ("model", "market"):
            card = version.metrics.get(who)
            if card:
                yield {"pipeline": version.pipeline.code, "of": who}, float(card["log_loss"])


@registry.gauge(
    "closingline_model_trained_until_seconds",
    help="Unix time until which the serving version has learned.",
)
def trained_until() -> Iterator[tuple[Mapping[str, str], float]]:
    for version in queries.serving_versions().filter(stage="PRODUCTION"):
        yield {"pipeline": version.pipeline.code}, version.trained_until.timestamp()
