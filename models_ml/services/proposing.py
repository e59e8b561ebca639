"""Asking that a candidate may serve: the evidence is weighed and laid before two people."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from models_ml.domain import evidence, proposals
from models_ml.models import ModelVersion, Pipeline, Proposal
from models_ml.services import approving, weighing
from monitoring.errors import Refused
from monitoring.services import audit

State = Proposal.State


class ProposalRefused(Refused):
    """This version cannot be proposed, or this proposal cannot be changed."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """An open proposal, and what it still wants."""

    proposal: Proposal
    shut: list[str]  # gates, with why
    awaited: tuple[str, ...]  # roles
    expires_at: datetime

    @property
    def text(self) -> str:
        """Return in words what has to come next."""
        if self.shut:
            return f"a gate is shut ({'; '.join(self.shut)})"
        if self.awaited:
            return f"the {' and the '.join(self.awaited)} has to decide"
        return "two people approved it and nobody promoted it"


def propose(
    *,
    version_id: int,
    actor: str,
    reason: str,
    now: datetime,
    user_id: int | None = None,
) -> Proposal:
    """Ask that a candidate of a real pipeline may serve; a gate that is shut is no refusal yet.

    ``user_id`` is the person who asks, who then may not approve; a task has none.

    Raises:
        ProposalRefused: no reason, no such version, it is no candidate, its pipeline is
            simulated, or it is proposed already.
    """
    if not reason.strip():
        raise ProposalRefused("a reason is needed")
    proposed_by = approving.person_of(user_id=user_id).actor if user_id else actor
    version = _candidate(version_id)
    bundle = weighing.weigh(version=version, now=now)
    with transaction.atomic():
        Pipeline.objects.select_for_update().get(pk=version.pipeline_id)
        version = _candidate(version_id)  # as it stands now that nobody can promote it
        if Proposal.objects.filter(version=version, state=State.OPEN).exists():
            raise ProposalRefused(f"{version} is proposed already")
        proposal = Proposal.objects.create(
            version=version,
            proposed_by=proposed_by,
            proposed_at=now,
            reason=approving.short(reason),
            **_evidence(bundle),
        )
        _record("models_ml.propose", proposal, actor, now, reason=proposal.reason)
    return proposal


def weigh_again(*, proposal_id: int, actor: str, now: datetime) -> Proposal:
    """Weigh an open proposal anew: other evidence, so what was said of the old counts no more.

    Raises:
        ProposalRefused: there is none, or it is closed.
    """
    found = Proposal.objects.select_related("version__pipeline").filter(pk=proposal_id).first()
    if found is None:
        raise ProposalRefused(f"there is no proposal {proposal_id}")
    bundle = weighing.weigh(version=found.version, now=now)
    with transaction.atomic():
        proposal = _open(proposal_id)
        for name, value in _evidence(bundle).items():
            setattr(proposal, name, value)
        proposal.too_good_signed_by = proposal.too_good_reason = ""
        proposal.too_good_signed_at = None
        proposal.save()
        _record("models_ml.weigh_again", proposal, actor, now)
    return proposal


def withdraw(*, proposal_id: int, actor: str, reason: str, now: datetime) -> Proposal:
    """Close a proposal that nobody wants decided any more.

    Raises:
        ProposalRefused: no reason, there is none, or it is closed.
    """
    if not reason.strip():
        raise ProposalRefused("a reason is needed")
    with transaction.atomic():
        proposal = _open(proposal_id)
        approving.close(proposal=proposal, state=State.WITHDRAWN, actor=actor, note=reason, now=now)
        _record("models_ml.withdraw", proposal, actor, now, reason=proposal.outcome_note)
    return proposal


@transaction.atomic
def expire(*, actor: str, now: datetime) -> int:
    """Close every proposal that waited too long; return how many.  One in use waits its turn."""
    rows = Proposal.objects.select_for_update(of=("self",), skip_locked=True)
    closed = 0
    for proposal in rows.filter(state=State.OPEN).select_related("version__pipeline"):
        if approving.expires_at(proposal=proposal) > now:
            continue
        note = "nobody decided in time"
        approving.close(proposal=proposal, state=State.EXPIRED, actor=actor, note=note, now=now)
        _record("models_ml.expire", proposal, actor, now)
        closed += 1
    return closed


def waiting(*, now: datetime) -> list[Waiting]:
    """Return every open proposal that has not expired, newest first, with what it wants."""
    rows = Proposal.objects.filter(state=State.OPEN).select_related("version__pipeline")
    found = []
    for proposal in rows.order_by("-pk"):
        asked = approving.asked(proposal=proposal)
        if asked.expires_at > now:
            shut = proposals.blocking(proposal.gates, is_signed=bool(proposal.too_good_signed_by))
            found.append(Waiting(proposal, shut, proposals.missing(asked), asked.expires_at))
    return found


def _candidate(version_id: int) -> ModelVersion:
    version = ModelVersion.objects.select_related("pipeline").filter(pk=version_id).first()
    if version is None:
        raise ProposalRefused(f"there is no version {version_id}")
    if version.pipeline.is_simulated:
        raise ProposalRefused(f"{version.pipeline} is simulated: promote {version} as it is")
    if version.stage != ModelVersion.Stage.CANDIDATE:
        raise ProposalRefused(f"{version} is {version.get_stage_display().lower()}, no candidate")
    return version


def _open(proposal_id: int) -> Proposal:
    rows = Proposal.objects.select_for_update(of=("self",)).select_related("version__pipeline")
    proposal = rows.filter(pk=proposal_id).first()
    if proposal is None:
        raise ProposalRefused(f"there is no proposal {proposal_id}")
    if proposal.state != State.OPEN:
        raise ProposalRefused(f"it is {proposal.get_state_display().lower()}")
    return proposal


def _evidence(bundle: dict[str, Any]) -> dict[str, Any]:
    return {
        "evidence": bundle,
        "evidence_sha256": evidence.digest(bundle),
        "gates": bundle["gates"],
    }


def _record(action: str, proposal: Proposal, actor: str, now: datetime, **detail: object) -> None:
    audit.record(
        actor=actor,
        action=action,
        subject=proposal,
        at=now,
        version=str(proposal.version),
        evidence_sha256=proposal.evidence_sha256,
        **detail,
    )
