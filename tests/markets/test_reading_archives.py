"""Packed files on their way through: archived as they came, read member by member."""

import bz2
import gzip
import hashlib

import pytest

from markets.models import Event, Fetch, PayloadLook, RawPayload, Source
from markets.services import archived, archiving, ingesting, sources
from markets.services.reading import NothingToRead
from tests.markets.builders import NOW, csv_file
from tests.markets.test_containers import tarred, zipped

pytestmark = pytest.mark.django_db
SOURCE = "football_data"
E0, E1 = csv_file({}), csv_file({"Div": "E1"}, {"Div": "E1", "HomeTeam": "Cedars"})


@pytest.fixture(autouse=True)
def archive(settings, tmp_path):
    settings.ARCHIVE_DIR = tmp_path / "archive"
    sources.ensure_default_sources(now=NOW)
    return settings.ARCHIVE_DIR


def ingest(path, **fields):
    return ingesting.ingest(
        **{"source_code": SOURCE, "path": str(path), "actor": "cli:t", "now": NOW, **fields}
    )


def a_file(folder, name, payload):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(payload)
    return path


class TestIngest:
    @pytest.mark.parametrize(
        ("name", "payload", "read_as"),
        [
            ("E0_2324.csv", E0, "E0_2324.csv"),
            ("E0_2324.csv.gz", gzip.compress(E0), "E0_2324.csv"),
            ("E0_2324.csv.bz2", bz2.compress(E0), "E0_2324.csv"),
            ("E0_2324.csv", gzip.compress(E0), "E0_2324.csv"),
            ("s.zip", zipped(**{"2324/E0.csv": E0, "x.txt": b""}), "s.zip/2324/E0.csv"),
            ("s.tgz", gzip.compress(tarred(**{"2324/E0.csv": E0})), "s.tar/2324/E0.csv"),
        ],
    )
    def test_reads_packed_files_and_archives_them_as_they_came(
        self, tmp_path, name, payload, read_as
    ):
        report = ingest(a_file(tmp_path, name, payload))
        assert (report["files"], report["loaded"], report["problems"]) == (1, 1, [])
        row = RawPayload.objects.get()
        assert row.sha256 == hashlib.sha256(payload).hexdigest()
        assert (archiving.read(sha256=row.sha256), row.size) == (payload, len(payload))
        assert row.stored_bytes == archiving.path_of(sha256=row.sha256).stat().st_size
        assert PayloadLook.objects.get().name == read_as
        assert Event.objects.get().season.label == "2023-24"

    def test_reads_every_member_in_order_and_each_is_a_look_of_its_own(self, tmp_path):
        payload = zipped(**{"E1_2324.csv": E1, "E0_2324.csv": E0, "readme.txt": b"hello"})
        report = ingest(a_file(tmp_path, "s.zip", payload))
        assert (report["files"], report["rows"], report["loaded"]) == (2, 3, 3)
        looks = list(PayloadLook.objects.order_by("ordinal"))
        assert [look.name for look in looks] == ["s.zip/E0_2324.csv", "s.zip/E1_2324.csv"]
        assert len({look.fetched_at for look in looks}) == 2
        assert {look.payload_id for look in looks} == {RawPayload.objects.get().pk}

    def test_finds_packed_files_in_a_folder(self, tmp_path):
        a_file(tmp_path, "in/E0_2324.csv.gz", gzip.compress(E0))
        a_file(tmp_path, "in/old/s.zip", zipped(**{"E1_2324.csv": E1}))
        a_file(tmp_path, "in/notes.txt.gz", gzip.compress(b"no"))
        assert ingest(tmp_path / "in")["rows"] == 3

    def test_of_a_cut_file_archives_it_and_reads_nothing_of_it(self, tmp_path):
        cut = gzip.compress(E0 * 50)[:-12]
        report = ingest(a_file(tmp_path, "E0_2324.csv.gz", cut))
        (problem,) = report["problems"]
        assert (report["files"], report["rows"], problem["row"]) == (0, 0, None)
        assert problem["message"].startswith("a whole payload")
        assert archiving.read(sha256=RawPayload.objects.get().sha256) == cut
        assert Fetch.objects.get().error_kind == "BAD_PAYLOAD"

    def test_of_a_bomb_reads_nothing_and_reads_the_other_files(self, tmp_path):
        a_file(tmp_path, "in/A.csv.gz", gzip.compress(b"\0" * 30_000_000))
        a_file(tmp_path, "in/E0_2324.csv", E0)
        report = ingest(tmp_path / "in")
        assert (report["files"], report["loaded"]) == (1, 1)
        assert "200 times its size" in report["problems"][0]["message"]

    def test_holds_a_source_to_its_own_limits(self, tmp_path):
        Source.objects.filter(code=SOURCE).update(max_expanded_bytes=100)
        report = ingest(a_file(tmp_path, "E0_2324.csv.gz", gzip.compress(E0)))
        assert "100 bytes once it is expanded" in report["problems"][0]["message"]
        assert Fetch.objects.get().error_kind == "TOO_LARGE"

    def test_says_that_an_archive_holds_nothing_of_the_source(self, tmp_path):
        report = ingest(a_file(tmp_path, "s.zip", zipped(**{"readme.txt": b""})))
        assert ingesting.is_failure(report)
        assert report["problems"][0]["message"] == "an archive that holds a .csv file"

    def test_of_a_folder_without_anything_of_the_source_refuses(self, tmp_path):
        a_file(tmp_path, "in/x.json.gz", gzip.compress(b"{}"))
        with pytest.raises(NothingToRead):
            ingest(tmp_path / "in")

    def test_without_effect_reads_packed_files_too(self, tmp_path, archive):
        path = a_file(tmp_path, "s.zip", zipped(**{"E0_2324.csv": E0}))
        assert ingest(path, dry_run=True)["loaded"] == 1
        assert not archive.exists()


