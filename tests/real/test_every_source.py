"""Every publisher's files at hand, one after the other, through the one way into the tables."""

import pytest
from django.utils import timezone

from markets.models import Event, ParkedRow, PriceSnapshot, UnknownName
from markets.services import ingesting, parking
from tests.real.data import FOLDER

DATA = FOLDER
pytestmark = [
    pytest.mark.real,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no real data at {DATA} (REAL_DATA_DIR)"),
    pytest.mark.django_db,
    pytest.mark.loads,
]
ROWS = ("rows", "loaded", "unchanged", "parked", "rejected")


@pytest.fixture(autouse=True)
def archive(settings, tmp_path):
    settings.ARCHIVE_DIR = tmp_path / "archive"


def ingest(source, path):
    """Read it twice; say how its records ended, and that the second time brought nothing."""
    first, second = (
        ingesting.ingest(
            source_code=source, path=str(DATA / path), actor="test", now=timezone.now()
        )
        for _ in range(2)
    )
    ended = tuple(first[name] for name in ROWS)
    print(source, path, ended, *(first[part] for part in ("events", "prices", "results")))
    print("    seconds", first["seconds"], "again", second["seconds"], first["problems"][:3])
    for report in (first, second):
        assert report["rows"] == sum(report[name] for name in ROWS[1:])
    assert (second["loaded"], second["prices"]["new"], second["events"]["new"]) == (0, 0, 0)
    return ended


class TestFootball:
    def test_american_games_first_and_then_what_is_known_of_them(self):
        early = ingest("nfl_lines", "nfl/lines_2024.csv")
        assert early == (285, 0, 0, 285, 0)
        assert set(ParkedRow.objects.values_list("reason", flat=True)) == {"NO_EVENT"}
        assert ingest("nflverse", "nfl/games.csv") == (6_991, 6_991, 0, 0, 0)
        assert parking.load_parked(actor="test", now=timezone.now())["loaded"] == 285
        changes = ingest("nfl_lines", "nfl/line_changes_2024.csv")
        assert (changes[0], changes[3], changes[4]) == (9_704, 0, 0)
        assert Event.objects.count() == 6_991
        assert UnknownName.objects.count() == 0


class TestBasketball:
    def test_of_three_sources_is_one_league(self):
        offered = ingest("odds_api", "the_odds_api/nba_2023_24")
        assert (offered[0], offered[3], offered[4]) == (2_091, 0, 0)
        assert Event.objects.count() == 1_323
        games = ingest("csv", "nba/games_2008_2024.csv")
        assert (games[0], games[3], games[4]) == (21_797, 0, 0)


class TestAnswersOfEspn:
    ENDED = {
        "scoreboard": (2, 2, 0, 0, 0),
        "scoreboard_nba": (1, 1, 0, 0, 0),
        "scoreboard_wnba_min_lynx": (1, 1, 0, 0, 0),
        "scoreboard_allstar": (1, 0, 0, 0, 1),
        "summary": (1, 1, 0, 0, 0),
        "summary_with_game_info": (1, 1, 0, 0, 0),
        "injuries": (4, 4, 0, 0, 0),
    }

    def test_of_two_leagues_are_read_whole(self):
        ended = {name: ingest("espn", f"espn/espn_{name}.json") for name in self.ENDED}
        assert ended == self.ENDED
        leagues = Event.objects.values_list("competition__code", flat=True)
        assert set(leagues) == {"NBA", "WNBA"}
        assert UnknownName.objects.count() == 0


class TestRaces:
    def test_of_the_exchange_and_a_model_of_them_are_joined_by_ids(self):
        totals = [
            ingest("betfair_bsp", f"betfair/racing/{path.name}")
            for path in sorted((DATA / "betfair" / "racing").glob("ANZ_*.csv"))
        ]
        ended = tuple(sum(figures) for figures in zip(*totals, strict=True))
        assert ended == (45_575, 45_521, 0, 0, 54)
        assert Event.objects.count() == 4_768
        rated = [
            ingest("csv", f"betfair/racing/{path.name}")
            for path in sorted((DATA / "betfair" / "racing").glob("Kash_*.csv"))
        ]
        ended = tuple(sum(figures) for figures in zip(*rated, strict=True))
        assert ended == (44_579, 43_410, 63, 1_106, 0)


class TestTennis:
    def test_is_read_whole(self):
        totals = [ingest("tennis_data", f"tennis/wta_{year}.xlsx") for year in (2019, 2020)]
        ended = tuple(sum(figures) for figures in zip(*totals, strict=True))
        assert ended == (3_527, 3_527, 0, 0, 0)
        assert PriceSnapshot.objects.count() > 20_000
