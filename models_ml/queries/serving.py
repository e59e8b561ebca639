"""Which versions serve, and how they fare."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet

from models_ml.domain.drift import BREACHES
from models_ml.models import (
    DriftReport,
    ModelVersion,
    Pipeline,
    PromotionPolicy,
    ServingPeriod,
)


@dataclass(frozen=True, slots=True)
class ServingFigures:
    """A pipeline on the dashboard: what serves it, how good that was on its test part."""

    pipeline: Pipeline
    version: ModelVersion | None
    log_loss: float | None
    market_log_loss: float | None
    n: int | None
    age: timedelta | None  # since the end of what it learned from
    candidates: int
    drift: DriftReport | None = None  # the latest of the version that serves

    @property
    def has_drifted(self) -> bool:
        return self.drift is not None and self.drift.breaches >= BREACHES

    @property
    def against_market(self) -> float | None:
        """Return the version's log loss less the market's: under 0 is better."""
        if self.log_loss is None or self.market_log_loss is None:
            return None
        return self.log_loss - self.market_log_loss


def served_pipelines() -> QuerySet[Pipeline]:
    """Return pipelines that have a version in production."""
    return Pipeline.objects.filter(
        Exists(
            ModelVersion.objects.filter(
                pipeline=OuterRef("pk"), stage=ModelVersion.Stage.PRODUCTION
            )
        )
    ).order_by("pk")


def versions(*, pipeline: Pipeline | None = None) -> QuerySet[ModelVersion]:
    """Return versions outside replays, newest first."""
    rows = ModelVersion.objects.exclude(stage=ModelVersion.Stage.REPLAY)
    if pipeline is not None:
        rows = rows.filter(pipeline=pipeline)
    return rows.select_related("pipeline").order_by("pipeline_id", "-number")


def serving_versions() -> QuerySet[ModelVersion]:
    """Return the versions that serve or would step in: production and previous."""
    return (
        ModelVersion.objects.filter(
            Q(stage=ModelVersion.Stage.PRODUCTION) | Q(stage=ModelVersion.Stage.PREVIOUS)
        )
        .select_related("pipeline")
        .defer("plots")  # whole pictures, which no prediction asks for
        .order_by("pipeline_id", "stage")
    )


def open_version(*, pipeline: Pipeline) -> int | None:
    """Return the version whose period is open, or None."""
    rows = ServingPeriod.objects.filter(pipeline=pipeline, until__isnull=True)
    return rows.values_list("version_id", flat=True).first()


def serving_figures(*, now: datetime) -> list[ServingFigures]:
    """Return what the dashboard shows of each pipeline, those that are served first."""
    serving = {
        version.pipeline_id: version
        for version in serving_versions().filter(stage=ModelVersion.Stage.PRODUCTION)
    }
    waiting = dict(
        ModelVersion.objects.filter(stage=ModelVersion.Stage.CANDIDATE)
        .values_list("pipeline_id")
        .annotate(n=Count("pk"))
    )
    reports = {
        report.version_id: report
        for report in DriftReport.objects.filter(version__in=serving.values())
        .order_by("version_id", "-at")
        .distinct("version_id")
    }
    figures = []
    for pipeline in Pipeline.objects.order_by("is_simulated", "code"):
        version = serving.get(pipeline.pk)
        metrics = version.metrics if version else {}
        figures.append(
            ServingFigures(
                pipeline=pipeline,
                version=version,
                log_loss=(metrics.get("model") or {}).get("log_loss"),
                market_log_loss=(metrics.get("market") or {}).get("log_loss"),
                n=metrics.get("n"),
                age=now - version.trained_until if version else None,
                candidates=waiting.get(pipeline.pk, 0),
                drift=reports.get(version.pk) if version else None,
            )
        )
    return sorted(figures, key=lambda one: one.version is None)


def policy(*, pipeline: Pipeline) -> PromotionPolicy:
    """Return what a pipeline's versions must show: its own policy, else the house's default."""
    rows = PromotionPolicy.objects.filter(Q(pipeline=pipeline) | Q(pipeline__isnull=True))
    return rows.order_by(F("pipeline").asc(nulls_last=True)).first() or PromotionPolicy()


def expires_at(*, version: ModelVersion, policy: PromotionPolicy) -> datetime | None:
    """Return from when on a version has learned too long ago to serve; None is never.

    A simulated league stays what it was, and its versions never expire.
    """
    if policy.expires_after_days is None or version.pipeline.is_simulated:
        return None
    return version.trained_until + timedelta(days=policy.expires_after_days)


def is_expired(*, version: ModelVersion, now: datetime) -> bool:
    """Tell whether a version has learned too long ago to serve."""
    if version.pipeline.is_simulated:
        return False
    expiry = expires_at(version=version, policy=policy(pipeline=version.pipeline))
    return expiry is not None and expiry <= now


def expiries() -> list[tuple[ModelVersion, datetime]]:
    """Return each version in production that will serve no more one day, and from when on."""
    policies = {policy.pipeline_id: policy for policy in PromotionPolicy.objects.all()}
    default = policies.get(None) or PromotionPolicy()
    found = []
    for version in serving_versions().filter(stage=ModelVersion.Stage.PRODUCTION):
        policy = policies.get(version.pipeline_id, default)
        expiry = expires_at(version=version, policy=policy)
        if expiry is not None:
            found.append((version, expiry))
    return found


def served_at(*, pipeline: Pipeline, at: datetime) -> ServingPeriod | None:
    """Return the period in which a version served this pipeline at that moment, or None."""
    return (
        ServingPeriod.objects.filter(pipeline=pipeline, since__lte=at)
        .filter(Q(until__isnull=True) | Q(until__gt=at))
        .select_related("version__pipeline", "proposal")
        .first()
    )
