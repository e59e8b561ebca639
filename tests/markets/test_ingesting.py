import contextlib
import gzip
import json
from datetime import date, timedelta

import pytest
from django.core.management import call_command

from markets.connectors import registry
from markets.models import Event, Fetch, FetchProblem, PriceSnapshot, RawPayload, Result, Source
from markets.services import archiving, ingesting, reading, sources, switching
from monitoring.errors import Cancelled, PermanentlyFailed
from monitoring.models import AuditEntry, TaskRun
from tests.markets.builders import NOW, csv_file
from tests.markets.test_http import a_server

SOURCE = "football_data"


@pytest.fixture(autouse=True)
def archive(settings, tmp_path):
    settings.ARCHIVE_DIR = tmp_path / "archive"
    return settings.ARCHIVE_DIR


@pytest.fixture
def folder(tmp_path):
    data = tmp_path / "data"
    (data / "deep").mkdir(parents=True)
    (data / "E0_2324.csv").write_bytes(csv_file({}, {"HomeTeam": "Cedars", "PSH": "0"}))
    (data / "deep" / "E1_2324.csv").write_bytes(csv_file({"Div": "E1"}))
    (data / "notes.txt").write_text("not read")
    return data


def ingest(**fields):
    return ingesting.ingest(**{"source_code": SOURCE, "actor": "cli:test", "now": NOW, **fields})


def the_source():
    return Source.objects.get(code=SOURCE)


class Run:
    """A run that is cancelled once it has asked ``after`` times."""

    run_id, actor = None, "cli:test"

    def __init__(self, after=10**9):
        self.after, self.told = after, []

    def progress(self, *, done, total=None, message=""):
        self.told.append((done, total, message))

    def raise_if_cancelled(self):
        self.after -= 1
        if self.after < 0:
            raise Cancelled("stop")


class TestSources:
    def test_each_connector_has_its_row(self):
        assert registry.CONNECTORS.keys() == sources.DEFAULTS.keys()


