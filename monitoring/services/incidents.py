"""What is wrong, until it is not: opened once per kind and subject, with a timeline."""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import connection, transaction

from monitoring.errors import Refused
from monitoring.models import Incident, IncidentEntry, TaskRun
from monitoring.services import audit

SEEN_AGAIN_EVERY = timedelta(minutes=10)  # of timeline lines; every sighting is counted

_OPEN = """
    insert into monitoring_incident as i
        (kind, subject, severity, state, summary, opened_at, latest_at, occurrences,
         acknowledged_by, resolved_by, run_id)
    values (%s, %s, %s, 'OPEN', %s, %s, %s, 1, '', '', %s)
    on conflict (kind, subject) where resolved_at is null do update set
        severity = excluded.severity, summary = excluded.summary,
        latest_at = greatest(i.latest_at, excluded.latest_at),
        occurrences = i.occurrences + 1, run_id = coalesce(excluded.run_id, i.run_id)
    returning id, occurrences
"""


class IncidentIsResolved(Refused):
    """The incident is over; a new occurrence opens a new one."""


def open_incident(
    *,
    kind: str,
    severity: str,
    summary: str,
    at: datetime,
    subject: str = "",
    run: TaskRun | None = None,
    actor: str = "system",
) -> Incident:
    """Open an incident, or count one more sighting of the one already open.

    One statement does either, so any number of callers at once make one incident.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                _OPEN, [kind, subject, severity, summary, at, at, run.pk if run else None]
            )
            incident_id, occurrences = cursor.fetchone()
        if occurrences == 1:
            _note(incident_id, at=at, actor=actor, what="OPENED", text=f"{severity}: {summary}")
            audit.record(
                actor=actor,
                action="monitoring.open_incident",
                subject=f"monitoring.Incident:{incident_id}",
                at=at,
                kind=kind,
                about=subject,
                severity=severity,
            )
        else:
            _note_sighting(incident_id, at=at, actor=actor, text=f"{severity}: {summary}")
    return Incident.objects.get(pk=incident_id)


def acknowledge(*, incident_id: int, actor: str, now: datetime, note: str = "") -> Incident:
    """Say that somebody is looking at it.  Acknowledging twice changes nothing.

    Raises:
        IncidentIsResolved: it is over.
    """
    with transaction.atomic():
        incident = _locked(incident_id)
        if incident.state == Incident.State.ACKNOWLEDGED:
            return incident
        incident.state = Incident.State.ACKNOWLEDGED
        incident.acknowledged_at, incident.acknowledged_by = now, actor
        incident.save(update_fields=["state", "acknowledged_at", "acknowledged_by"])
        _note(incident.pk, at=now, actor=actor, what="ACKNOWLEDGED", text=note)
        audit.record(
            actor=actor, action="monitoring.acknowledge", subject=incident, at=now, note=note
        )
    return incident


def resolve(*, incident_id: int, actor: str, now: datetime, note: str = "") -> Incident:
    """Close one incident by hand.

    Raises:
        IncidentIsResolved: it is over already.
    """
    with transaction.atomic():
        incident = _locked(incident_id)
        _close(incident, actor=actor, at=now, note=note)
    return incident


def add_note(*, incident_id: int, actor: str, now: datetime, text: str) -> None:
    """Write a line into the timeline; a resolved incident takes notes too."""
    with transaction.atomic():
        incident = Incident.objects.get(pk=incident_id)
        _note(incident.pk, at=now, actor=actor, what="NOTE", text=text)
        audit.record(actor=actor, action="monitoring.note", subject=incident, at=now, text=text)


def record_act(*, incident_id: int, actor: str, now: datetime, text: str) -> None:
    """Write into the timeline what somebody did from the incident's page."""
    _note(incident_id, at=now, actor=actor, what="ACTED", text=text)


def resolve_incidents(
    *,
    kind: str,
    except_subjects: Collection[str],
    at: datetime,
    actor: str = "system",
    note: str = "no longer found",
) -> int:
    """Close every open incident of the kind but those of the subjects; return how many."""
    with transaction.atomic():
        healthy = list(
            Incident.objects.select_for_update()
            .filter(kind=kind, resolved_at=None)
            .exclude(subject__in=except_subjects)
            .order_by("pk")
        )
        for incident in healthy:
            _close(incident, actor=actor, at=at, note=note)
    return len(healthy)


def resolve_subject(
    *, kinds: Collection[str], subject: str, at: datetime, actor: str, note: str
) -> int:
    """Close the open incidents of one subject and these kinds, if there are any."""
    standing = Incident.objects.filter(kind__in=kinds, subject=subject, resolved_at=None)
    if not standing.exists():
        return 0
    with transaction.atomic():
        found = list(standing.select_for_update().order_by("pk"))
        for incident in found:
            _close(incident, actor=actor, at=at, note=note)
    return len(found)


def _locked(incident_id: int) -> Incident:
    incident = Incident.objects.select_for_update().get(pk=incident_id)
    if incident.resolved_at is not None:
        raise IncidentIsResolved(f"Incident {incident_id} is resolved")
    return incident


def _close(incident: Incident, *, actor: str, at: datetime, note: str) -> None:
    incident.state = Incident.State.RESOLVED
    incident.resolved_at, incident.resolved_by = at, actor
    incident.save(update_fields=["state", "resolved_at", "resolved_by"])
    _note(incident.pk, at=at, actor=actor, what="RESOLVED", text=note)
    audit.record(actor=actor, action="monitoring.resolve", subject=incident, at=at, note=note)


def _note(incident_id: int, *, at: datetime, actor: str, what: str, text: str) -> None:
    IncidentEntry.objects.create(incident_id=incident_id, at=at, actor=actor, what=what, text=text)


def _note_sighting(incident_id: int, *, at: datetime, actor: str, text: str) -> None:
    """Add a line when the wording changed or the last line is old: a timeline, not a log."""
    last = IncidentEntry.objects.filter(incident_id=incident_id).order_by("-pk").first()
    sighted = last is not None and last.what in ("OPENED", "SEEN_AGAIN") and last.text == text
    if last is None or not sighted or last.at <= at - SEEN_AGAIN_EVERY:
        if last is not None and last.at > at - timedelta(minutes=1):
            return
        _note(incident_id, at=at, actor=actor, what="SEEN_AGAIN", text=text)
