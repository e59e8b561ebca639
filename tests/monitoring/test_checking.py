from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings

from monitoring import monitors, registry
from monitoring.domain.findings import Finding, Severity
from monitoring.models import CheckState, Heartbeat, Incident, TaskRun
from monitoring.services import checking
from tests.monitoring.builders import NOON, SECOND, a_check, a_run

pytestmark = pytest.mark.django_db
WRONG = Finding(Severity.P2, "It is wrong", subject="betting.Bet:1")


class TestRunCheck:
    def test_opens_counts_and_closes(self):
        found = [WRONG]
        with a_check("tests.wrong", lambda now: found) as kind:
            assert checking.run_check(kind=kind, now=NOON).findings == 1
            checking.run_check(kind=kind, now=NOON + SECOND)
            incident = Incident.objects.get()
            assert (incident.kind, incident.subject) == (kind, WRONG.subject)
            assert incident.occurrences == 2
            found.clear()
            assert checking.run_check(kind=kind, now=NOON + 2 * SECOND).resolved == 1
        assert Incident.objects.get().resolved_at == NOON + 2 * SECOND
        assert CheckState.objects.get().findings == 0

    def test_that_breaks_says_so_and_leaves_its_incidents_as_they_are(self):
        answers = [[WRONG], ZeroDivisionError("password=abc"), []]

        def check(now):
            answer = answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        with a_check("tests.wrong", check) as kind:
            checking.run_check(kind=kind, now=NOON)
            assert checking.run_check(kind=kind, now=NOON).broken == 1
            state = CheckState.objects.get()
            assert state.error == "ZeroDivisionError: password=[redacted]"
            open_kinds = set(
                Incident.objects.filter(resolved_at=None).values_list("kind", "subject")
            )
            assert open_kinds == {(kind, WRONG.subject), ("monitoring.check-broken", kind)}
            checking.run_check(kind=kind, now=NOON)
        assert not Incident.objects.filter(resolved_at=None).exists()

    def test_that_breaks_the_database_does_not_take_the_others_along(self):
        def broken(now):
            return Heartbeat.objects.raw("select no_such_column from monitoring_heartbeat")

        with a_check("tests.a-broken", broken), a_check("tests.b-wrong", lambda now: [WRONG]):
            done = checking.run_due(now=NOON, kinds=("tests.a-broken", "tests.b-wrong"))
        assert (done.broken, done.findings) == (1, 1)


class TestRunDue:
    def test_runs_a_check_when_its_time_has_passed_and_not_before(self):
        runs = []
        with a_check("tests.x", lambda now: runs.append(now) or [], every=timedelta(minutes=5)):
            for minute in (0, 1, 4, 5, 9, 10):
                checking.run_due(now=NOON + timedelta(minutes=minute), kinds=("tests.x",))
        assert runs == [NOON + timedelta(minutes=minute) for minute in (0, 5, 10)]


class TestBeatDown:
    def test_finds_a_beat_that_never_came_or_went_silent(self):
        assert [f.severity for f in monitors.beat_down(NOON)] == [Severity.P1]
        Heartbeat.objects.create(name="beat", at=NOON)
        assert list(monitors.beat_down(NOON + 10 * SECOND)) == []
        assert len(list(monitors.beat_down(NOON + 60 * SECOND))) == 1


class TestQueueStalled:
    LATER = NOON + timedelta(minutes=3)

    def test_finds_a_queue_where_runs_wait_and_none_begins(self):
        a_run(queue="settle")
        (finding,) = monitors.queue_stalled(self.LATER)
        assert (finding.subject, finding.severity) == ("queue:settle", Severity.P1)

    def test_is_content_while_others_of_the_queue_begin(self):
        a_run(queue="settle")
        a_run(queue="settle", state=TaskRun.State.RUNNING, started_at=self.LATER - SECOND)
        assert list(monitors.queue_stalled(self.LATER)) == []

    def test_counts_no_wait_that_was_asked_for(self):
        a_run(queue="settle", not_before=self.LATER - SECOND)
        assert list(monitors.queue_stalled(self.LATER)) == []


def test_every_kind_of_incident_has_its_runbook():
    unregistered = {"monitoring.task-failed", "monitoring.run-lost", "monitoring.check-broken"}
    own = {kind for kind in registry.checks if kind.startswith("monitoring.")} | unregistered
    runbooks = Path(settings.BASE_DIR) / "docs" / "runbooks"
    assert [kind for kind in own if not (runbooks / f"{kind}.md").is_file()] == []
