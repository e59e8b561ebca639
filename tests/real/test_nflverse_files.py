"""nflverse's table of all games at hand, through the connector."""

from collections import Counter

import pytest
from django.utils import timezone

from markets.connectors.nflverse import Nflverse
from markets.domain.teams import NFL
from tests.markets.sources.payloads_of import quotes
from tests.real.data import FOLDER

FILE = FOLDER / "nfl/games.csv"
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not FILE.is_file(), reason=f"no real data at {FILE} (REAL_DATA_DIR)"),
]


@pytest.fixture(scope="module")
def batch():
    return Nflverse().parse(FILE.read_bytes(), name=FILE.name, fetched_at=timezone.now())


class TestConnector:
    def test_reads_every_game_without_a_problem(self, batch):
        assert (batch.records, len(batch.events), len(batch.results)) == (6_991, 6_991, 6_991)
        assert batch.problems == []
        assert len({event.id for event in batch.events}) == 6_991

    def test_knows_every_team_by_heart(self, batch):
        names = {name for event in batch.events for name in (event.home, event.away)}
        assert names <= NFL.by_name.keys()
        assert {NFL.by_name[name] for name in names} == set(NFL.teams)

    def test_knows_only_the_day_of_the_first_season(self, batch):
        seasons = Counter(e.season for e in batch.events if e.certainty == "DATE")
        assert seasons == {"1999": 259}

    def test_tells_overtime_ties_and_neutral_ground(self, batch):
        assert sum(result.had_overtime is True for result in batch.results) == 427
        assert sum(result.home_score == result.away_score for result in batch.results) == 14
        assert sum(event.is_neutral for event in batch.events) == 86

    def test_reads_closing_prices_of_three_markets(self, batch):
        kinds = Counter(quote.kind for quote in quotes(batch))
        assert kinds == {"MONEYLINE": 10_020, "SPREAD": 10_020, "TOTAL": 10_014}
        assert sum("spread" in event.data for event in batch.events) == 1_981

    def test_has_the_spread_on_the_moneylines_side_nearly_always(self, batch):
        home = {
            q.event: q.price for q in quotes(batch) if (q.kind, q.role) == ("MONEYLINE", "HOME")
        }
        away = {
            q.event: q.price for q in quotes(batch) if (q.kind, q.role) == ("MONEYLINE", "AWAY")
        }
        spread = {q.event: q.line for q in quotes(batch) if q.kind == "SPREAD"}
        against = [
            event
            for event, line in spread.items()
            if (line < 0 and home[event] > away[event]) or (line > 0 and home[event] < away[event])
        ]
        assert len(against) == 21

    def test_names_the_referees(self, batch):
        assert Counter(notice.kind for notice in batch.notices) == {"REFEREE": 6_990}
