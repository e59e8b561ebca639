"""Which version serves: promotion and rollback, atomic, audited, never to a damaged file."""

from datetime import datetime

from django.db import transaction

from models_ml.models import ModelVersion, Pipeline, ServingPeriod
from models_ml.services import loading, serving
from models_ml.services.storing import DamagedArtefact
from monitoring.errors import Refused
from monitoring.services import audit

Stage, How = ModelVersion.Stage, ServingPeriod.How


class PromotionRefused(Refused):
    """This version may not serve."""


def promote(*, version_id: int, actor: str, reason: str, now: datetime) -> ModelVersion:
    """Put a candidate (or an archived version) into production; production becomes previous.

    A version that is in production already is returned as it is.

    Raises:
        PromotionRefused: no reason given, the version belongs to a replay, it is the previous
            one (roll back instead), or its artefact is damaged.
    """
    _need_reason(reason)
    with transaction.atomic():
        version = _locked(version_id)
        if version.stage == Stage.PRODUCTION:
            return version
        if version.stage == Stage.REPLAY:
            raise PromotionRefused(f"{version} belongs to a replay alone")
        if version.stage == Stage.PREVIOUS:
            raise PromotionRefused(f"{version} is the previous version: roll back instead")
        _need_sound(version)
        mates = ModelVersion.objects.filter(pipeline_id=version.pipeline_id)
        former = mates.filter(stage=Stage.PRODUCTION).first()
        if former:
            mates.filter(stage=Stage.PREVIOUS).update(stage=Stage.ARCHIVED)
            mates.filter(pk=former.pk).update(stage=Stage.PREVIOUS)
        _serve(version, now)
        serving.begin(version=version, how=How.PROMOTED, actor=actor, now=now, reason=reason)
        audit.record(
            actor=actor,
            action="models_ml.promote",
            subject=version,
            at=now,
            reason=reason,
            former=former.number if former else None,
        )
    return version


def rollback(*, pipeline_id: int, actor: str, reason: str, now: datetime) -> ModelVersion:
    """Put the previous version back into production; what served until now is archived.

    Raises:
        PromotionRefused: no reason given, there is no previous version, or it is damaged.
    """
    _need_reason(reason)
    with transaction.atomic():
        pipeline = Pipeline.objects.select_for_update().get(pk=pipeline_id)
        mates = ModelVersion.objects.filter(pipeline=pipeline).select_related("pipeline")
        previous = mates.filter(stage=Stage.PREVIOUS).first()
        if previous is None:
            raise PromotionRefused(f"{pipeline} has no previous version")
        _need_sound(previous)
        former = mates.filter(stage=Stage.PRODUCTION).first()
        if former:
            mates.filter(pk=former.pk).update(stage=Stage.ARCHIVED)
        _serve(previous, now)
        serving.begin(version=previous, how=How.ROLLED_BACK, actor=actor, now=now, reason=reason)
        audit.record(
            actor=actor,
            action="models_ml.rollback",
            subject=previous,
            at=now,
            reason=reason,
            former=former.number if former else None,
        )
    return previous


def _need_reason(reason: str) -> None:
    if not reason.strip():
        raise PromotionRefused("a reason is needed")


def _locked(version_id: int) -> ModelVersion:
    """Return the version as it stands once its pipeline is locked: one change at a time."""
    found = ModelVersion.objects.filter(pk=version_id).values_list("pipeline_id", flat=True)
    if not found:
        raise PromotionRefused(f"there is no version {version_id}")
    Pipeline.objects.select_for_update().get(pk=found[0])
    return ModelVersion.objects.select_related("pipeline").get(pk=version_id)


def _need_sound(version: ModelVersion) -> None:
    try:
        loading.load_fresh(version=version)
    except DamagedArtefact as error:
        raise PromotionRefused(f"damaged artefact: {error}") from error


def _serve(version: ModelVersion, now: datetime) -> None:
    version.stage, version.promoted_at = Stage.PRODUCTION, now
    version.save(update_fields=["stage", "promoted_at"])
