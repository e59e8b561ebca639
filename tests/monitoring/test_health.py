import json
from datetime import timedelta

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.utils import timezone

from monitoring import registry
from monitoring.domain.findings import Finding, Severity
from monitoring.models import AuditEntry, Heartbeat, Incident, ScheduledJob, TaskRun
from monitoring.services import audit, broker, health, incidents, metrics, purging
from tests.monitoring.builders import NOON, a_check, a_run, an_ended_run

pytestmark = pytest.mark.django_db


@pytest.fixture
def everything_well(monkeypatch, set_threshold):
    """Beat and a worker alive, and no check but the tests' own."""
    now = timezone.now()
    for name in ("beat", "worker:w@here"):
        Heartbeat.objects.create(name=name, at=now)
    monkeypatch.setattr(registry, "checks", {})
    set_threshold(health.LOW_DISK, 0.1)
    set_threshold(health.NO_DISK, 0.1)
    return now


def command(capsys, *arguments: str) -> tuple[dict, int]:
    """Run a command; return its one JSON object and its exit code."""
    code = 0
    try:
        call_command(*arguments, "--output", "json")
    except SystemExit as ended:
        code = int(ended.code or 0)
    return json.loads(capsys.readouterr().out), code


class TestReadiness:
    def test_rests_on_the_database_and_tells_of_the_rest(self):
        report = health.readiness(timezone.now())
        assert report["ready"] is True
        assert report["parts"]["database"]["status"] == "OK"
        assert report["parts"]["broker"]["status"] == "OK"
        assert report["parts"]["workers"]["status"] == "FAILED"
        assert report["parts"]["beat"]["detail"] == "beat has never given a sign"

    def test_survives_the_broker(self, settings):
        settings.REDIS_URL = "unix:///no/such/socket"
        report = health.readiness(timezone.now())
        assert (report["ready"], report["parts"]["broker"]["status"]) == (True, "FAILED")


class TestTheBroker:
    def test_of_this_installation_loses_nothing(self):
        state = broker.look()
        assert state.problems == []
        assert set(state.depths) == set(settings.QUEUES)

    def test_that_may_drop_messages_is_refused(self):
        state = broker.BrokerState(reachable=True, policy="allkeys-lru", append_only=False)
        assert len(state.problems) == 2


class TestHealthCheck:
    def test_is_well_when_all_is_well(self, capsys, everything_well):
        report, code = command(capsys, "health_check")
        assert (report["status"], code) == ("OK", 0)

    def test_warns_of_a_finding_and_fails_for_a_grave_one(self, capsys, everything_well):
        found = [Finding(Severity.P3, "It is odd")]
        with a_check("tests.odd", lambda now: found):
            assert command(capsys, "health_check")[1] == 2
            found[:] = [Finding(Severity.P0, "It burns")]
            report, code = command(capsys, "health_check")
        assert code == 1
        assert report["checks"][-1]["detail"] == "1 found: It burns"

    def test_goes_on_when_a_check_breaks(self, capsys, everything_well):
        def broken(now):
            raise ZeroDivisionError

        with a_check("tests.a", broken), a_check("tests.b", lambda now: []):
            report, code = command(capsys, "health_check")
        assert code == 1
        assert [c["status"] for c in report["checks"][-2:]] == ["FAILED", "OK"]


class TestStatus:
    def test_shows_parts_queues_and_incidents(self, capsys, everything_well):
        a_run(queue="settle")
        incidents.open_incident(kind="tests.x", severity="P3", summary="x", at=NOON)
        report, code = command(capsys, "status")
        assert (report["status"], code) == ("WARNING", 2)
        assert report["incidents"] == {"P3": 1}
        assert {row["queue"]: row["waiting"] for row in report["queues"]}["settle"] == 1

    def test_prints_a_table_for_people(self, capsys, everything_well):
        call_command("status")
        assert "Open incidents: none" in capsys.readouterr().out