@pytest.mark.django_db
class TestIngest:
    def test_reads_a_folder_to_its_depths(self, folder):
        report = ingest(path=str(folder))
        assert report.pop("seconds") >= 0
        assert report == {
            "source": "football_data",
            "files": 2,
            "events": {"new": 3, "changed": 0, "unchanged": 0},
            "prices": {"new": 35, "unchanged": 6},
            "results": {"new": 3, "corrected": 0, "unchanged": 0},
            "problems": [
                {
                    "file": "E0_2324.csv",
                    "row": 3,
                    "field": "PSH",
                    "message": "a price above 1 and up to 1000, not '0'",
                }
            ],
            "rows": 3,
            "loaded": 3,
            "unchanged": 0,
            "parked": 0,
            "rejected": 0,
            "notices": {"new": 0, "changed": 0, "unchanged": 0},
            "refused": {"no price in what was written": 1},
        }

    def test_reads_one_file(self, folder):
        assert ingest(path=str(folder / "deep" / "E1_2324.csv"))["files"] == 1

    def test_twice_is_once(self, folder):
        ingest(path=str(folder))
        stored = PriceSnapshot.objects.count()
        again = ingest(path=str(folder), now=NOW + timedelta(days=1))
        assert again["events"] == {"new": 0, "changed": 0, "unchanged": 3}
        assert again["prices"] == {"new": 0, "unchanged": 41}
        assert again["results"] == {"new": 0, "corrected": 0, "unchanged": 3}
        assert PriceSnapshot.objects.count() == stored
        assert list(Fetch.objects.order_by("pk").values_list("state", flat=True)) == [
            "NEW_DATA",
            "NOTHING_NEW",
        ]

    def test_of_a_longer_file_adds_what_is_new(self, folder):
        ingest(path=str(folder))
        (folder / "E0_2324.csv").write_bytes(
            csv_file(
                {}, {"HomeTeam": "Cedars", "PSH": "0"}, {"HomeTeam": "Elms", "Date": "19/08/2023"}
            )
        )
        report = ingest(path=str(folder))
        assert report["events"] == {"new": 1, "changed": 0, "unchanged": 3}
        assert report["prices"]["new"] == 12

    def test_of_another_score_is_a_correction_and_nothing_else(self, folder):
        ingest(path=str(folder))
        (folder / "deep" / "E1_2324.csv").write_bytes(csv_file({"Div": "E1", "FTAG": "0"}))
        later = NOW + timedelta(days=3)
        report = ingest(path=str(folder), now=later)
        assert report["results"] == {"new": 0, "corrected": 1, "unchanged": 2}
        assert (report["events"]["changed"], report["prices"]["new"]) == (0, 0)
        assert Result.objects.get(version=2).known_at == later

    def test_archives_every_payload_as_it_came_once(self, folder, archive):
        ingest(path=str(folder))
        ingest(path=str(folder))
        payloads = {
            (folder / "E0_2324.csv").read_bytes(),
            (folder / "deep/E1_2324.csv").read_bytes(),
        }
        assert {archiving.read(sha256=row.sha256) for row in RawPayload.objects.all()} == payloads
        assert {gzip.decompress(path.read_bytes()) for path in archive.rglob("*.gz")} == payloads

    def test_writes_the_look_down_with_what_was_turned_away(self, folder):
        ingest(path=str(folder))
        fetch, source = Fetch.objects.get(), the_source()
        assert (fetch.state, fetch.origin, fetch.error) == ("NEW_DATA", str(folder), "")
        assert fetch.counts["events"]["new"] == 3
        assert fetch.finished_at >= fetch.started_at == NOW
        problem = FetchProblem.objects.get()
        assert (problem.file, problem.row, problem.field) == ("E0_2324.csv", 3, "PSH")
        assert (source.last_success_at, source.failures_in_a_row) == (NOW, 0)

    def test_counts_the_prices_turned_away_by_the_reason(self, folder):
        report = ingest(path=str(folder))
        why = {"no price in what was written": 1}
        assert (report["refused"], Fetch.objects.get().counts["refused"]) == (why, why)

    def test_is_in_the_audit_when_somebody_asked_and_not_when_the_clock_did(self, folder):
        for actor in ("task:markets.tasks.ingest_due_sources", "beat"):
            ingest(path=str(folder), actor=actor)
        assert not AuditEntry.objects.exists()
        ingest(path=str(folder), actor="user:olga")
        entry = AuditEntry.objects.get()
        assert (entry.action, entry.actor) == ("markets.ingest", "user:olga")
        assert entry.detail["events"] == {"new": 0, "changed": 0, "unchanged": 3}

    def test_one_bad_file_loses_none_of_the_others(self, folder):
        (folder / "A.csv").write_bytes(b"<html>moved</html>")
        (folder / "B.csv").write_bytes(b"")
        report = ingest(path=str(folder))
        assert (report["files"], report["events"]["new"]) == (2, 3)
        assert [(p["file"], p["row"]) for p in report["problems"]] == [
            ("A.csv", None),
            ("B.csv", None),
            ("E0_2324.csv", 3),
        ]

    def test_of_nothing_but_bad_files_is_a_failed_look(self, tmp_path):
        (tmp_path / "A.csv").write_bytes(b"<html>moved</html>")
        report = ingest(path=str(tmp_path / "A.csv"))
        assert ingesting.is_failure(report)
        assert Fetch.objects.get().state == "FAILED"
        assert the_source().failures_in_a_row == 1

    def test_leaves_out_a_file_that_is_larger_than_the_source_may_be(self, folder):
        ingesting.sources.ensure_default_sources(now=NOW)
        limit = (folder / "deep" / "E1_2324.csv").stat().st_size
        Source.objects.update(max_bytes=limit)
        report = ingest(path=str(folder))
        assert report["files"] == 1
        assert f"larger than {limit} bytes" in report["problems"][0]["message"]

    def test_leaves_out_events_before_a_day(self, folder):
        report = ingest(path=str(folder), since=date(2023, 8, 13))
        assert report["events"]["new"] == 0
        assert (report["prices"], report["results"]["new"]) == ({"new": 0, "unchanged": 0}, 0)

    def test_without_effect_counts_and_writes_nothing(self, folder, archive):
        report = ingest(path=str(folder), dry_run=True)
        assert (report["events"]["new"], report["prices"]["new"]) == (3, 35)
        assert (Event.objects.count(), Fetch.objects.count(), RawPayload.objects.count()) == (
            0,
            0,
            0,
        )
        assert not AuditEntry.objects.exists()
        assert not archive.exists()

    def test_tells_how_far_it_is(self, folder):
        run = Run()
        ingest(path=str(folder), progress=run)
        assert run.told == [(0, 2, "E0_2324.csv"), (1, 2, "deep/E1_2324.csv"), (2, 2, "")]

    def test_stops_between_files_when_it_is_cancelled(self, folder):
        with pytest.raises(Cancelled):
            ingest(path=str(folder), progress=Run(after=2))
        assert Event.objects.count() == 2
        assert Fetch.objects.get().error == "cancelled"
        assert the_source().failures_in_a_row == 0

    def test_refuses_a_source_that_is_switched_off(self, folder):
        ingest(path=str(folder))
        switching.disable(source_code=SOURCE, reason="moved", actor="user:x", now=NOW)
        with pytest.raises(ingesting.SourceDisabled, match="moved"):
            ingest(path=str(folder))

    def test_refuses_a_source_that_it_does_not_know(self, folder):
        with pytest.raises(ingesting.UnknownSource, match="football_data"):
            ingest(source_code="nowhere", path=str(folder))

    @pytest.mark.parametrize("path", ["nowhere", "empty", None])
    def test_refuses_where_there_is_nothing_to_read(self, path, tmp_path):
        (tmp_path / "empty").mkdir()
        with pytest.raises(reading.NothingToRead):
            ingest(path=path and str(tmp_path / path))
        assert not Fetch.objects.exists()

    def test_notes_that_nothing_lies_where_the_sources_own_data_should(self, tmp_path):
        """Otherwise it would be asked for once, and be missed by nobody."""
        ingesting.sources.ensure_default_sources(now=NOW)
        Source.objects.filter(code=SOURCE).update(location=str(tmp_path / "moved"))
        with pytest.raises(reading.NothingToRead):
            ingest()
        fetch = Fetch.objects.get()
        assert (fetch.state, fetch.error_kind) == ("FAILED", "BAD_PAYLOAD")
        assert (the_source().failures_in_a_row, the_source().last_attempt_at) == (1, NOW)

    def test_reads_the_sources_own_location_by_itself(self, folder):
        ingesting.sources.ensure_default_sources(now=NOW)
        Source.objects.update(location=str(folder))
        assert ingest()["files"] == 2


