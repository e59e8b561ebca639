from dataclasses import replace

import numpy as np
import pytest

from models_ml.domain import features, players_v1
from models_ml.domain.asof import BadAsk
from models_ml.domain.facts import Asks, Facts, Results
from models_ml.domain.nfl_players_v1 import NFL_PLAYERS_V1
from models_ml.domain.players_v1 import PLAYERS_V1
from tests.models_ml import fact_worlds, player_worlds
from tests.models_ml.fact_worlds import DAY
from tests.models_ml.worlds import HOUR

HOME, AWAY, OTHER, STAR = 10, 11, 12, 777


def world(points: list[float | None], *, last: tuple[int, int] = (HOME, AWAY)) -> Facts:
    """Return games of STAR's side with his points, None where he sat out, and one to come."""
    n = len(points)
    games = [(i + 1, HOME, OTHER if i % 2 else AWAY, 2 * i) for i in range(n)]
    rows = [
        {"event": e, "competition": 1, "season": 1, "home": h, "away": a, "starts_at": d * DAY}
        for e, h, a, d in [*games, (99, *last, 2 * n)]
    ]
    told = {
        "event": [g[0] for g in games], "version": [1] * n, "is_final": [1] * n,
        "known_at": [g[3] * DAY + 3 * HOUR for g in games], "home_score": [110] * n,
        "away_score": [100] * n,
    }  # fmt: skip
    return replace(
        Facts.nothing(),
        fixtures=fact_worlds.fixtures_table(rows),
        results=Results.of(told),
        figures=player_worlds.figures(
            [
                (g[0], 1, g[3] * DAY + 3 * HOUR, STAR, value or 0.0, int(value is not None))
                for g, value in zip(games, points, strict=True)
            ]
        ),
        books=fact_worlds.BOOKS,
    )


def value(name: str, facts: Facts, *, player: int = STAR) -> float:
    start = int(facts.fixtures.starts_at[facts.fixtures.event == 99][0])
    asks = Asks(np.array([99]), np.array([player]), np.array([start - HOUR]))
    found = features.compute(feature_set=PLAYERS_V1, facts=facts, asks=asks)
    return found[0, PLAYERS_V1.names.index(name)]


class TestForm:
    POINTS = [10.0, 20.0, None, 30.0, 12.5, 27.5, 20.0]

    def test_means_the_games_he_played(self):
        facts = world(self.POINTS)
        assert value("mean_5", facts) == pytest.approx((20 + 30 + 12.5 + 27.5 + 20) / 5)
        assert np.isnan(value("mean_10", facts))
        assert value("games", facts) == 6.0

    def test_weighs_the_latest_most(self):
        weights = 0.85 ** np.arange(3)
        expected = (weights * [30, 20, 10]).sum() / weights.sum()
        assert value("mean_weighted", world([10.0, 20.0, 30.0])) == pytest.approx(expected)

    def test_spreads_as_the_standard_deviation_does(self):
        points = [float(n) for n in (3, 9, 14, 7, 20, 31, 2, 8, 11, 15)]
        assert value("sd_10", world([50.0, *points])) == pytest.approx(np.std(points))

    def test_tells_how_often_he_took_part(self):
        assert value("share_played_10", world([10.0, None] * 5)) == 0.5

    def test_knows_nothing_of_a_player_nobody_has_seen(self):
        facts = world(self.POINTS)
        assert value("games", facts, player=5) == 0.0
        assert np.isnan([value(n, facts, player=5) for n in ("mean_5", "mean_weighted")]).all()


class TestSide:
    def test_is_the_one_he_met_most(self):
        assert value("is_home", world([10.0] * 6)) == 1.0
        assert value("is_home", world([10.0] * 6, last=(AWAY, HOME))) == 0.0
        assert np.isnan(value("is_home", world([10.0] * 6), player=5))

    def test_tells_strengths_and_margin_from_his_end(self):
        home, away = world([10.0] * 6), world([10.0] * 6, last=(AWAY, HOME))
        for facts in (home, away):
            assert value("own_strength", facts) > 1500 > value("opponent_strength", facts)
        assert value("expected_margin", home) > value("expected_margin", away) > 0


class TestLine:
    def test_is_of_his_own_market(self):
        facts = world([10.0] * 6)
        start = int(facts.fixtures.starts_at.max())
        rows = [
            (99, player, line, role, 1, start - 5 * HOUR, 1900)
            for player, line in ((STAR, 24.5), (5, 11.5))
            for role in ("OVER", "UNDER")
        ]
        facts = replace(facts, quotes=player_worlds.lines(rows))
        assert value("line", facts) == 24.5
        assert value("over", facts) == pytest.approx(0.5)
        assert value("line", facts, player=5) == 11.5


class TestOfStatistic:
    def test_leaves_the_others_out(self):
        facts = world([10.0] * 6)
        more = replace(
            facts.figures,
            statistic=np.arange(6) % 2,
            statistics=("points", "rebounds"),
        )
        both = replace(facts, figures=more)
        with pytest.raises(BadAsk, match="one statistic"):
            value("games", both)
        assert value("games", players_v1.of_statistic(both, "rebounds")) == 3.0
        assert value("games", players_v1.of_statistic(both, "steals")) == 0.0


class TestOfSport:
    def test_rates_sides_by_the_rules_of_the_sport(self):
        facts = world([10.0] * 6)
        start = int(facts.fixtures.starts_at[facts.fixtures.event == 99][0])
        asks = Asks(np.array([99]), np.array([STAR]), np.array([start - HOUR]))
        nba, nfl = (
            features.compute(feature_set=one, facts=facts, asks=asks)[0]
            for one in (PLAYERS_V1, NFL_PLAYERS_V1)
        )
        other = [n for n, a, b in zip(PLAYERS_V1.names, nba, nfl, strict=True) if a != b and a == a]
        assert set(other) == {
            "own_strength", "opponent_strength", "expected_margin", "expected_total",
        }  # fmt: skip
        assert NFL_PLAYERS_V1.names == PLAYERS_V1.names
        assert NFL_PLAYERS_V1.sha256 != PLAYERS_V1.sha256
