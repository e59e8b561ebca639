"""Filling the store: what is kept equals what a rebuild makes, whatever happened in between."""

import errno
import json
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from markets.models import Book, Result
from models_ml import tasks
from models_ml.admin import store as store_pages
from models_ml.domain import asking, features
from models_ml.domain.soccer_v1 import SOCCER_V1
from models_ml.models import EtlRun, Ladder, StoreFile
from models_ml.monitors import store
from models_ml.queries import facts as tables
from models_ml.services import codes, etl
from models_ml.services.store import layout, reading, verifying, writing
from models_ml.services.store.columns import CacheDamaged
from monitoring.desk.actions import Asked
from monitoring.models import AuditEntry, Incident
from monitoring.services import running
from tests.models_ml.stores import DAY, Goals, Story

pytestmark = pytest.mark.django_db
GOALS = Goals()
MINUTE = 60_000_000


@pytest.fixture(autouse=True)
def _store(settings, tmp_path):
    settings.CLOSINGLINE_HOME = tmp_path
    reading.forget()


@pytest.fixture
def story() -> Story:
    return Story(random.Random(5)).begin()


def fill(story: Story, **fields) -> EtlRun:
    fields = {"sets": [GOALS], "actor": "test", "now": story.now, **fields}
    (run,) = etl.etl(**fields)
    return run


def kept(kind: str) -> dict[str, list[dict]]:
    """Return what the store holds of a kind, by part; an unknown number is None."""
    rows = StoreFile.objects.filter(kind=kind).order_by("part")
    return {
        row.part: [
            {name: None if value != value else value for name, value in one.items()}
            for one in reading.read(row=row).to_pylist()
        ]
        for row in rows
    }


def shelf() -> layout.Shelf:
    return etl.shelves()[0]


def same_as_tables(story: Story) -> bool:
    """Say whether facts come out of the store as they come out of the tables."""
    events = [event.pk for event in story.events]
    stored = reading.facts(shelf=shelf(), until=story.now, quotes_of=events)
    asked = {"sport_id": shelf().sport.pk, "is_simulated": False}
    told = tables.facts(**asked, until=story.now, quotes_of=events)
    return stored.fingerprint() == told.fingerprint()


