"""A season of The Odds API's answers at hand, through the connector."""

from collections import Counter

import pytest
from django.utils import timezone

from markets.connectors.odds_api import OddsApi
from markets.domain.teams import NBA, WNBA
from tests.markets.sources.payloads_of import quotes
from tests.real.data import FOLDER

DATA = FOLDER / "the_odds_api"
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no real data at {DATA} (REAL_DATA_DIR)"),
]


def parse(path):
    return OddsApi().parse(path.read_bytes(), name=path.name, fetched_at=timezone.now())


@pytest.fixture(scope="module")
def season():
    return [parse(path) for path in sorted((DATA / "nba_2023_24").glob("*.json"))]


class TestSeason:
    def test_reads_every_game_of_every_answer_without_a_problem(self, season):
        assert len(season) == 238
        assert sum(batch.records for batch in season) == 2_091
        assert sum(len(batch.events) for batch in season) == 2_091
        assert not any(batch.problems for batch in season)

    def test_knows_every_team_by_heart(self, season):
        names = {side for b in season for e in b.events for side in (e.home, e.away)}
        assert names == set(NBA.teams)
        assert {event.season for batch in season for event in batch.events} == {"2023-24"}

    def test_reads_every_price(self, season):
        assert sum(len(batch.all_prices()) for batch in season) == 125_150
        assert len({book.code for batch in season for book in batch.books}) == 16

    def test_finds_the_markets_and_lines_of_1355_ids(self, season):
        markets = {key[:4] for b in season for key in b.all_prices().keys}
        assert len(markets) == 8_845
        assert len({event.id for batch in season for event in batch.events}) == 1_355

    def test_sees_starts_that_move(self, season):
        starts = {}
        for batch in season:
            for event in batch.events:
                starts.setdefault(event.id, set()).add(event.starts_at)
        spans = [max(found) - min(found) for found in starts.values() if len(found) > 1]
        assert len(spans) == 69
        assert sum(span.total_seconds() > 3_600 for span in spans) == 28


class TestSamples:
    def sample(self, name):
        return parse(DATA / "samples" / f"odds_api_{name}.json")

    def test_reads_all_five_shapes(self):
        counts = {
            name: (batch.records, len(batch.all_prices()), len(batch.results), batch.problems)
            for name in (
                "current_odds", "historical_odds", "historical_player_props", "player_props",
                "scores",
            )
            for batch in [self.sample(name)]
        }  # fmt: skip
        assert counts == {
            "current_odds": (2, 24, 0, []),
            "historical_odds": (1, 12, 0, []),
            "historical_player_props": (1, 16, 0, []),
            "player_props": (1, 40, 0, []),
            "scores": (4, 0, 3, []),
        }

    def test_reads_players_markets(self):
        found = quotes(self.sample("player_props"))
        assert Counter(quote.kind for quote in found) == {"PLAYER_TOTAL": 40}
        assert "points" in {quote.statistic for quote in found}

    def test_knows_every_team_by_heart(self):
        events = [
            event for name in ("current_odds", "scores") for event in self.sample(name).events
        ]
        assert {side for e in events for side in (e.home, e.away)} <= WNBA.teams.keys()