@pytest.mark.django_db
class TestUrl:
    def test_reads_an_address_and_learns_the_season_from_it(self):
        with a_server((200, {}, csv_file({}))) as (url, _):
            report = ingest(url=f"{url}/mmz4281/2324/E0.csv?x=1")
        assert (report["files"], report["problems"]) == (1, [])
        assert Event.objects.get().season.label == "2023-24"
        assert RawPayload.objects.get().origin.endswith("/mmz4281/2324/E0.csv?x=1")

    def test_that_refuses_is_a_failed_look(self):
        with a_server((404, {}, b"")) as (url, _), pytest.raises(PermanentlyFailed):
            ingest(url=f"{url}/2324/E0.csv")
        fetch = Fetch.objects.get()
        assert (fetch.state, the_source().failures_in_a_row) == ("FAILED", 1)
        assert "404" in fetch.error

    def test_that_answers_with_a_page_is_a_failed_look(self):
        with a_server((200, {}, b"<html>moved</html>")) as (url, _):
            report = ingest(url=f"{url}/2324/E0.csv")
        assert ingesting.is_failure(report)
        assert "not a web page" in report["problems"][0]["message"]
        assert Fetch.objects.get().state == "FAILED"


@pytest.mark.django_db
class TestCommand:
    def run(self, capsys, *arguments):
        try:
            call_command("ingest", SOURCE, *arguments, output="json")
            code = 0
        except SystemExit as stop:
            code = stop.code
        return code, json.loads(capsys.readouterr().out)

    def test_prints_one_object_and_leaves_a_finished_run(self, folder, capsys):
        code, report = self.run(capsys, "--path", str(folder / "deep"))
        assert (code, report["files"], report["problems"]) == (0, 1, [])
        assert list(report) == [
            "source", "files", "events", "prices", "results", "problems", "seconds",
            "rows", "loaded", "unchanged", "parked", "rejected", "notices", "refused",
        ]  # fmt: skip
        run = TaskRun.objects.get()
        assert (run.task, run.state, run.trigger) == ("markets.tasks.ingest", "SUCCEEDED", "CLI")
        assert run.result["events"]["new"] == 1

    def test_ends_with_2_where_something_was_turned_away(self, folder, capsys):
        assert self.run(capsys, "--path", str(folder))[0] == 2

    def test_ends_with_1_where_nothing_could_be_read(self, tmp_path, capsys):
        (tmp_path / "A.csv").write_bytes(b"<html>")
        assert self.run(capsys, "--path", str(tmp_path / "A.csv"))[0] == 1
        code, report = self.run(capsys, "--path", str(tmp_path / "none"))
        assert (code, report["code"]) == (1, "NothingToRead")

    def test_of_the_sources_shows_and_switches_them(self, capsys):
        def sources(*arguments, code=0):
            with contextlib.suppress(SystemExit) if code else contextlib.nullcontext():
                call_command("sources", *arguments, output="json")
            return json.loads(capsys.readouterr().out).get("sources")

        assert [row["code"] for row in sources()] == sorted(registry.CONNECTORS)
        assert sources("disable", SOURCE, "--reason", "moved")[0]["disabled_reason"] == "moved"
        assert sources("reset", SOURCE, "--reason", "no need", code=1) is None
        assert sources("enable", SOURCE, "--reason", "back")[0]["is_enabled"] is True
        assert set(AuditEntry.objects.values_list("action", flat=True)) == {
            "markets.disable_source",
            "markets.enable_source",
        }


class TestArchive:
    def test_that_is_damaged_says_so(self, db, archive):
        ingesting.sources.ensure_default_sources(now=NOW)
        row = archiving.archive(payload=b"prices", source=the_source(), origin="x", now=NOW)
        assert archiving.read(sha256=row.sha256) == b"prices"
        archiving.path_of(sha256=row.sha256).write_bytes(gzip.compress(b"forged"))
        with pytest.raises(ValueError, match="damaged"):
            archiving.read(sha256=row.sha256)
