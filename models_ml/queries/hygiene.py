"""What nobody needs any more: files of versions, predictions, rows, rehearsals, trials."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, Model, OuterRef, Q, QuerySet
from django.db.models.fields.reverse_related import ForeignObjectRel

from models_ml.models import (
    FeatureRow,
    HygienePolicy,
    ModelVersion,
    Pipeline,
    Prediction,
    Proposal,
    Rehearsal,
    SearchTrial,
)

Stage = ModelVersion.Stage
#: Tables whose rows tell of a version and stand without its file.  Any other row that refers to
#: a version, of whatever room, keeps its file.
TELLING = (
    "models_ml.DriftReference",
    "models_ml.DriftReport",
    "models_ml.Evaluation",
    "models_ml.ModelVersion",
    "models_ml.Proposal",  # an open one keeps the file all the same
    "models_ml.RetrainDecision",
    "models_ml.VersionClv",
)


@dataclass(frozen=True, slots=True)
class Kept:
    """How long a pipeline's things are kept; ``policy`` None: for ever, its hygiene is off."""

    pipeline: Pipeline
    policy: HygienePolicy | None


def hygiene_policies() -> list[Kept]:
    """Return each pipeline with its own policy, or the house's default."""
    rows = {row.pipeline_id: row for row in HygienePolicy.objects.all()}
    house = rows.get(None) or HygienePolicy()
    found = []
    for pipeline in Pipeline.objects.select_related("sport").order_by("pk"):
        policy = rows.get(pipeline.pk, house)
        found.append(Kept(pipeline, policy if policy.is_enabled else None))
    return found


def versions_to_strip(
    *, pipeline: Pipeline, policy: HygienePolicy, now: datetime
) -> list[ModelVersion]:
    """Return the versions whose files nobody needs, oldest first.

    Kept are what serves or served, what an open proposal or any other row refers to, what was
    trained lately, the last ones and the best ones.
    """
    rows = ModelVersion.objects.filter(pipeline=pipeline).select_related("pipeline")
    of_pipeline = rows.exclude(stage=Stage.REPLAY).order_by("-number")
    last = set(of_pipeline.values_list("pk", flat=True)[: policy.keep_last])
    spared = last | _best(of_pipeline, policy.keep_best)
    old = rows.filter(
        artefact_removed_at=None, trained_at__lt=now - timedelta(days=policy.keep_days)
    )
    proposed = Proposal.objects.filter(version=OuterRef("pk"), state=Proposal.State.OPEN)
    free = _unreferred(old, besides=TELLING).exclude(stage__in=[Stage.PRODUCTION, Stage.PREVIOUS])
    found = free.filter(~Exists(proposed)).order_by("number")
    return [version for version in found if version.pk not in spared]


def predictions_to_drop(
    *, pipeline: Pipeline, policy: HygienePolicy, now: datetime
) -> QuerySet[Prediction]:
    """Return a pipeline's old predictions that nothing refers to, but for those of rehearsals."""
    until = now - timedelta(days=policy.predictions_days)
    rows = Prediction.objects.filter(version__pipeline=pipeline, as_of__lt=until)
    return _unreferred(rows.filter(feature_row__rehearsal=None))


def rows_to_drop(*, kept: Iterable[Kept], now: datetime) -> QuerySet[FeatureRow]:
    """Return old feature rows that no prediction needs which is to stay.

    A row is read by every pipeline of its feature set, and stays as long as the most patient one
    of them keeps its predictions.  A rehearsal's go with the rehearsal.
    """
    days: dict[str, int | None] = {}
    staying = Q(pk__in=[])
    for one in kept:
        name = one.pipeline.feature_set
        if one.policy is None:
            days[name] = None
            staying |= Q(version__pipeline=one.pipeline)
        elif (most := days.get(name, 0)) is not None:
            days[name] = max(most, one.policy.predictions_days)
    old = Q(pk__in=[])
    for name, most in days.items():
        if most is not None:
            old |= Q(feature_set=name, as_of__lt=now - timedelta(days=most))
    referred = Prediction.objects.filter(_referred(Prediction) | staying)
    rows = _unreferred(
        FeatureRow.objects.filter(old, rehearsal=None), besides=("models_ml.Prediction",)
    )
    return rows.filter(~Exists(referred.filter(feature_row=OuterRef("pk"))))


def rehearsals_to_remove(
    *, pipeline: Pipeline, policy: HygienePolicy, now: datetime
) -> QuerySet[Rehearsal]:
    """Return a pipeline's rehearsals that were left standing for too long."""
    until = now - timedelta(days=policy.rehearsals_days)
    return Rehearsal.objects.filter(pipeline=pipeline, removed_at=None, made_at__lt=until)


def trials_to_drop(
    *, pipeline: Pipeline, policy: HygienePolicy, now: datetime
) -> QuerySet[SearchTrial]:
    """Return the trials of old searches that no version came from."""
    until = now - timedelta(days=policy.keep_days)
    came = ModelVersion.objects.filter(search=OuterRef("search_id"))
    return SearchTrial.objects.filter(
        ~Exists(came), search__pipeline=pipeline, search__finished_at__lt=until
    )


def _best(versions: QuerySet[ModelVersion], n: int) -> set[int]:
    """Return the n versions that came closest to the market, or lie furthest below it.

    Those without a market beside them come after those with one: log losses of different
    matches do not compare.
    """
    cards = versions.values_list("pk", "metrics__model__log_loss", "metrics__market__log_loss")
    ranked = sorted(
        (market is None, model - (market or 0.0), -key)
        for key, model, market in cards
        if model is not None
    )
    return {-key for _, _, key in ranked[:n]}


def _referred(model: type[Model], besides: Iterable[str] = ()) -> Q:
    """Return the condition that a row of any table refers to this one."""
    found = Q(pk__in=[])
    for relation in model._meta.get_fields(include_hidden=True):
        if not isinstance(relation, ForeignObjectRel):
            continue
        other: Any = relation.related_model
        if other._meta.label not in besides:
            found |= Q(Exists(other._base_manager.filter(**{relation.field.name: OuterRef("pk")})))
    return found


def _unreferred(rows: Any, *, besides: Iterable[str] = ()) -> Any:
    """Return those rows that no row of any other table refers to, above this room or in it."""
    return rows.exclude(_referred(rows.model, besides))
