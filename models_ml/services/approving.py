"""What two people say of a proposal: yes, no, or that it is not too good to be true."""

from datetime import datetime, timedelta

from django.db import transaction

from models_ml import queries
from models_ml.domain import evidence, proposals
from models_ml.domain.proposals import Asked, Person, Word
from models_ml.models import Approval, Proposal
from monitoring.errors import Refused
from monitoring.models import User
from monitoring.services import audit

Verdict = Approval.Verdict
LONGEST = 250  # characters of a reason or comment


class ApprovalRefused(Refused):
    """This person may not say this of this proposal."""


def approve(
    *,
    proposal_id: int,
    role: str,
    user_id: int,
    evidence_sha256: str,
    actor: str,
    now: datetime,
    comment: str = "",
) -> Approval:
    """Approve a proposal in one role, on exactly the evidence that was looked at.

    Raises:
        ApprovalRefused: no such proposal or it is closed, the wrong person or role, a second
            word of the same person or role, or other evidence than was looked at.
    """
    return _speak(
        proposal_id, role, user_id, evidence_sha256, Verdict.APPROVE, comment, actor, now
    )[1]


def reject(
    *,
    proposal_id: int,
    role: str,
    user_id: int,
    evidence_sha256: str,
    actor: str,
    now: datetime,
    comment: str,
) -> Proposal:
    """Reject a proposal and close it; the comment says why.

    Raises:
        ApprovalRefused: as for ``approve``, or there is no comment.
    """
    if not comment.strip():
        raise ApprovalRefused("say why it is rejected")
    with transaction.atomic():
        proposal, _ = _speak(
            proposal_id, role, user_id, evidence_sha256, Verdict.REJECT, comment, actor, now
        )
        close(proposal=proposal, state=Proposal.State.REJECTED, actor=actor, note=comment, now=now)
    return proposal


def sign_too_good(
    *, proposal_id: int, user_id: int, reason: str, actor: str, now: datetime
) -> Proposal:
    """Sign a reason why figures that beat the close by far are true all the same.

    Raises:
        ApprovalRefused: no reason, the gate is not shut, it is signed already, or the wrong
            person.
    """
    if not reason.strip():
        raise ApprovalRefused("a reason is needed")
    with transaction.atomic():
        proposal, person = locked(proposal_id=proposal_id), person_of(user_id=user_id)
        if why := proposals.against_signing(asked(proposal=proposal), person=person, now=now):
            raise ApprovalRefused(why)
        if proposal.gates.get(proposals.SIGNED_AWAY, {}).get("state") != "FAILED":
            raise ApprovalRefused("its figures are not too good to be true: nothing to sign")
        if proposal.too_good_signed_by:
            raise ApprovalRefused(f"{proposal.too_good_signed_by} has signed already")
        proposal.too_good_signed_by = person.actor
        proposal.too_good_signed_at, proposal.too_good_reason = now, short(reason)
        proposal.save(update_fields=["too_good_signed_by", "too_good_signed_at", "too_good_reason"])
        audit.record(
            actor=actor,
            action="models_ml.sign_too_good",
            subject=proposal,
            at=now,
            reason=proposal.too_good_reason,
            evidence_sha256=proposal.evidence_sha256,
        )
    return proposal


def locked(*, proposal_id: int) -> Proposal:
    """Return a proposal, locked: one word at a time.

    Raises:
        ApprovalRefused: there is none, or its evidence is not what its hash was made of.
    """
    rows = Proposal.objects.select_for_update(of=("self",)).select_related("version__pipeline")
    proposal = rows.filter(pk=proposal_id).first()
    if proposal is None:
        raise ApprovalRefused(f"there is no proposal {proposal_id}")
    if evidence.digest(proposal.evidence) != proposal.evidence_sha256:
        raise ApprovalRefused(f"{proposal}: the evidence was changed without being weighed anew")
    return proposal


def asked(*, proposal: Proposal) -> Asked:
    """Return a proposal with every word said of it, as the rules see it."""
    said = proposal.approvals.select_related("user").prefetch_related("user__groups").order_by("pk")
    return Asked(
        state=proposal.state,
        proposed_by=proposal.proposed_by,
        evidence=proposal.evidence_sha256,
        expires_at=expires_at(proposal=proposal),
        words=tuple(
            Word(row.role, _person(row.user), row.verdict, row.evidence_sha256) for row in said
        ),
    )


def expires_at(*, proposal: Proposal) -> datetime:
    """Return until when a proposal waits for two people."""
    policy = queries.policy(pipeline=proposal.version.pipeline)
    return proposal.proposed_at + timedelta(days=policy.proposal_expires_days)


def person_of(*, user_id: int) -> Person:
    """Return who signs in under this id, as the table has them now.

    Raises:
        ApprovalRefused: nobody does.
    """
    user = User.objects.prefetch_related("groups").filter(pk=user_id).first()
    if user is None:
        raise ApprovalRefused("nobody signs in as that")
    return _person(user)


def close(*, proposal: Proposal, state: str, actor: str, note: str, now: datetime) -> None:
    """Close an open proposal, inside the caller's transaction."""
    proposal.state = proposals.after(proposal.state, state).value
    proposal.closed_at, proposal.closed_by, proposal.outcome_note = now, actor, short(note)
    proposal.save(update_fields=["state", "closed_at", "closed_by", "outcome_note"])


def short(text: str) -> str:
    """Return text without blanks around it.

    Raises:
        ApprovalRefused: it is longer than what is kept.
    """
    if len(text := text.strip()) > LONGEST:
        raise ApprovalRefused(f"{len(text)} characters; {LONGEST} are kept")
    return text


@transaction.atomic
def _speak(
    proposal_id: int,
    role: str,
    user_id: int,
    seen: str,
    verdict: str,
    comment: str,
    actor: str,
    now: datetime,
) -> tuple[Proposal, Approval]:
    proposal, person = locked(proposal_id=proposal_id), person_of(user_id=user_id)
    why = proposals.against_speaking(
        asked(proposal=proposal), person=person, role=role, seen=seen, now=now
    )
    if why:
        raise ApprovalRefused(why)
    word = Approval.objects.create(
        proposal=proposal,
        role=role,
        user_id=user_id,
        at=now,
        verdict=verdict,
        comment=short(comment),
        evidence_sha256=seen,
    )
    audit.record(
        actor=actor,
        action=f"models_ml.{verdict.lower()}",
        subject=proposal,
        at=now,
        evidence_sha256=seen,
        role=role,
        person=person.name,
        comment=word.comment,
    )
    return proposal, word


def _person(user: User) -> Person:
    return Person(
        user.get_username(), user.is_active, frozenset(group.name for group in user.groups.all())
    )