class TestFilling:
    @pytest.mark.parametrize("seed", range(3))
    def test_equals_a_rebuild_over_a_random_history(self, seed) -> None:
        story = Story(random.Random(seed)).begin()
        for _ in range(9):
            story.go_on(story.random.choice([3, 7, 12]))
            assert fill(story).differences == 0
            assert same_as_tables(story)
        rebuilt = fill(story, rebuild=True)
        assert (rebuilt.differences, rebuilt.rows_computed) == (0, 0)
        before = {kind: kept(kind) for kind in ("FEATURES", "RESULTS", "FIXTURES")}
        StoreFile.objects.all().delete()
        EtlRun.objects.all().delete()
        fill(story)
        assert {kind: kept(kind) for kind in before} == before

    def test_leaves_alone_what_nothing_new_reaches(self, story) -> None:
        story.go_on(30)
        first = fill(story)
        files = dict(StoreFile.objects.values_list("part", "sha256"))
        second = fill(story)
        assert first.rows_computed > 0
        assert (second.rows_computed, second.rows_kept) == (0, first.rows_computed)
        assert (second.new_results, second.new_quotes) == (0, 0)
        assert dict(StoreFile.objects.values_list("part", "sha256")) == files

    def test_computes_one_competition_where_only_that_one_has_news(self, story) -> None:
        story.go_on(30)
        fill(story)
        event = next(e for e in story.events if e.results.exists())
        story.tell(event, story.now)
        untouched = [part for part in kept("FEATURES") if f"/{event.competition.code}/" not in part]
        before = {row.part: row.written_at for row in StoreFile.objects.all()}
        story.now += DAY
        run = fill(story)
        after = {row.part: row.written_at for row in StoreFile.objects.all()}
        assert run.new_results == 1
        assert untouched and all(after[part] == before[part] for part in untouched)

    def test_counts_rows_that_come_out_otherwise_than_they_were_kept(self, story) -> None:
        story.go_on(30)
        fill(story)
        story.go_on(7)
        odd = replace(GOALS, factor=2.0)  # other code under the same name
        assert fill(story, sets=[odd]).differences > 0

    def test_computes_a_set_anew_whose_columns_have_changed(self, story) -> None:
        story.go_on(30)
        first = fill(story)
        run = fill(story, sets=[replace(GOALS, sha256="b" * 64, factor=3.0)])
        assert run.rows_computed == first.rows_computed

    def test_computes_a_set_anew_whose_code_has_changed(self, story, monkeypatch) -> None:
        story.go_on(30)
        first = fill(story)
        monkeypatch.setattr(codes, "code_of", lambda name: "b" * 64)
        run = fill(story, sets=[replace(GOALS, factor=3.0)])
        assert (run.rows_computed, run.differences) == (first.rows_computed, 0)

    def test_asks_by_the_ladder_of_the_sport(self, story) -> None:
        story.go_on(30)
        fill(story)
        before = {row["event"]: row["as_of"] for rows in kept("FEATURES").values() for row in rows}
        stages = [{"name": "T-24h", "minutes": 1440}, {"name": "T-30m", "minutes": 30}]
        Ladder.objects.create(sport=shelf().sport, stages=stages)
        run = fill(story)
        after = {row["event"]: row["as_of"] for rows in kept("FEATURES").values() for row in rows}
        assert after == {event: as_of + 30 * MINUTE for event, as_of in before.items()}
        assert run.differences == 0

    def test_computes_everything_anew_where_a_book_is_set_up_otherwise(self, story) -> None:
        story.go_on(30)
        fill(story)
        Book.objects.update(reference_rank=None)
        run = fill(story)
        assert run.differences == 0
        assert run.rows_kept > 0

    def test_takes_in_prices_that_were_fetched_long_ago(self, story) -> None:
        story.go_on(30)
        fill(story)
        event = story.events[0]
        story.price(event, event.starts_at - 3 * DAY)
        assert fill(story).new_quotes == 3
        assert same_as_tables(story)

    def test_puts_parts_together_once_they_are_many(self, story, monkeypatch) -> None:
        monkeypatch.setattr(etl, "MOST_PARTS", 2)
        for _ in range(6):
            story.go_on()
            fill(story)
        rows = StoreFile.objects.filter(kind="QUOTES", part__contains="/A/")
        assert rows.count() <= 2
        assert same_as_tables(story)

    def test_takes_back_what_was_withdrawn(self, story) -> None:
        story.go_on(30)
        fill(story)
        event = next(e for e in story.events if e.results.exists())
        story.tell(event, story.now, status="WITHDRAWN")
        story.now += DAY
        fill(story)
        rows = [row for rows in kept("FEATURES").values() for row in rows]
        is_final = event.results.order_by("-version").first().status == "FINAL"
        assert (event.pk in {row["event"] for row in rows}) == is_final

    def test_is_refused_by_a_clock_that_went_backwards(self, story) -> None:
        story.go_on(30)
        fill(story)
        with pytest.raises(etl.ClockBackwards):
            fill(story, now=story.now - DAY)

    def test_is_refused_for_a_sport_that_is_not_there(self, story) -> None:
        with pytest.raises(etl.UnknownSport):
            etl.etl(now=story.now, actor="test", sport="chess")

    def test_is_told_in_the_audit_and_in_a_report(self, story) -> None:
        story.go_on(30)
        run = fill(story)
        told = etl.report(runs=[run])
        assert told["sports"][0]["sport"] == "soccer"
        assert told["sports"][0]["new_results"] == Result.objects.count()
        assert AuditEntry.objects.get(action="models_ml.etl").actor == "test"


class TestAsking:
    def test_asks_for_each_final_result_at_its_final_stage(self, story) -> None:
        story.go_on(30)
        found = tables.facts(sport_id=shelf().sport.pk, is_simulated=False, until=story.now)
        told = asking.labelled(facts=found, grain="MATCH", minutes=60)
        final = {
            event.pk: event
            for event in story.events
            if (last := event.results.order_by("-version").first()) and last.status == "FINAL"
        }
        assert set(told.asks.event.tolist()) == set(final)
        event = final[int(told.asks.event[0])]
        starts_at = event.starts_at - timedelta(hours=1)
        assert told.asks.as_of[0] == int(starts_at.timestamp()) * 1_000_000


