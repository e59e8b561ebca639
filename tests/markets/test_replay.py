"""Reading the archive once more comes to the same prices, or says that it does not."""

import json
from datetime import date, timedelta

import pytest
from django.core.management import call_command

from markets.models import LatestPrice, PayloadLook, PriceSnapshot, RawPayload
from markets.services import archived, archiving, ingesting, replaying_archive
from monitoring.models import AuditEntry, TaskRun
from tests.markets.builders import NOW, csv_file

pytestmark = pytest.mark.django_db
SOURCE, DAY = "football_data", NOW.date()


@pytest.fixture(autouse=True)
def archive(settings, tmp_path):
    settings.ARCHIVE_DIR = tmp_path / "archive"
    return settings.ARCHIVE_DIR


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "E0_2324.csv"
    path.write_bytes(csv_file({}, {"HomeTeam": "Cedars", "PSH": "0"}))
    return path


def ingest(path, *, at=NOW, **fields):
    return ingesting.ingest(source_code=SOURCE, path=str(path), actor="cli:t", now=at, **fields)


def replay(**fields):
    values = {"source_code": SOURCE, "since": DAY, "until": DAY, "actor": "user:olga", "now": NOW}
    return replaying_archive.replay(**{**values, **fields})


def prices():
    names = ("selection_id", "book_id", "seen_at", "price", "mark", "fetched_at")
    return list(PriceSnapshot.objects.order_by(*names[:3]).values_list(*names))


def latest():
    names = ("selection_id", "book_id", "price", "previous_price", "seen_at", "confirmed_at")
    return list(LatestPrice.objects.order_by(*names[:2]).values_list(*names))


