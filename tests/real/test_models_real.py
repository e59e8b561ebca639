"""The default pipelines over the last season of the real data, and the bands they must lie in.

Outside a band there is a fault, not luck: below it a feature knows what it must not, above it
something is lost on the way.  The figures themselves stand in docs/evaluation.md.
"""

import numpy as np
import pytest
from django.utils import timezone

from markets.services import closing, ingesting, parking
from models_ml.services import pipelines, tabulating
from tests.real.data import FOLDER

DATA = FOLDER
pytestmark = [
    pytest.mark.real,
    pytest.mark.django_db(transaction=True),  # a training is longer than one may idle in one
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no real data at {DATA} (REAL_DATA_DIR)"),
]
FILES = {
    "soccer": [("football_data", "football_data")],
    "american_football": [
        ("nflverse", "nfl/games.csv"),
        ("nfl_lines", "nfl/lines_2024.csv"),
        ("nfl_lines", "nfl/line_changes_2024.csv"),
    ],
    "basketball": [
        ("odds_api", "the_odds_api/nba_2023_24"),
        ("csv", "nba/games_2008_2024.csv"),
    ],
    "horse_racing": [
        ("betfair_bsp", "betfair/racing/ANZ_*.csv"),
        ("csv", "betfair/racing/Kash_*.csv"),  # ratings of races that are known by then
    ],
}


@pytest.fixture(autouse=True)
def archive(settings, tmp_path):
    settings.ARCHIVE_DIR = tmp_path / "archive"


def season_of(sport):
    """Load a sport, record its closes, and return the last season's figures by pipeline."""
    now = timezone.now()
    for source, pattern in FILES[sport]:
        for path in sorted(DATA.glob(pattern)):
            ingesting.ingest(source_code=source, path=str(path), actor="test", now=now)
    parking.load_parked(actor="test", now=now)
    closing.record_closes(as_of=now, now=now)
    chosen = [
        one
        for one in pipelines.ensure_default_pipelines(now=now)
        if one.sport.code == sport and not one.is_simulated and not one.statistic
    ]
    found = {one.code: tabulating.tabulated(pipeline=one, until=now) for one in chosen}
    for figures in found.values():
        assert_nobody_beats_the_close(figures)
    return found


def assert_nobody_beats_the_close(figures):
    """Hold a model within three standard errors of the close: more is too good to be true."""
    late = (figures.get("at_close") or figures)["differences"].get("model-close")
    if late:
        assert late["mean"] > -3 * late["sigma"], figures["pipeline"]


def loss(card):
    return round(card["log_loss"], 4)


class TestSoccer:
    def test_stays_with_the_market_and_ahead_of_goals_and_ratings(self):
        found = season_of("soccer")
        result, total = found["soccer-1x2"], found["soccer-total"]
        assert (result["n"], result["n_without_market"]) == (2_304, 0)
        assert 0.966 <= loss(result["model"]) <= 0.973
        assert loss(result["market"]) == pytest.approx(0.9694, abs=0.001)
        assert loss(result["close"]) == pytest.approx(0.9658, abs=0.001)
        assert 0.98 <= loss(result["baselines"]["dixon_coles"]) <= 1.0
        assert loss(result["baselines"]["elo_logistic"]) == pytest.approx(0.9948, abs=0.004)
        assert 0.664 <= loss(total["model_on_all"]) <= 0.670
        assert found["soccer-handicap"]["n"] > 2_000


class TestAmericanFootball:
    def test_lies_between_close_and_ratings(self):
        found = season_of("american_football")
        winner = found["nfl-moneyline"]
        assert winner["n_all"] == 285
        assert 0.585 <= loss(winner["model_on_all"]) <= 0.600
        assert loss(winner["close"]) == pytest.approx(0.5892, abs=0.004)
        assert loss(winner["baselines"]["elo_logistic"]) == pytest.approx(0.6081, abs=0.004)
        for code in ("nfl-spread", "nfl-total"):
            assert 0.69 <= loss(found[code]["model"]) <= 0.70


class TestBasketball:
    def test_lies_where_its_morning_prices_and_ratings_lie(self):
        found = season_of("basketball")
        winner = found["nba-moneyline"]
        assert winner["n_all"] == 1_319
        assert 0.58 <= loss(winner["model_on_all"]) <= 0.62
        assert loss(winner["baselines"]["elo_logistic"]) == pytest.approx(0.6134, abs=0.006)
        for code in ("nba-spread", "nba-total"):
            late = found[code]["at_close"]
            assert late["n"] > 1_200
            assert loss(late["close"]) == pytest.approx(np.log(2), abs=1e-4)


class TestRacing:
    def test_adds_a_little_to_ratings_and_less_than_the_crowd_knows(self):
        found = season_of("horse_racing")["racing-win"]
        rated, gap = found["baselines"]["rated"], found["differences"]["model-rated"]
        assert (rated["n"], loss(rated)) == (1_461, pytest.approx(1.795, abs=0.002))
        assert 1.785 <= rated["log_loss"] + gap["mean"] <= 1.796
        assert loss(found["baselines"]["uniform"]) == pytest.approx(2.217, abs=0.002)
        assert 1.72 < loss(found["close"]) < loss(found["model_on_all"])