class TestDamage:
    @pytest.fixture
    def filled(self, story) -> Story:
        story.go_on(30)
        fill(story)
        return story

    @staticmethod
    def damage(kind: str, how: str) -> StoreFile:
        row = StoreFile.objects.filter(kind=kind).order_by("part").first()
        path = layout.path(part=row.part, sha256=row.sha256)
        content = bytearray(path.read_bytes())
        if how == "cut":
            path.write_bytes(content[: len(content) // 2])
        elif how == "flipped":
            content[len(content) // 2] ^= 0xFF
            path.write_bytes(content)
        elif how == "swapped":
            other = StoreFile.objects.filter(kind=kind).exclude(pk=row.pk).first()
            path.write_bytes(layout.path(part=other.part, sha256=other.sha256).read_bytes())
        else:
            path.unlink()
        return row

    @pytest.mark.parametrize("how", ["cut", "flipped", "swapped", "missing"])
    @pytest.mark.parametrize("kind", ["RESULTS", "QUOTES", "FEATURES"])
    def test_is_found_at_read_said_and_mended(self, filled, kind, how) -> None:
        before = kept(kind)
        row = self.damage(kind, how)
        with pytest.raises(CacheDamaged):
            reading.read(row=row)
        found = verifying.verify(now=filled.now)
        assert found.damaged == [row.part]
        row.refresh_from_db()
        assert row.state == StoreFile.State.DAMAGED
        assert Incident.objects.get(kind=verifying.KIND).subject == f"store:{row.part}"
        mended = etl.repair(part=row.part, now=filled.now, actor="test", sets=[GOALS])
        assert mended is not None and mended.state == StoreFile.State.GOOD
        assert kept(kind) == before
        assert verifying.verify(now=filled.now).damaged == []

    def test_stops_a_filling_that_needs_the_part_and_marks_it(self, filled) -> None:
        row = self.damage("RESULTS", "cut")
        filled.go_on()
        with pytest.raises(CacheDamaged):
            fill(filled)
        row.refresh_from_db()
        assert row.state == StoreFile.State.DAMAGED
        assert EtlRun.objects.count() == 1

    def test_of_a_manifest_that_tells_of_other_rows_is_found(self, filled) -> None:
        row = StoreFile.objects.filter(kind="RESULTS").first()
        row.rows += 1
        row.save(update_fields=["rows"])
        with pytest.raises(CacheDamaged, match="manifest"):
            reading.read(row=row)

    def test_of_a_part_nobody_knows_is_refused(self, filled) -> None:
        with pytest.raises(etl.UnknownPart):
            etl.repair(part="soccer-real/none", now=filled.now, actor="test")

    def test_of_prices_that_were_retired_is_not_mended_with_fewer(self, filled) -> None:
        row = self.damage("QUOTES", "cut")
        with connection.cursor() as cursor:
            cursor.execute("delete from markets_pricesnapshot")
        with pytest.raises(etl.NotInTheTables):
            etl.repair(part=row.part, now=filled.now, actor="test", sets=[GOALS])
        assert StoreFile.objects.filter(part=row.part).exists()

    def test_files_that_no_row_names_are_removed_once_they_are_old(self, filled) -> None:
        stray = layout.folder() / "soccer-real" / "left-behind.parquet"
        stray.write_bytes(b"x")
        written = datetime.fromtimestamp(stray.stat().st_mtime, tz=UTC)
        assert verifying.verify(now=written + timedelta(minutes=5)).removed == 0
        assert verifying.verify(now=written + timedelta(hours=2)).removed == 1
        assert not stray.exists()


class TestWriting:
    def test_cut_off_before_it_commits_leaves_what_stood(self, story, monkeypatch) -> None:
        story.go_on(30)
        fill(story)
        before = {kind: kept(kind) for kind in ("RESULTS", "FEATURES")}
        story.go_on()

        def killed(**fields: object) -> None:  # when every file is written, and no row committed
            raise KeyboardInterrupt

        monkeypatch.setattr(etl.audit, "record", killed)
        with pytest.raises(KeyboardInterrupt):
            fill(story)
        monkeypatch.undo()
        assert {kind: kept(kind) for kind in before} == before
        assert fill(story).differences == 0
        assert same_as_tables(story)

    def test_on_a_full_disk_is_refused_and_leaves_no_half_file(self, story, monkeypatch) -> None:
        story.go_on(30)

        def full(*args: object, **fields: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr("pyarrow.parquet.write_table", full)
        with pytest.raises(writing.StoreNotWritten, match="No space left"):
            fill(story)
        assert [path for path in layout.folder().rglob("*") if path.is_file()] == []
        assert StoreFile.objects.count() == 0


def run(*arguments: str) -> tuple[dict, int]:
    """Run a command; return the one JSON object it prints, and its exit code."""
    out, code = StringIO(), 0
    try:
        call_command(*arguments, "--output", "json", stdout=out)
    except SystemExit as end:
        code = int(end.code or 0)
    return json.loads(out.getvalue()), code


class TestDoors:
    @pytest.fixture
    def filled(self, story) -> Story:
        story.go_on(10)
        assert run("etl")[1] == 0
        return story

    def test_of_the_command_fill_verify_and_mend(self, filled) -> None:
        told, code = run("etl", "--sport", "soccer")
        assert (code, told["damaged"], told["sports"][0]["new_results"]) == (0, [], 0)
        row = TestDamage.damage("RESULTS", "cut")
        assert run("etl", "--verify")[0]["damaged"] == [row.part]
        assert run("etl", "--repair", row.part)[0] == {
            "part": row.part,
            "rows": row.rows,
            "state": "GOOD",
        }
        assert run("etl", "--sport", "chess")[1] != 0

    def test_of_the_command_keep_features_of_every_set(self, filled) -> None:
        rows = [row for part in kept("FEATURES").values() for row in part]
        asked = {"sport_id": shelf().sport.pk, "is_simulated": False, "until": timezone.now()}
        found = tables.facts(**asked, quotes_of=[event.pk for event in filled.events])
        told = asking.labelled(facts=found, grain="MATCH", minutes=60)
        values = features.compute(feature_set=SOCCER_V1, facts=found, asks=told.asks)
        stored = {row["event"]: [row[name] for name in SOCCER_V1.names] for row in rows}
        asked = dict(zip(told.asks.event.tolist(), values.tolist(), strict=True))
        nulls = {e: [None if v != v else v for v in row] for e, row in asked.items()}
        assert stored == nulls and len(stored) > 10
        assert {row.feature_set for row in StoreFile.objects.filter(kind="FEATURES")} == {
            "soccer_v1"
        }

    def test_of_the_page_mend_features(self, filled) -> None:
        before = kept("FEATURES")
        row = TestDamage.damage("FEATURES", "flipped")
        verifying.verify(now=timezone.now())
        row.refresh_from_db()
        asked = Asked([row], {}, user=None, actor="user:ada", now=timezone.now())
        assert f"{row.rows} rows" in store_pages.repair(asked).text
        assert kept("FEATURES") == before

    def test_of_the_tasks_fill_and_verify(self, filled) -> None:
        filled.go_on(7)
        asked = {"task": "models_ml.tasks.run_etl", "trigger": "USER", "actor": "user:ada"}
        with running.recorded_here(**asked, now=timezone.now()) as handle:
            told = tasks.run_etl.body(handle, sport="soccer", rebuild=True)
            found = tasks.verify_store.body(handle)
        assert (told["damaged"], told["sports"][0]["differences"]) == ([], 0)
        assert found == {"good": StoreFile.objects.count(), "damaged": [], "removed": 0}
        assert EtlRun.objects.filter(is_rebuild=True).count() == 1
        assert AuditEntry.objects.get(action="models_ml.rebuild").actor == "user:ada"

    def test_of_the_checks_find_damage_and_a_missed_night(self, filled) -> None:
        now = timezone.now()
        assert list(store.the_store_is_what_was_written(now)) == []
        assert list(store.the_store_is_filled_every_night(now)) == []
        row = TestDamage.damage("RESULTS", "missing")
        verifying.verify(now=now)
        (found,) = store.the_store_is_what_was_written(now)
        assert found.subject == f"store:{row.part}"
        EtlRun.objects.update(differences=3)
        assert len(list(store.the_store_is_what_was_written(now))) == 2
        (late,) = store.the_store_is_filled_every_night(now + timedelta(hours=27))
        assert late.subject == "store:soccer-real"
