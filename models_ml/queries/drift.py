"""What is known of drift: the latest word on each version that serves, and rules that changed."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
from django.db.models import OuterRef, QuerySet, Subquery

from models_ml.domain import stages
from models_ml.domain.features import microseconds
from models_ml.models import (
    DriftReference,
    DriftReport,
    FeatureRow,
    Ladder,
    ModelVersion,
    Pipeline,
    RuleFlag,
    VersionClv,
)
from models_ml.queries.serving import served_pipelines


def pipelines_in_service() -> QuerySet[Pipeline]:
    """Return pipelines that are enabled and have a version in production."""
    return served_pipelines().filter(is_enabled=True).select_related("sport")


def in_production(*, pipeline: Pipeline) -> ModelVersion | None:
    """Return the version in production with its pipeline."""
    rows = pipeline.versions.filter(stage=ModelVersion.Stage.PRODUCTION)
    return rows.select_related("pipeline__sport").first()


def reference(*, version: ModelVersion) -> DriftReference | None:
    """Return what a version learned from, or None of one that was trained before it was kept."""
    return DriftReference.objects.filter(version=version).first()


def latest_reports() -> QuerySet[DriftReport]:
    """Return the newest report of each version that serves an enabled pipeline."""
    newest = (
        DriftReport.objects.filter(version=OuterRef("pk")).order_by("-at", "-pk").values("pk")[:1]
    )
    serving = ModelVersion.objects.filter(
        stage=ModelVersion.Stage.PRODUCTION, pipeline__is_enabled=True
    )
    found = serving.annotate(newest=Subquery(newest)).exclude(newest=None)
    return (
        DriftReport.objects.filter(pk__in=found.values("newest"))
        .select_related("pipeline", "version__pipeline")
        .order_by("pipeline_id")
    )


def flags(*, sport_id: int) -> list[RuleFlag]:
    """Return the changes of a sport's rules, the first to hold first."""
    return list(RuleFlag.objects.filter(sport_id=sport_id).order_by("effective_from", "pk"))


def final_stage(*, pipeline: Pipeline) -> str:
    """Return the last stage at which a pipeline's events are looked at."""
    ladder = Ladder.objects.filter(
        sport_id=pipeline.sport_id, is_simulated=pipeline.is_simulated
    ).first()
    return str(ladder.stages[-1]["name"]) if ladder else stages.FINAL_STAGE


def live_rows(
    *, version: ModelVersion, stage: str, until: datetime, most: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return features that were looked at live since a version learned: values, as_of in µs.

    Of one stage, the newest ``most`` in order of time; (n, f) with NaN where not known.
    """
    rows = FeatureRow.objects.filter(
        feature_set=version.pipeline.feature_set,
        stage=stage,
        replay__isnull=True,
        rehearsal__isnull=True,
        as_of__gt=version.trained_until,
        as_of__lte=until,
        event__competition__sport=version.pipeline.sport_id,
        event__competition__is_simulated=version.pipeline.is_simulated,
    )
    width = len(version.features)
    newest = rows.order_by("-as_of", "-pk").values_list("as_of", "values")[:most]
    found = [(at, values) for at, values in newest if len(values) == width][::-1]
    moments = np.array([microseconds(at) for at, _ in found], dtype=np.int64)
    whole = np.array([values for _, values in found], dtype=float).reshape(-1, width)
    return whole, moments


def last_clv(*, version_ids: Sequence[int]) -> dict[int, VersionClv]:
    """Return the newest closing-line value of each version."""
    rows = VersionClv.objects.filter(version__in=version_ids).order_by("version", "-as_of")
    return {row.version_id: row for row in rows.distinct("version")}
