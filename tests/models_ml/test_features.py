import math
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models_ml.domain import elo, feature_sets
from models_ml.domain.asof import BadAsk
from models_ml.domain.features import NAN, compute
from models_ml.domain.schedule import DAY
from models_ml.domain.soccer_v1 import SOCCER_V1
from tests.models_ml.fact_worlds import asks, of_world
from tests.models_ml.unfolding import Fixture, Match, unfold
from tests.models_ml.worlds import HOUR, a_world, moved

WORLD = a_world(seasons=2)
FACTS = of_world(WORLD)
AT = {name: index for index, name in enumerate(SOCCER_V1.names)}
DOCS = Path(__file__).parents[2] / "docs" / "features.md"


def bytes_of(rows: list[list[float]]) -> list[bytes]:
    return [struct.pack(f">{len(row)}d", *row) for row in rows]


def rows_of(fixtures: list[Fixture], history: list[Match]) -> list[list[float]]:
    return unfold(feature_set=SOCCER_V1, history=history, fixtures=fixtures)


def a_match(event_id: int, home: int, away: int, day: int, score: str = "1-0", **fields) -> Match:
    goals = [int(part) for part in score.split("-")]
    starts_at = day * DAY
    fields = {"season_id": 1, "known_at": starts_at + 2 * HOUR, "version": 1, **fields}
    return Match(
        event_id=event_id,
        competition_id=1,
        home_id=home,
        away_id=away,
        starts_at=starts_at,
        is_final=fields.pop("is_final", True),
        home_score=goals[0],
        away_score=goals[1],
        **fields,
    )


def a_fixture(home: int, away: int, day: int, **fields) -> Fixture:
    fields = {"event_id": 999, "season_id": 1, "as_of": day * DAY - HOUR, **fields}
    return Fixture(competition_id=1, home_id=home, away_id=away, starts_at=day * DAY, **fields)


def value(name: str, fixture: Fixture, history: list[Match]) -> float:
    return rows_of([fixture], history)[0][AT[name]]


class TestUnfold:
    def test_leaves_out_a_match_that_began_before_and_became_known_after(self):
        late = a_match(1, 10, 11, day=5, known_at=20 * DAY)
        assert value("played_home", a_fixture(10, 12, day=10), [late]) == 0
        assert value("played_home", a_fixture(10, 12, day=21), [late]) == 1

    def test_counts_a_result_known_exactly_at_as_of(self):
        fixture = a_fixture(10, 12, day=10)
        match = a_match(1, 10, 11, day=5, known_at=fixture.as_of)
        assert value("played_home", fixture, [match]) == 1
        late = moved(match, known_at=fixture.as_of + 1)
        assert value("played_home", fixture, [late]) == 0

    def test_uses_the_version_of_a_result_that_was_known_then(self):
        first = a_match(1, 10, 11, day=5, score="0-1")
        corrected = moved(first, version=2, known_at=30 * DAY, home_score=3)
        before, after = a_fixture(10, 12, day=10), a_fixture(10, 12, day=40)
        rows = rows_of([before, after], [first, corrected])
        assert [row[AT["elo_home"]] > 1500 for row in rows] == [False, True]

    def test_after_a_correction_equals_a_history_that_never_was_wrong(self):
        target = WORLD.fixtures[-1]
        wrong = [
            moved(m, home_score=7) if m.event_id == WORLD.matches[40].event_id else m
            for m in WORLD.matches
        ]
        corrected = moved(WORLD.matches[40], version=2, known_at=target.as_of - HOUR)
        assert bytes_of(rows_of([target], [*wrong, corrected])) == bytes_of(
            rows_of([target], WORLD.matches)
        )

    def test_forgets_a_result_that_was_taken_back(self):
        match = a_match(1, 10, 11, day=5)
        gone = moved(match, version=2, known_at=8 * DAY, is_final=False)
        assert value("played_home", a_fixture(10, 12, day=10), [match, gone]) == 0

    def test_learns_a_late_result_when_it_becomes_known(self):
        early = a_match(1, 10, 11, day=5, known_at=9 * DAY)
        later = a_match(2, 10, 12, day=6, score="0-4")
        target = a_fixture(10, 13, day=20)
        moved_behind = moved(early, starts_at=8 * DAY)
        rows = [rows_of([target], [first, later])[0] for first in (early, moved_behind)]
        assert rows[0][AT["elo_home"]] == rows[1][AT["elo_home"]]
        in_time = moved(early, known_at=5 * DAY + 2 * HOUR)
        assert rows[0][AT["elo_home"]] != rows_of([target], [in_time, later])[0][AT["elo_home"]]

    def test_keeps_competitions_apart(self):
        elsewhere = moved(a_match(1, 10, 11, day=5), competition_id=2)
        assert value("played_home", a_fixture(10, 12, day=10), [elsewhere]) == 0

    @pytest.mark.parametrize("name", ["nfl_v1", "players_v1", "racing_v1"])
    def test_refuses_a_set_that_needs_more_than_matches(self, name):
        with pytest.raises(BadAsk, match=f"{name} cannot be made from three-way matches"):
            unfold(feature_set=feature_sets.named(name), history=[], fixtures=[])

    def test_tells_two_fixtures_of_one_id_apart(self):
        rows = rows_of(
            [a_fixture(10, 12, day=3), a_fixture(10, 12, day=9)], [a_match(1, 10, 11, 5)]
        )
        assert [row[AT["played_home"]] for row in rows] == [0.0, 1.0]


