"""All of the publisher's files at hand, through the connector and the one load path."""

from collections import Counter

import numpy as np
import pytest
from django.db.models import Count, F, Q
from django.utils import timezone

from markets.connectors.football_data import FootballData
from markets.models import ClosingPrice, Event, LatestPrice, PriceSnapshot, Result, Selection
from markets.services import closing, ingesting
from tests.real.data import FOLDER

DATA = FOLDER / "football_data"
pytestmark = [
    pytest.mark.real,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no real data at {DATA} (REAL_DATA_DIR)"),
]


def lines(path):
    return sum(1 for line in path.read_text("cp1252").splitlines()[1:] if line.strip(", "))


class TestConnector:
    @pytest.mark.parametrize("path", sorted(DATA.glob("*.csv")), ids=lambda path: path.stem)
    def test_reads_every_row_of_a_file(self, path):
        batch = FootballData().parse(path.read_bytes(), name=path.name, fetched_at=timezone.now())
        assert batch.records == len(batch.events) == len(batch.results) == lines(path)
        assert {event.leg for event in batch.events} == {1}
        assert len({event.season for event in batch.events}) == 1
        assert len(batch.columns) > 70 * len(batch.events)
        assert len(batch.problems) <= 2

    def test_reads_every_price_of_every_file(self):
        totals, problems = Counter(), []
        for path in sorted(DATA.glob("*.csv")):
            payload = path.read_bytes()
            batch = FootballData().parse(payload, name=path.name, fetched_at=timezone.now())
            kinds = np.array([key[1] for key in batch.columns.keys])[batch.columns.key]
            totals.update(kinds.tolist())
            totals["records"] += batch.records
            problems += [(problem.file, problem.row, problem.field) for problem in batch.problems]
        assert totals == {
            "records": 11_715, "MATCH_ODDS": 554_994, "ASIAN_HANDICAP": 187_366, "TOTAL": 187_185,
        }  # fmt: skip
        assert problems == [
            ("D1_1920.csv", 261, "AvgC>2.5"),
            ("E0_2122.csv", 170, "B365C>2.5"),
            ("E0_2122.csv", 170, "B365C<2.5"),
        ]


@pytest.mark.django_db
class TestIngest:
    @pytest.fixture
    def league(self, tmp_path):
        for season in ("1920", "2021", "2324"):
            (tmp_path / f"E0_{season}.csv").symlink_to(DATA / f"E0_{season}.csv")
        return tmp_path

    def ingest(self, folder):
        return ingesting.ingest(
            source_code="football_data", path=str(folder), actor="test", now=timezone.now()
        )

    def test_stores_all_of_it_and_nothing_twice(self, league):
        first = self.ingest(league)
        stored = PriceSnapshot.objects.count()
        second = self.ingest(league)
        assert first["events"]["new"] == second["events"]["unchanged"] == 3 * 380
        assert first["prices"]["new"] == stored == PriceSnapshot.objects.count()
        assert second["prices"] == {"new": 0, "unchanged": sum(first["prices"].values())}
        assert second["results"] == {"new": 0, "corrected": 0, "unchanged": 3 * 380}
        assert Result.objects.filter(version=1, status="FINAL").count() == 3 * 380
        assert set(Event.objects.values_list("status", flat=True)) == {"FINISHED"}
        per_season = Counter(Event.objects.values_list("season__label", flat=True))
        assert per_season == {"2019-20": 380, "2020-21": 380, "2023-24": 380}

    def test_leaves_latest_prices_and_closes_that_agree_with_the_history(self, league):
        self.ingest(league)
        assert closing.record_closes(as_of=timezone.now(), now=timezone.now()) == 3 * 380
        pairs = PriceSnapshot.objects.values("selection_id", "book_id").distinct().count()
        assert LatestPrice.objects.count() == ClosingPrice.objects.count() == pairs
        agreeing = LatestPrice.objects.filter(
            selection__closing_prices__book=F("book"),
            selection__closing_prices__price=F("price"),
            selection__closing_prices__seen_at=F("seen_at"),
            selection__closing_prices__confirmed_at=F("confirmed_at"),
        )
        assert agreeing.count() == pairs
        handicaps = Selection.objects.filter(market__kind="ASIAN_HANDICAP")
        assert not handicaps.filter(role="HOME").exclude(line=F("market__line")).exists()
        assert not handicaps.filter(role="AWAY").exclude(line=-F("market__line")).exists()

    def test_finds_pinnacles_close_to_be_efficient(self, league):
        self.ingest(league)
        closing.record_closes(as_of=timezone.now(), now=timezone.now())
        rows = ClosingPrice.objects.filter(
            book__code="pinnacle", selection__market__kind="MATCH_ODDS"
        )
        overrounds = np.array(rows.values_list("overround", flat=True), dtype=float)
        assert 0.02 < np.nanmedian(overrounds) < 0.04
        won = (
            Q(selection__role="HOME", selection__market__event__results__home_score__gt=F(
                "selection__market__event__results__away_score"))
            | Q(selection__role="AWAY", selection__market__event__results__home_score__lt=F(
                "selection__market__event__results__away_score"))
            | Q(selection__role="DRAW", selection__market__event__results__home_score=F(
                "selection__market__event__results__away_score"))
        )  # fmt: skip
        chances = np.array(rows.filter(won).values_list("fair_probability", flat=True), dtype=float)
        assert len(chances) > 1100
        assert 0.90 < -np.log(chances).mean() < 1.02
        whole = rows.values("selection__market").annotate(n=Count("pk"))
        assert not whole.exclude(n=3).exists()
