"""The American sources' real files through the one load path, in the order in which they depend."""

import shutil

import pytest
from django.utils import timezone

from markets.models import (
    ClosingPrice,
    Event,
    EventChange,
    LatestPrice,
    Market,
    Notice,
    Participant,
    PriceSnapshot,
    Result,
    StatisticResult,
    UnknownName,
)
from markets.services import ingesting
from tests.real.data import FOLDER

DATA = FOLDER
pytestmark = [
    pytest.mark.real,
    pytest.mark.django_db,
    pytest.mark.loads,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no real data at {DATA} (REAL_DATA_DIR)"),
]
ROWS = ("rows", "loaded", "unchanged", "parked", "rejected")


def ingest(source, path):
    return ingesting.ingest(source_code=source, path=str(path), actor="test", now=timezone.now())


def rows(found):
    return tuple(found[name] for name in ROWS)


@pytest.fixture
def nfl(tmp_path):
    """Return the folder of the lines, with the table of games beside them."""
    for name in ("games.csv", "lines_2024.csv", "line_changes_2024.csv"):
        shutil.copy(DATA / "nfl" / name, tmp_path / name)
    return tmp_path


class TestNfl:
    def test_loads_games_then_the_changes_of_their_lines_and_nothing_twice(self, nfl):
        games = ingest("nflverse", nfl / "games.csv")
        assert rows(games) == (6_991, 6_991, 0, 0, 0)
        assert (games["prices"]["new"], games["results"]["new"]) == (30_054, 6_991)
        assert Participant.objects.count() == 32

        changes = ingest("nfl_lines", nfl / "line_changes_2024.csv")
        assert changes["rows"] == 9_704
        assert changes["parked"] == changes["rejected"] == 0
        assert (changes["events"]["new"], changes["prices"]["new"]) == (0, 20_155)
        lines = ingest("nfl_lines", nfl / "lines_2024.csv")
        assert rows(lines) == (285, 0, 285, 0, 0)
        assert Event.objects.count() == 6_991

        told = LatestPrice.objects.exclude(book__code="nflverse_close")
        assert told.count() == 7_708
        assert Notice.objects.filter(kind="PUBLIC_SHARE").count() == 4_597

        before = PriceSnapshot.objects.count()
        again = [
            ingest("nflverse", nfl / "games.csv"),
            ingest("nfl_lines", nfl / "line_changes_2024.csv"),
        ]
        assert [found["loaded"] for found in again] == [0, 0]
        assert PriceSnapshot.objects.count() == before

    def test_parks_lines_whose_games_nobody_has_told(self, nfl):
        found = ingest("nfl_lines", nfl / "lines_2024.csv")
        assert rows(found) == (285, 0, 0, 285, 0)
        assert not Event.objects.exists()


class TestOddsApi:
    def test_loads_a_season_of_looks(self):
        found = ingest("odds_api", DATA / "the_odds_api" / "nba_2023_24")
        assert (found["rows"], found["parked"], found["rejected"]) == (2_091, 0, 0)
        assert found["loaded"] + found["unchanged"] == 2_091
        assert Event.objects.count() == 1_323
        assert (Participant.objects.count(), UnknownName.objects.count()) == (30, 0)
        assert EventChange.objects.filter(field="starts_at").exists()
        assert Market.objects.filter(kind="MONEYLINE").count() == 1_323
        assert found["prices"]["new"] == PriceSnapshot.objects.count()

    def test_loads_the_samples(self):
        found = ingest("odds_api", DATA / "the_odds_api" / "samples")
        assert (found["rows"], found["parked"], found["rejected"]) == (9, 0, 0)
        assert Result.objects.filter(status="FINAL").count() == 3
        assert Market.objects.filter(kind="PLAYER_TOTAL").exists()


class TestEspn:
    def test_loads_games_players_and_notices(self):
        found = ingest("espn", DATA / "espn")
        assert (found["rows"], found["parked"], found["rejected"]) == (11, 0, 1)
        assert Event.objects.count() == 5
        assert Result.objects.count() == 3
        assert StatisticResult.objects.count() == 312
        kinds = dict.fromkeys(Notice.objects.values_list("kind", flat=True))
        assert set(kinds) == {"INJURY", "LINEUP", "REFEREE"}
        assert not ClosingPrice.objects.exists()