class TestCompute:
    def ask(self, hours: float = 1.0):
        return asks([WORLD.fixtures[0].event_id], WORLD.fixtures[0].starts_at - int(hours * HOUR))

    def test_refuses_an_event_that_has_started_by_as_of(self):
        with pytest.raises(BadAsk, match="has started"):
            compute(feature_set=SOCCER_V1, facts=FACTS, asks=self.ask(hours=0))

    def test_refuses_an_event_that_nobody_knows(self):
        with pytest.raises(BadAsk, match="event 7 is unknown"):
            compute(feature_set=SOCCER_V1, facts=FACTS, asks=asks([7], 0))

    @pytest.mark.parametrize("number", [math.inf, -math.inf, 1e13])
    def test_refuses_a_number_that_cannot_be(self, number):
        broken = replace(SOCCER_V1, compute=lambda facts, asks: np.array([[0.0, number]]))
        with pytest.raises(ValueError, match="soccer_v1: elo_away of event"):
            compute(feature_set=broken, facts=FACTS, asks=self.ask())

    def test_answers_nothing_where_nothing_is_asked(self):
        assert compute(feature_set=SOCCER_V1, facts=FACTS, asks=asks([], 0)).shape == (0, 55)


class TestSoccerV1:
    def test_has_a_value_for_each_feature(self):
        (row,) = rows_of([WORLD.fixtures[0]], [])
        assert len(row) == len(SOCCER_V1.features) == len(set(SOCCER_V1.names))

    def test_says_nan_where_nothing_is_known_yet(self):
        (row,) = rows_of([replace(WORLD.fixtures[0], market=(NAN,) * 3, overround=NAN)], [])
        known = {
            name for name, number in zip(SOCCER_V1.names, row, strict=True) if number == number
        }
        assert known == {
            "elo_home", "elo_away", "elo_difference", "elo_expectation",
            "played_home", "played_away", "meetings",
            "goals_home", "goals_away", "goals_difference",
            "poisson_home", "poisson_draw", "poisson_away",
            "newcomer_home", "newcomer_away", "starts_14d_home", "starts_14d_away",
            "is_neutral", "flag_closed_doors",
        }  # fmt: skip

    def test_carries_the_market_as_it_is_given(self):
        fixture = replace(WORLD.fixtures[0], market=(0.5, 0.3, 0.2), overround=0.05)
        row = rows_of([fixture], [])[0]
        assert [row[i] for i in SOCCER_V1.market] == [0.5, 0.3, 0.2]
        assert row[AT["market_overround"]] == 0.05

    def test_moves_elo_by_margin_and_gives_what_it_takes(self):
        history = [a_match(1, 10, 11, day=5, score="3-0")]
        gain = elo.change(1500, 1500, 3, 0)
        row = rows_of([a_fixture(10, 11, day=9)], history)[0]
        assert row[AT["elo_home"]] == 1500 + gain
        assert row[AT["elo_away"]] == 1500 - gain

    def test_draws_ratings_toward_the_mean_in_a_new_season(self):
        history = [a_match(1, 10, 11, day=5, score="3-0")]
        gain = elo.change(1500, 1500, 3, 0)
        found = value("elo_home", a_fixture(10, 11, day=300, season_id=2), history)
        assert found == pytest.approx(1500 + 0.75 * gain)

    def test_starts_a_side_that_came_up_below_the_mean(self):
        history = [a_match(1, 10, 11, day=5)]
        assert value("elo_away", a_fixture(10, 77, day=9), history) == elo.MEAN
        assert value("elo_away", a_fixture(10, 77, day=300, season_id=2), history) == elo.NEWCOMER

    def test_means_form_over_full_windows_only(self):
        four = [a_match(i, 10, 20 + i, day=i, score="2-1") for i in range(1, 5)]
        five = [*four, a_match(5, 30, 10, day=5, score="1-1")]
        target = a_fixture(10, 40, day=9)
        assert math.isnan(value("home_points_5", target, four))
        assert value("home_points_5", target, five) == 13 / 5
        assert value("home_goals_for_5", target, five) == 9 / 5
        assert value("home_goals_against_5", target, five) == 1.0
        assert math.isnan(value("home_at_home_points_5", target, five))

    def test_measures_rest_in_days_of_the_calendar_it_is_played_in(self):
        history = [a_match(1, 10, 11, day=5)]
        assert value("rest_home", a_fixture(10, 12, day=9), history) == 4.0
        assert math.isnan(value("rest_away", a_fixture(10, 12, day=9), history))
        fast = replace(
            a_fixture(10, 12, day=5), starts_at=5 * DAY + 4 * HOUR, as_of=5 * DAY + 3 * HOUR,
            time_scale=24.0,
        )  # fmt: skip
        assert value("rest_home", fast, history) == pytest.approx(4.0)

    def test_caps_rest_over_the_summer(self):
        assert value("rest_home", a_fixture(10, 12, day=90), [a_match(1, 10, 11, day=5)]) == 30.0

    def test_counts_matches_of_this_season_only(self):
        history = [a_match(i, 10, 20 + i, day=i) for i in range(1, 4)]
        assert value("played_home", a_fixture(10, 12, day=9), history) == 3
        assert value("played_home", a_fixture(10, 12, day=300, season_id=2), history) == 0

    def test_sees_meetings_from_the_home_sides_end(self):
        history = [a_match(1, 11, 10, day=1, score="0-3"), a_match(2, 10, 11, day=2, score="1-1")]
        target = a_fixture(10, 11, day=9)
        assert value("meetings", target, history) == 2
        assert value("meetings_points", target, history) == 2.0
        assert value("meetings_margin", target, history) == 1.5

    def test_keeps_the_base_rates_of_the_whole_competition(self):
        target = WORLD.fixtures[-1]
        known = [m for m in WORLD.matches if m.known_at <= target.as_of]
        draws = sum(m.home_score == m.away_score for m in known)
        assert value("rate_draw", target, WORLD.matches) == draws / len(known)


class TestDocs:
    def test_hold_every_feature_as_the_registry_has_it(self):
        assert DOCS.read_text() == feature_sets.markdown()

    def test_refuse_an_unknown_set_by_naming_the_known(self):
        with pytest.raises(feature_sets.UnknownFeatureSet, match="soccer_v1"):
            feature_sets.named("soccer_v9")
