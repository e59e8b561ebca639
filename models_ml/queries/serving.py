"""Which versions serve, and how they fare."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from models_ml.models import ModelVersion, Pipeline


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
        .order_by("pipeline_id", "stage")
    )


def serving_figures(*, now: datetime) -> list[ServingFigures]:
    """Return what the dashboard shows of each pipeline, served or not."""
    serving = {
        version.pipeline_id: version
        for version in serving_versions().filter(stage=ModelVersion.Stage.PRODUCTION)
    }
    waiting = dict(
        ModelVersion.objects.filter(stage=ModelVersion.Stage.CANDIDATE)
        .values_list("pipeline_id")
        .annotate(n=Count("pk"))
    )
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
            )
        )
    return figures
