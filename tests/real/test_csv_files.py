"""The files that the shipped mappings read."""

import pytest
from django.db.models import Count
from django.utils import timezone

from markets.connectors.base import Reading
from markets.connectors.csv_import import CsvImport
from markets.models import Book, Event, LatestPrice, ParkedRow, PriceSnapshot, Result
from markets.services import importing, ingesting
from markets.services.presets import PRESETS
from tests.real.data import FOLDER

DATA = FOLDER
NBA = DATA / "nba" / "games_2008_2024.csv"
RACING = DATA / "betfair" / "racing"
pytestmark = [
    pytest.mark.real,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(not NBA.is_file(), reason=f"no real data at {DATA} (REAL_DATA_DIR)"),
]


def parsed(path, preset):
    spec = importing.checked(next(one.spec for one in PRESETS if one.name == preset))
    reading = Reading(path.name, timezone.now(), options={"spec": spec})
    with path.open("rb") as stream:
        return list(CsvImport().read(stream, reading=reading))


def counts(report):
    keys = ("rows", "loaded", "unchanged", "parked", "rejected")
    return tuple(report[key] for key in keys)


def ingest(source, path):
    return ingesting.ingest(source_code=source, path=str(path), actor="test", now=timezone.now())


class TestConnector:
    def test_reads_every_game(self):
        batches = parsed(NBA, "nba_games")
        assert [batch.records for batch in batches] == [20_000, 1_797]
        assert sum(len(batch.events) for batch in batches) == 21_797
        assert sum(len(batch.prices) for batch in batches) == 39_638
        assert sum(len(batch.results) for batch in batches) == 21_796
        assert [(p.row, p.field) for batch in batches for p in batch.problems] == [
            (6747, "score_home"),
            (7024, "moneyline_away"),
        ]
        events = [event for batch in batches for event in batch.events]
        assert sum("spread" in event.data for event in events) == 21_794

    def test_reads_every_rating(self):
        batches = [
            batch
            for path in sorted(RACING.glob("Kash_*.csv"))
            for batch in parsed(path, "kash_model")
        ]
        assert sum(batch.records for batch in batches) == 44_579
        assert sum(len(batch.prices) for batch in batches) == 44_579
        assert not [problem for batch in batches for problem in batch.problems]


@pytest.mark.loads
@pytest.mark.django_db
class TestIngest:
    def test_loads_every_game_and_nothing_twice(self):
        assert counts(ingest("csv", NBA)) == (21_797, 21_797, 0, 0, 0)
        assert (Event.objects.count(), Result.objects.count()) == (21_797, 21_796)
        assert PriceSnapshot.objects.count() == 39_638
        games = Event.objects.values("home", "starts_at").annotate(n=Count("pk"))
        assert not games.filter(n__gt=1).exists()  # nobody plays twice a day at home
        assert Event.objects.values("home").distinct().count() == 30
        assert set(Event.objects.values_list("start_certainty", flat=True)) == {"DATE"}
        assert counts(ingest("csv", NBA)) == (21_797, 0, 21_797, 0, 0)
        assert PriceSnapshot.objects.count() == 39_638

    def test_joins_ratings_to_the_races_that_are_known(self, tmp_path):
        for path in RACING.glob("Kash_*.csv"):
            (tmp_path / path.name).symlink_to(path)
        races = tmp_path / "races"
        races.mkdir()
        for path in RACING.glob("ANZ_*.csv"):
            (races / path.name).symlink_to(path)
        ingest("betfair_bsp", races)
        before = Event.objects.count()
        report = [ingest("csv", path) for path in sorted(tmp_path.glob("Kash_*.csv"))]
        assert tuple(map(sum, zip(*map(counts, report), strict=True))) == (
            44_579, 43_410, 63, 1_106, 0,
        )  # fmt: skip
        assert Event.objects.count() == before
        book = Book.objects.get(code="kash_model")
        assert (book.kind, LatestPrice.objects.filter(book=book).count()) == ("RATED", 43_410)
        reasons = ParkedRow.objects.filter(source__code="csv").values_list("reason")
        assert dict(reasons.annotate(n=Count("pk"))) == {"NO_EVENT": 841, "UNKNOWN_NAME": 265}
