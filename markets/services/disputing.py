"""A person's word on a dispute: the result that stands is kept, or the other one is taken."""

from datetime import datetime

from django.db import transaction

from markets.domain import tellings
from markets.models import ResultDispute
from markets.services import contesting, holding, result_versions, resulting
from monitoring.errors import Refused
from monitoring.services import audit

STANDING, TOLD = "STANDING", "TOLD"
KEEPS = (STANDING, TOLD)


class DisputeIsOver(Refused):
    """Somebody has resolved it already, or the sources agree again."""


class NoReason(Refused):
    """Money hangs on it: whoever resolves a dispute says why."""


def resolve(*, dispute_id: int, keep: str, actor: str, reason: str, now: datetime) -> ResultDispute:
    """Resolve a dispute; from then on the event's bets are settled by what stands.

    Keeping what stands writes nothing but the decision.  Taking the other result appends a
    version that is known from ``now`` on, told by the source that disagreed.  Either way the
    same source may repeat itself without opening it again.

    Raises:
        DisputeIsOver: it is not open.
        NoReason: no reason is given.
        ValueError: ``keep`` is neither "STANDING" nor "TOLD".
        ResultDispute.DoesNotExist: there is no such dispute.
    """
    if keep not in KEEPS:
        raise ValueError(f"keep is STANDING or TOLD, not {keep!r}")
    if not reason.strip():
        raise NoReason("Say why: the reason is kept in the audit.")
    with transaction.atomic():
        # The same lock as a load's, taken first, so that no telling comes between.
        code = ResultDispute.objects.values_list("event__competition__code", flat=True)
        holding.hold(competitions={code.get(pk=dispute_id)})
        dispute = ResultDispute.objects.select_related("event", "source", "standing__source").get(
            pk=dispute_id
        )
        if dispute.state != ResultDispute.State.OPEN:
            raise DisputeIsOver(
                f"Dispute {dispute_id} is over: {dispute.get_state_display().lower()}"
            )
        if keep == STANDING:
            state = ResultDispute.State.UPHELD
            contesting.close(dispute=dispute, state=state, actor=actor, reason=reason, now=now)
        else:
            _replace(dispute, actor=actor, reason=reason, now=now)
    return dispute


def _replace(dispute: ResultDispute, *, actor: str, reason: str, now: datetime) -> None:
    """Append what the source told as the next version, and see what it makes of the others."""
    histories = result_versions.load(event_ids=[dispute.event_id])
    latest = histories[dispute.event_id].latest
    assert latest is not None  # a dispute is against a version
    version = result_versions.make(
        event_id=dispute.event_id,
        telling=tellings.corrected(latest.telling, contesting.telling_of(dispute)),
        before=latest.row,
        source_id=dispute.source_id,
        known_at=now,
        recorded_at=now,
    )
    result_versions.store(versions=[version])
    state = ResultDispute.State.REPLACED
    contesting.close(dispute=dispute, state=state, actor=actor, reason=reason, now=now)
    audit.record(
        actor=actor,
        action="markets.replace_result",
        subject=dispute.event,
        at=now,
        dispute=dispute.pk,
        version=version.row.version,
        before=str(latest.row),
        after=str(version.row),
    )
    resulting.follow(
        results=[version.row],
        events={dispute.event_id: dispute.event},
        source=dispute.source,
        now=now,
    )
    others = contesting.load(event_ids=[dispute.event_id])[dispute.event_id]
    contesting.close_settled(
        disputes=others, standing=version, came_round=set(), actor=actor, now=now
    )
