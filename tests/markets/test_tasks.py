from datetime import timedelta

import pytest
from django.utils import timezone

from markets import tasks
from markets.models import ClosingPrice, Event, Source
from markets.services import recording
from monitoring.models import AuditEntry, TaskRun
from monitoring.services import running
from tests.markets.builders import a_batch, a_source, an_event, csv_file, match_odds


@pytest.fixture
def run(db):
    with running.recorded_here(
        task="test", trigger="CLI", actor="cli:test", now=timezone.now()
    ) as handle:
        yield handle


class TestIngestDueSources:
    def test_asks_for_one_run_of_each_source_that_is_due(self, run, tmp_path):
        (tmp_path / "E0_2324.csv").write_bytes(csv_file({}))
        assert tasks.ingest_due_sources.body(run) == {"asked": []}
        Source.objects.filter(code="football_data").update(location=str(tmp_path))
        first = tasks.ingest_due_sources.body(run)
        again = tasks.ingest_due_sources.body(run)
        assert [row["source"] for row in first["asked"]] == ["football_data"]
        assert again == first
        asked = TaskRun.objects.get(task="markets.tasks.ingest")
        assert (asked.arguments, asked.parent_id) == ({"source": "football_data"}, run.run_id)


class TestIngest:
    def test_reads_and_returns_the_counts(self, run, tmp_path, settings):
        settings.ARCHIVE_DIR = tmp_path / "archive"
        (tmp_path / "E0_2324.csv").write_bytes(csv_file({}, {"HomeTeam": "Elms", "PSH": "0"}))
        report = tasks.ingest.body(
            run, source="football_data", path=str(tmp_path), since="2023-08-01"
        )
        assert (report["events"]["new"], report["problems"]) == (2, 1)
        assert Event.objects.count() == 2

    @pytest.mark.parametrize(
        ("trigger", "actor", "entries"), [("USER", "user:olga", 1), ("TASK", "task:due", 0)]
    )
    def test_is_in_the_audit_under_the_name_of_who_asked(
        self, db, tmp_path, settings, trigger, actor, entries
    ):
        settings.ARCHIVE_DIR = tmp_path / "archive"
        (tmp_path / "E0_2324.csv").write_bytes(csv_file({}))
        asked = {"task": "markets.tasks.ingest", "trigger": trigger, "actor": actor}
        with running.recorded_here(**asked, now=timezone.now()) as run:
            tasks.ingest.body(run, source="football_data", path=str(tmp_path))
        found = AuditEntry.objects.filter(action="markets.ingest")
        assert [entry.actor for entry in found] == [actor] * entries


class TestRecordCloses:
    def test_records_what_has_started(self, run):
        start = timezone.now() - timedelta(minutes=5)
        prices = match_odds("2", "3.4", "4", seen_at=start - timedelta(hours=1))
        batch = a_batch(events=[an_event(starts_at=start)], prices=prices)
        recording.record(batch=batch, source=a_source(), now=timezone.now())
        assert tasks.record_closes.body(run) == {"events": 1}
        assert ClosingPrice.objects.count() == 3
        assert tasks.record_closes.body(run) == {"events": 0}


class TestKeepPrices:
    def test_makes_the_months_to_come_once(self, run):
        tasks.keep_prices.body(run)
        assert tasks.keep_prices.body(run) == {"partitions": [], "retired": 0}