class TestIncidentsCommand:
    def test_lists_acknowledges_and_resolves(self, capsys):
        incident = incidents.open_incident(kind="tests.x", severity="P3", summary="x", at=NOON)
        listed, _ = command(capsys, "incidents", "list")
        assert [row["id"] for row in listed["incidents"]] == [incident.pk]
        assert command(capsys, "incidents", "ack", str(incident.pk))[0]["state"] == "ACKNOWLEDGED"
        assert command(capsys, "incidents", "resolve", str(incident.pk))[0]["state"] == "RESOLVED"
        assert command(capsys, "incidents", "list")[0] == {"incidents": []}

    def test_refuses_a_number_that_is_none(self, capsys):
        report, code = command(capsys, "incidents", "ack", "999")
        assert (report["code"], code) == ("NoSuchIncident", 1)


class TestAuditCommand:
    def test_exports_every_entry_as_a_line(self, capsys, tmp_path):
        for number in range(3):
            at = NOON + timedelta(days=number)
            audit.record(actor="user:a", action="tests.act", subject=f"x:{number}", at=at)
        path = tmp_path / "audit.jsonl"
        since = (NOON + timedelta(days=1)).isoformat()
        report, _ = command(capsys, "audit", "export", "--path", str(path), "--since", since)
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        assert report["entries"] == 2 == len(lines)
        assert [line["subject"] for line in lines] == ["x:1", "x:2"]
        assert AuditEntry.objects.count() == 3

    def test_refuses_a_moment_without_a_zone(self, capsys, tmp_path):
        path = str(tmp_path / "x")
        report, code = command(capsys, "audit", "export", "--path", path, "--since", "yesterday")
        assert (report["code"], code) == ("NotATime", 1)

    def test_needs_a_path(self):
        with pytest.raises(CommandError):
            call_command("audit", "export")


class TestMetrics:
    def test_shows_every_gauge(self):
        a_run(queue="settle")
        page = metrics.render().decode()
        assert 'closingline_queue_waiting{queue="settle"} 1.0' in page
        assert 'closingline_incidents_open{severity="P0"} 0.0' in page
        assert f'closingline_runs{{state="QUEUED",task="{TaskRun.objects.get().task}"}} 1.0' in page

    def test_names_a_gauge_that_breaks_and_shows_the_others(self, monkeypatch):
        def broken():
            raise ZeroDivisionError

        monkeypatch.setitem(registry.gauges, "bad", registry.Gauge("bad", "Broken", broken))
        page = metrics.render().decode()
        assert 'closingline_gauge_broken{gauge="bad"} 1.0' in page
        assert "closingline_queue_waiting" in page


class TestPanels:
    @pytest.mark.parametrize("name", ["queue", "incidents"])
    def test_render_empty_and_full(self, name, rf):
        from django.template.loader import render_to_string

        panel = registry.panels[name]
        empty = render_to_string(panel.template, panel.context(NOON))
        a_run(progress_total=3, progress_done=1, progress_message="<b>half</b>")
        an_ended_run()
        incidents.open_incident(kind="tests.x", severity="P1", summary="<i>bad</i>", at=NOON)
        full = render_to_string(panel.template, panel.context(NOON))
        assert empty != full
        assert "<i>" not in full and "<b>" not in full


class TestPurgeRuns:
    NOW = NOON + settings.RUN_RETENTION + timedelta(days=1)

    def test_deletes_what_ended_long_ago_and_idle_runs_sooner(self):
        old = an_ended_run()
        idle = an_ended_run(finished_at=self.NOW - timedelta(days=2), result={"idle": True})
        young = an_ended_run(finished_at=self.NOW - timedelta(days=2))
        assert purging.purge_runs(now=self.NOW) == 2
        assert list(TaskRun.objects.all()) == [young]
        assert {old.pk, idle.pk}.isdisjoint(TaskRun.objects.values_list("pk", flat=True))

    def test_keeps_live_runs_and_those_that_something_names(self):
        a_run()
        parent = an_ended_run()
        an_ended_run(parent=parent, finished_at=self.NOW)
        named = an_ended_run()
        Incident.objects.create(
            kind="x", severity="P2", summary="x", opened_at=NOON, latest_at=NOON, run=named
        )
        ScheduledJob.objects.create(
            name="x", default="x", grace_seconds=1, added_at=NOON, latest_run=an_ended_run()
        )
        assert purging.purge_runs(now=self.NOW) == 0

    def test_is_bounded(self):
        for _ in range(3):
            an_ended_run()
        assert purging.purge_runs(now=self.NOW, limit=2) == 2