class TestReplay:
    def test_comes_to_the_same_prices(self, file):
        ingest(file)
        before = prices(), latest()
        report = replay()
        assert (report["looks"], report["equal"]) == (1, True)
        assert report["prices_before"] == report["prices_after"] == len(before[0]) > 0
        assert (prices(), latest()) == before

    def test_finds_a_price_that_was_lost_and_changes_nothing(self, file):
        ingest(file)
        lost = PriceSnapshot.objects.order_by("selection_id", "seen_at")[0]
        PriceSnapshot.objects.filter(
            selection=lost.selection_id, book=lost.book_id, seen_at=lost.seen_at
        ).delete()
        report = replay()
        assert report["equal"] is False
        assert report["prices_after"] == report["prices_before"] + 1 == len(prices()) + 1
        assert not AuditEntry.objects.filter(action="markets.replay_archive").exists()

    @pytest.mark.parametrize("lost", ["all of them", "those of a book", "the later ones"])
    def test_brings_back_every_row_of_prices_that_were_deleted(self, file, lost):
        ingest(file)
        right = prices(), latest()
        rows = PriceSnapshot.objects.all()
        if lost == "those of a book":
            rows = rows.filter(book__code="pinnacle", selection__role="HOME")
        elif lost == "the later ones":
            rows = rows.filter(mark=2)
        ids = list(rows.values_list("selection_id", "book_id", "seen_at"))
        assert ids
        for selection, book, seen_at in ids:
            PriceSnapshot.objects.filter(selection=selection, book=book, seen_at=seen_at).delete()
        report = replay(rewrite=True)
        assert report["prices_before"] == report["prices_after"] - len(ids)
        assert (prices(), latest()) == right
        assert replay()["equal"] is True

    def test_leaves_a_latest_price_standing_whose_months_were_retired(self, file, tmp_path):
        ingest(file)
        other = tmp_path / "other" / "E1_2324.csv"
        other.parent.mkdir()
        other.write_bytes(csv_file({"Div": "E1"}))
        ingest(other, at=NOW + timedelta(days=2))
        standing = latest()
        kept = PriceSnapshot.objects.filter(fetched_at__lt=NOW + timedelta(days=1))
        keys = set(kept.values_list("selection_id", flat=True))
        for selection in set(PriceSnapshot.objects.values_list("selection_id", flat=True)) - keys:
            PriceSnapshot.objects.filter(selection=selection).delete()
        assert replay(rewrite=True)["equal"] is True
        assert latest() == standing

    def test_finds_a_price_that_was_changed_and_repairs_it_when_it_is_to(self, file):
        ingest(file)
        right = prices(), latest()
        changed = PriceSnapshot.objects.order_by("selection_id", "-seen_at")[0]
        PriceSnapshot.objects.filter(
            selection=changed.selection_id, book=changed.book_id, seen_at=changed.seen_at
        ).update(price="9.99")
        assert replay(rewrite=True)["equal"] is False
        assert (prices(), latest()) == right
        assert replay()["equal"] is True
        entry = AuditEntry.objects.get(action="markets.replay_archive")
        assert (entry.actor, entry.detail["equal"]) == ("user:olga", False)

    def test_of_some_looks_leaves_what_the_others_said(self, file):
        ingest(file)
        later = NOW + timedelta(days=2)
        file.write_bytes(
            csv_file({"PSCH": "2.05"}, {"HomeTeam": "Cedars", "PSH": "0"}, {"HomeTeam": "Elms"})
        )
        ingest(file, at=later)
        before = prices(), latest()
        for day in (DAY, later.date()):
            report = replay(since=day, until=day, rewrite=True)
            assert report["equal"] is True
            assert (prices(), latest()) == before
        assert replay(until=later.date())["looks"] == 2

    def test_leaves_out_again_what_the_look_left_out(self, file):
        file.write_bytes(csv_file({}, {"HomeTeam": "Elms", "Date": "19/08/2023"}))
        ingest(file, since=date(2023, 8, 15))
        report = replay()
        assert (report["equal"], report["prices_after"]) == (True, len(prices()))

    def test_refuses_where_nothing_was_read(self, file):
        ingest(file)
        with pytest.raises(replaying_archive.NothingToReplay):
            replay(since=DAY - timedelta(days=9), until=DAY - timedelta(days=1))
        with pytest.raises(replaying_archive.NothingToReplay):
            replay(source_code="nowhere")

    @pytest.mark.parametrize("what", ["retired", "damaged", "gone"])
    def test_refuses_where_a_payload_is_there_no_more(self, file, what):
        ingest(file)
        before = prices()
        path = archiving.path_of(sha256=RawPayload.objects.get().sha256)
        if what == "retired":
            RawPayload.objects.update(retired_at=NOW)
        elif what == "damaged":
            path.write_bytes(path.read_bytes()[:-20])
        else:
            path.unlink()
        with pytest.raises(archived.NotThere, match=r"E0_2324.csv"):
            replay(rewrite=True)
        assert prices() == before

    def test_is_a_command_that_tells_a_difference_by_its_exit_code(self, file, capsys):
        ingest(file)
        arguments = ("replay_archive", SOURCE, "--since", str(DAY), "--until", str(DAY))
        call_command(*arguments, output="json")
        assert json.loads(capsys.readouterr().out)["equal"] is True
        PriceSnapshot.objects.update(mark=1)
        with pytest.raises(SystemExit) as stop:
            call_command(*arguments, output="json")
        assert stop.value.code == 2
        states = TaskRun.objects.values_list("task", "state")
        assert list(states) == [("markets.tasks.replay_archive", "SUCCEEDED")] * 2


class TestLooks:
    def test_lead_from_a_price_to_its_payload(self, tmp_path):
        for name in ("E0_2324.csv", "E1_2324.csv"):
            (tmp_path / name).write_bytes(csv_file({"Div": name[:2]}))
        ingest(tmp_path)
        price = PriceSnapshot.objects.filter(
            selection__market__event__competition__code="E1"
        ).first()
        assert PayloadLook.objects.get(fetched_at=price.fetched_at).name == "E1_2324.csv"
        assert list(PayloadLook.objects.values_list("ordinal", flat=True)) == [1, 2]
