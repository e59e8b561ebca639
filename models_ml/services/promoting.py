"""Which version serves: promotion and rollback, atomic, audited, never to a damaged file."""

from datetime import datetime

from django.db import transaction

from models_ml import queries
from models_ml.domain import proposals
from models_ml.domain.windows import ChangeWindow
from models_ml.models import ModelVersion, Pipeline, Proposal, ServingPeriod
from models_ml.services import approving, loading, serving
from models_ml.services.storing import DamagedArtefact
from monitoring.errors import Refused
from monitoring.services import audit

Stage, How = ModelVersion.Stage, ServingPeriod.How


class PromotionRefused(Refused):
    """This version may not serve."""


def promote(
    *, version_id: int, actor: str, reason: str, now: datetime, override: str = ""
) -> ModelVersion:
    """Put a version into production; production becomes previous.

    A simulated pipeline takes a candidate or an archived version as it is.  A real one takes the
    version of an open proposal that two people approved, whose gates are open, that was held
    against what serves now, inside the change window; ``override`` is the reason to do it
    outside, and is kept.  A version that is in production already is returned as it is.

    Raises:
        PromotionRefused: no reason given, the version belongs to a replay, it is the previous
            one (roll back instead), its artefact is damaged, or it may not serve yet.
        ClockBackwards: what serves began to serve later than now.
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
        proposal = None
        if not version.pipeline.is_simulated:
            proposal = _approved(version, override.strip(), actor, now)
        _need_sound(version)
        _take_over(version, proposal, actor, reason, now)
        if proposal:
            approving.close(
                proposal=proposal, state=Proposal.State.PROMOTED, actor=actor, note=reason, now=now
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
    except (DamagedArtefact, loading.FeaturesChanged) as error:
        raise PromotionRefused(f"damaged artefact: {error}") from error


def _serve(version: ModelVersion, now: datetime) -> None:
    version.stage, version.promoted_at = Stage.PRODUCTION, now
    version.save(update_fields=["stage", "promoted_at"])


def _take_over(
    version: ModelVersion, proposal: Proposal | None, actor: str, reason: str, now: datetime
) -> None:
    mates = ModelVersion.objects.filter(pipeline_id=version.pipeline_id)
    former = mates.filter(stage=Stage.PRODUCTION).first()
    if former:
        mates.filter(stage=Stage.PREVIOUS).update(stage=Stage.ARCHIVED)
        mates.filter(pk=former.pk).update(stage=Stage.PREVIOUS)
    _serve(version, now)
    serving.begin(
        version=version, how=How.PROMOTED, actor=actor, now=now, reason=reason, proposal=proposal
    )
    audit.record(
        actor=actor,
        action="models_ml.promote",
        subject=version,
        at=now,
        reason=reason,
        former=former.number if former else None,
        proposal=proposal.pk if proposal else None,
        override=proposal.window_override_reason if proposal else "",
    )


def _approved(version: ModelVersion, override: str, actor: str, now: datetime) -> Proposal:
    """Return the proposal that lets a version serve; the caller holds the pipeline's lock."""
    found = Proposal.objects.filter(version=version, state=Proposal.State.OPEN).first()
    if found is None:
        raise PromotionRefused(f"{version} is not proposed: propose it first")
    try:
        proposal = approving.locked(proposal_id=found.pk)
    except approving.ApprovalRefused as no:
        raise PromotionRefused(str(no)) from no
    asked = approving.asked(proposal=proposal)
    if why := proposals.against_acting(asked, now=now):
        raise PromotionRefused(f"{proposal}: {why}")
    if proposal.gates != proposal.evidence.get("gates"):
        raise PromotionRefused(f"{proposal}: its gates are not those of its evidence")
    shut = proposals.blocking(proposal.gates, is_signed=bool(proposal.too_good_signed_by))
    if shut:
        raise PromotionRefused(f"{version}: {'; '.join(shut)}")
    if why := _against_champion(proposal):
        raise PromotionRefused(f"{version} {why}")
    if roles := proposals.missing(asked):
        raise PromotionRefused(f"{version} awaits the approval of the {' and the '.join(roles)}")
    if queries.is_expired(version=version, now=now):
        raise PromotionRefused(f"{version} learned too long ago: train anew")
    _need_open_window(proposal, override, actor, now)
    return proposal


def _against_champion(proposal: Proposal) -> str | None:
    """Return why the evidence says nothing of what serves now, or None."""
    mates = ModelVersion.objects.filter(pipeline_id=proposal.version.pipeline_id)
    champion = mates.select_related("pipeline").filter(stage=Stage.PRODUCTION).first()
    held = proposal.evidence.get("champion") or {}
    if held.get("id") == (champion.pk if champion else None):
        return None
    was, now = held.get("name", "nothing"), champion or "nothing"
    return f"was held against {was}, but {now} serves: weigh it anew"


def _need_open_window(proposal: Proposal, override: str, actor: str, now: datetime) -> None:
    policy = queries.policy(pipeline=proposal.version.pipeline)
    window = ChangeWindow(frozenset(policy.weekdays), policy.until_time, policy.time_zone)
    if window.is_open(now):
        return
    if not override:
        opens = window.opens_at(now)
        when = f"; it opens {opens:%a %Y-%m-%d %H:%M} UTC" if opens else ""
        raise PromotionRefused(
            f"the change window is {window}{when}. An override needs a reason and is kept"
        )
    proposal.window_override_by = actor
    proposal.window_override_reason = approving.short(override)
    proposal.save(update_fields=["window_override_by", "window_override_reason"])
