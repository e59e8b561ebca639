"""Disputes over a result: opened where another source contradicts it, closed where none is left.

While one is open, nobody is paid by the event (``settlements`` looks at the open ones).  Who
resolves one by hand calls ``disputing``.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from markets.domain import tellings
from markets.domain.tellings import Contradiction, Telling
from markets.models import Event, ResultDispute, Source
from markets.services.result_versions import Version
from monitoring.domain.findings import Severity
from monitoring.services import audit, incidents

KIND = "markets.results-disagree"
State = ResultDispute.State


def load(*, event_ids: Iterable[int]) -> dict[int, list[ResultDispute]]:
    """Return the events' disputes, open and over, oldest first."""
    found: dict[int, list[ResultDispute]] = defaultdict(list)
    rows = (
        ResultDispute.objects.filter(event_id__in=list(event_ids))
        .select_related("standing", "source")
        .order_by("pk")
    )
    for row in rows:
        found[row.event_id].append(row)
    return found


def telling_of(dispute: ResultDispute) -> Telling:
    return Telling.from_json(dispute.told["telling"])


def differs(dispute: ResultDispute) -> list[str]:
    """Return what it is about, in words."""
    return [str(text) for text in dispute.told.get("differs", ())]


def is_judged(
    *,
    disputes: Sequence[ResultDispute],
    source_id: int,
    telling: Telling,
    found: Sequence[Contradiction],
    standing_before: dict[int, Telling],
    overruled: Sequence[Telling] = (),
) -> bool:
    """Say whether a person has decided this very question already.

    Either the source's telling was turned down against what still stands, or the source's own
    earlier version was replaced, or ``overruled`` by an entry, and it only repeats that.
    """
    if any(not tellings.contradictions(before, telling) for before in overruled):
        return True
    texts = [str(one) for one in found]
    for dispute in disputes:
        if dispute.state == State.UPHELD and dispute.source_id == source_id:
            if telling_of(dispute) == telling and differs(dispute) == texts:
                return True
        elif dispute.state == State.REPLACED and dispute.standing.source_id == source_id:
            before = standing_before.get(dispute.standing_id)
            if before is not None and not tellings.contradictions(before, telling):
                return True
    return False


def contest(
    *,
    dispute: ResultDispute | None,
    event: Event,
    standing: Version,
    source: Source,
    telling: Telling,
    found: Sequence[Contradiction],
    now: datetime,
) -> bool:
    """Open a dispute, or bring the source's open one up to date; return whether that was new."""
    told: dict[str, Any] = {
        "telling": telling.as_json(),
        "differs": [str(one) for one in found],
    }
    if dispute is None:
        dispute = ResultDispute(event=event, source=source)
        action = "markets.open_dispute"
    elif (dispute.standing_id, dispute.told) == (standing.row.pk, told):
        return False
    else:
        action = "markets.change_dispute"
    dispute.standing, dispute.told = standing.row, told
    dispute.told_at = dispute.told_at or now
    dispute.save()
    audit.record(
        actor=f"source:{source.code}",
        action=action,
        subject=dispute,
        at=now,
        event=audit.label(event),
        standing=audit.label(standing.row),
        differs=told["differs"],
    )
    incidents.open_incident(
        kind=KIND,
        severity=Severity.P1,
        subject=audit.label(dispute),
        summary=summary(dispute),
        at=now,
        actor=f"source:{source.code}",
    )
    return True


def close(
    *, dispute: ResultDispute, state: str, actor: str, reason: str, now: datetime
) -> ResultDispute:
    """Close an open dispute with its incident.  Needs an open transaction."""
    dispute.state = state
    dispute.resolved_at, dispute.resolved_by, dispute.reason = now, actor, reason
    dispute.save(update_fields=["state", "resolved_at", "resolved_by", "reason"])
    audit.record(
        actor=actor,
        action="markets.resolve_dispute",
        subject=dispute,
        at=now,
        event=f"markets.Event:{dispute.event_id}",
        state=state,
        reason=reason,
    )
    incidents.resolve_subject(
        kinds=[KIND], subject=audit.label(dispute), at=now, actor=actor, note=reason
    )
    return dispute


def close_settled(
    *,
    disputes: Iterable[ResultDispute],
    standing: Version,
    came_round: set[int],
    actor: str,
    now: datetime,
) -> None:
    """Close the open disputes that have no object any more; bring the others up to date.

    ``came_round``: sources that have just told the event as it stands, or nothing against it.
    """
    for dispute in disputes:
        if dispute.state != State.OPEN:
            continue
        found = tellings.contradictions(standing.telling, telling_of(dispute))
        if dispute.source_id in came_round:
            reason = f"{dispute.source.name} came round"
            close(dispute=dispute, state=State.WITHDRAWN, actor=actor, reason=reason, now=now)
        elif not found:
            reason = f"version {standing.row.version} says what {dispute.source.name} told"
            close(dispute=dispute, state=State.REPLACED, actor=actor, reason=reason, now=now)
        elif dispute.standing_id != standing.row.pk:
            contest(
                dispute=dispute,
                event=dispute.event,
                standing=standing,
                source=dispute.source,
                telling=telling_of(dispute),
                found=found,
                now=now,
            )


def summary(dispute: ResultDispute) -> str:
    """Say in one line who contradicts whom, and in what."""
    texts = differs(dispute)
    more = f" and {len(texts) - 3} more" if len(texts) > 3 else ""
    return (
        f"{dispute.event}: {dispute.source.name} tells {'; '.join(texts[:3])}{more}, and"
        f" {dispute.standing.source.name} stands: nobody is paid by it until it is resolved"
    )[:500]


def standing_tellings(versions: Sequence[Version]) -> dict[int, Telling]:
    """Return what each stored version tells, by its key."""
    return {version.row.pk: version.telling for version in versions if version.row.pk}