class TestBatches:
    """An archived payload is read again as the look read it."""

    def read(self, look, **fields):
        values = {"payload": look.payload, "name": look.name, "options": look.options}
        values |= {"fetched_at": look.fetched_at, "source": look.fetch.source, **fields}
        return list(archived.batches(**values))

    def test_are_those_of_the_member_alone(self, tmp_path):
        ingest(a_file(tmp_path, "s.zip", zipped(**{"E0_2324.csv": E0, "E1_2324.csv": E1})))
        (batch,) = self.read(PayloadLook.objects.get(ordinal=2))
        assert {event.competition for event in batch.events} == {"E1"}
        assert batch.records == 2

    def test_of_a_name_that_is_not_in_it_are_refused(self, tmp_path):
        ingest(a_file(tmp_path, "s.zip", zipped(**{"E0_2324.csv": E0})))
        with pytest.raises(archived.NotThere, match="not in the payload"):
            self.read(PayloadLook.objects.get(), name="s.zip/E9.csv")


class TestCompanions:
    """A recording without names beside the catalogue that tells them."""

    CODE = "nfl_lines"

    def look(self, **options):
        return PayloadLook.objects.latest("pk").options

    @pytest.fixture
    def asked(self, monkeypatch):
        """Let the connector open a file beside the one it reads, and note what it found."""
        from markets.connectors.registry import CONNECTORS

        found = []
        connector = CONNECTORS[self.CODE]
        read = type(connector).read

        def reads(self, stream, *, reading):
            found.append(reading.companion("games.csv"))
            yield from read(self, stream, reading=reading)

        monkeypatch.setattr(type(connector), "read", reads)
        return found

    def test_beside_a_file_are_archived_and_found_again(self, tmp_path, asked):
        a_file(tmp_path, "in/games.csv", b"beside")
        path = a_file(tmp_path, "in/lines.csv", b"nothing\n")
        ingest(path, source_code=self.CODE)
        assert asked == [b"beside"] * len(asked) and asked
        sha256 = PayloadLook.objects.get().options["companions"]["games.csv"]
        assert archiving.read(sha256=sha256) == b"beside"
        path.with_name("games.csv").unlink()
        asked.clear()
        TestBatches().read(PayloadLook.objects.get())
        assert asked == [b"beside"]

    def test_within_an_archive_are_found_there(self, tmp_path, asked):
        payload = zipped(**{"d/games.csv": b"beside", "d/lines.csv": b"nothing\n"})
        ingest(a_file(tmp_path, "s.zip", payload), source_code=self.CODE)
        assert asked == [b"beside"] * 2
        assert "companions" not in PayloadLook.objects.latest("pk").options
        asked.clear()
        TestBatches().read(PayloadLook.objects.get(name="s.zip/d/lines.csv"))
        assert asked == [b"beside"]

    def test_are_named_without_a_path(self, tmp_path, asked, monkeypatch):
        a_file(tmp_path, "secret.csv", b"no")
        from markets.services import reading

        beside = reading.beside(a_file(tmp_path, "in/lines.csv", b""))
        for name in ("../secret.csv", "/etc/passwd", "..", "in"):
            assert beside(name) is None
