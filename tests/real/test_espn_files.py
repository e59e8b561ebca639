"""ESPN's answers at hand, through the connector."""

from collections import Counter

import pytest
from django.utils import timezone

from markets.connectors.espn import Espn
from tests.real.data import FOLDER

DATA = FOLDER / "espn"
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no real data at {DATA} (REAL_DATA_DIR)"),
]


def parse(name):
    path = DATA / f"espn_{name}.json"
    return Espn().parse(path.read_bytes(), name=path.name, fetched_at=timezone.now())


class TestConnector:
    @pytest.mark.parametrize(
        ("name", "records", "events", "results"),
        [
            ("scoreboard", 2, 2, 2),
            ("scoreboard_nba", 1, 1, 0),
            ("scoreboard_wnba_min_lynx", 1, 1, 0),
            ("scoreboard_allstar", 1, 0, 0),
            ("summary_with_game_info", 1, 1, 1),
            ("summary", 1, 1, 0),
            ("injuries", 4, 0, 0),
        ],
    )
    def test_reads_every_answer(self, name, records, events, results):
        batch = parse(name)
        assert (batch.records, len(batch.events), len(batch.results)) == (records, events, results)

    def test_rejects_only_the_all_star_game(self):
        rejected = {
            name: [problem.message for problem in parse(name).problems if problem.is_rejection]
            for name in ("scoreboard", "scoreboard_allstar", "summary", "injuries")
        }
        assert rejected == {
            "scoreboard": [],
            "scoreboard_allstar": ["a league game, not an all-star one"],
            "summary": [],
            "injuries": [],
        }

    def test_finds_leagues_by_teams(self):
        competitions = {name: [c.code for c in parse(name).competitions] for name in (
            "scoreboard", "scoreboard_nba", "injuries",
        )}  # fmt: skip
        assert competitions == {
            "scoreboard": ["WNBA"], "scoreboard_nba": ["NBA"], "injuries": ["WNBA"],
        }  # fmt: skip

    def test_reads_a_game_to_its_players(self):
        batch = parse("summary_with_game_info")
        (result,) = batch.results
        assert (result.home_score, result.away_score) == (72, 88)
        assert {name: sum(points) for name, points in result.periods.items()} == {
            "Q1": 44, "Q2": 35, "Q3": 50, "Q4": 31,
        }  # fmt: skip
        figures = [s for s in result.statistics if s.statistic == "points"]
        assert sum(s.value for s in figures if s.took_part) == 72 + 88
        assert (len(figures), sum(not s.took_part for s in figures)) == (24, 4)
        assert Counter(notice.kind for notice in batch.notices) == {"LINEUP": 2, "REFEREE": 3}
