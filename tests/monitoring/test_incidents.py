import threading
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from monitoring.models import AuditEntry, Incident, IncidentEntry
from monitoring.services import incidents
from tests.monitoring.builders import NOON, SECOND

pytestmark = pytest.mark.django_db
KIND = "tests.something-wrong"


def open_one(**values: object) -> Incident:
    defaults = {"kind": KIND, "severity": "P2", "summary": "It is wrong", "at": NOON}
    return incidents.open_incident(**(defaults | values))


def timeline(incident: Incident) -> list[str]:
    return list(incident.entries.order_by("pk").values_list("what", flat=True))


class TestOpenIncident:
    def test_opens_one_with_timeline_and_audit(self):
        incident = open_one(subject="betting.Bet:42")
        assert (incident.state, incident.occurrences, incident.opened_at) == ("OPEN", 1, NOON)
        assert timeline(incident) == ["OPENED"]
        assert AuditEntry.objects.get().subject == f"monitoring.Incident:{incident.pk}"

    def test_counts_what_is_open_already(self):
        first = open_one()
        again = open_one(at=NOON + SECOND, severity="P1", summary="It is worse")
        assert again == first
        assert (again.occurrences, again.severity, again.summary) == (2, "P1", "It is worse")
        assert (again.opened_at, again.latest_at) == (NOON, NOON + SECOND)

    def test_keeps_subjects_apart(self):
        assert open_one(subject="a") != open_one(subject="b")

    def test_writes_a_timeline_and_not_a_log(self):
        for minute in range(61):
            incident = open_one(at=NOON + timedelta(minutes=minute))
        assert incident.occurrences == 61
        assert timeline(incident) == ["OPENED"] + ["SEEN_AGAIN"] * 6

    def test_opens_a_new_one_after_the_old_was_resolved(self):
        old = open_one()
        incidents.resolve(incident_id=old.pk, actor="user:alice", now=NOON)
        assert open_one() != old


@pytest.mark.django_db(transaction=True)
def test_eight_that_see_the_same_at_once_open_one():
    ready = threading.Barrier(8)

    def see() -> None:
        ready.wait()
        open_one()
        connection.close()

    threads = [threading.Thread(target=see) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Incident.objects.get().occurrences == 8
    assert IncidentEntry.objects.filter(what="OPENED").count() == 1


class TestAcknowledge:
    def test_notes_who_and_when_once(self):
        incident = open_one()
        for actor in ("user:alice", "user:bob"):
            done = incidents.acknowledge(incident_id=incident.pk, actor=actor, now=NOON)
        assert (done.state, done.acknowledged_by) == ("ACKNOWLEDGED", "user:alice")
        assert timeline(incident) == ["OPENED", "ACKNOWLEDGED"]

    def test_refuses_what_is_over(self):
        incident = open_one()
        incidents.resolve(incident_id=incident.pk, actor="user:alice", now=NOON)
        with pytest.raises(incidents.IncidentIsResolved):
            incidents.acknowledge(incident_id=incident.pk, actor="user:alice", now=NOON)


class TestResolve:
    def test_closes_with_the_note_on_the_timeline_and_in_the_audit(self):
        incident = open_one()
        done = incidents.resolve(
            incident_id=incident.pk, actor="user:alice", now=NOON + SECOND, note="mended"
        )
        assert (done.state, done.resolved_at) == ("RESOLVED", NOON + SECOND)
        assert incident.entries.get(what="RESOLVED").text == "mended"
        assert AuditEntry.objects.filter(action="monitoring.resolve", actor="user:alice").exists()

    def test_refuses_a_second_time(self):
        incident = open_one()
        incidents.resolve(incident_id=incident.pk, actor="user:alice", now=NOON)
        with pytest.raises(incidents.IncidentIsResolved):
            incidents.resolve(incident_id=incident.pk, actor="user:alice", now=NOON)


class TestResolveIncidents:
    def test_closes_those_of_the_kind_that_are_found_no_longer(self):
        for subject in ("a", "b"):
            open_one(subject=subject)
        other = open_one(kind="tests.other")
        assert incidents.resolve_incidents(kind=KIND, except_subjects={"a"}, at=NOON) == 1
        still = Incident.objects.filter(resolved_at=None).order_by("pk")
        assert [incident.subject for incident in still] == ["a", other.subject]


class TestATimeline:
    def test_takes_notes_and_acts(self):
        incident = open_one()
        incidents.add_note(incident_id=incident.pk, actor="user:a", now=NOON, text="looking")
        incidents.record_act(incident_id=incident.pk, actor="user:a", now=NOON, text="paused")
        assert timeline(incident) == ["OPENED", "NOTE", "ACTED"]

    @pytest.mark.parametrize("change", ["update", "delete"])
    def test_cannot_be_rewritten(self, change):
        entries = IncidentEntry.objects.filter(incident=open_one())
        with pytest.raises(DatabaseError, match="Cannot"), transaction.atomic():
            entries.update(text="never happened") if change == "update" else entries.delete()
