"""What was really served, beside what came."""

from datetime import UTC, datetime
from math import log

import numpy as np
import pytest

from models_ml import queries
from models_ml.models import Evaluation, Replay
from models_ml.services import evaluating, recent
from tests.models_ml.asked_worlds import DAY, Asked

pytestmark = pytest.mark.django_db
NOW = datetime(2024, 3, 20, 12, tzinfo=UTC)


def scored(asked, weeks=4):
    return recent.recent(pipeline=asked.pipeline, weeks=weeks, now=NOW)


@pytest.fixture
def soccer():
    return Asked("soccer-1x2", now=NOW)


def a_match(asked, score, said, *, market=None, days_ago=2.0, **told):
    event = asked.event(days_ago=days_ago)
    roles = ("HOME", "DRAW", "AWAY")
    selections = asked.market(event, "MATCH_ODDS", *roles)
    asked.say(
        selections,
        dict(zip(roles, said, strict=True)),
        market=dict(zip(roles, market, strict=True)) if market else None,
        **told,
    )
    if score:
        asked.ends(event, *score)
    return event, selections


class TestMatches:
    def test_are_scored_beside_the_market_of_the_same_moment(self, soccer):
        a_match(soccer, (2, 1), (0.5, 0.3, 0.2), market=(0.4, 0.3, 0.3))
        a_match(soccer, (0, 0), (0.6, 0.3, 0.1), days_ago=9)
        figures = scored(soccer)
        assert (figures["n"], figures["n_all"], figures["n_without_market"]) == (1, 2, 1)
        assert figures["model"]["log_loss"] == pytest.approx(-log(0.5))
        assert figures["market"]["log_loss"] == pytest.approx(-log(0.4))
        on_all = figures["model_on_all"]["log_loss"]
        assert on_all == pytest.approx(-(log(0.5) + log(0.3)) / 2)

    def test_count_by_their_last_word_before_the_start(self, soccer):
        _, selections = a_match(soccer, (2, 1), (0.2, 0.3, 0.5), stage="T-24h")
        last = dict(zip(("HOME", "DRAW", "AWAY"), (0.5, 0.3, 0.2), strict=True))
        soccer.version(2)
        soccer.say(selections, last, number=2)
        figures = scored(soccer)
        assert figures["model_on_all"]["log_loss"] == pytest.approx(-log(0.5))
        assert [part["name"] for part in figures["slices"]["stage"]] == ["T-60m"]
        assert [part["name"] for part in figures["slices"]["version"]] == [2]

    def test_of_replays_and_of_longer_ago_are_left_out(self, soccer):
        a_match(soccer, (2, 1), (0.5, 0.3, 0.2))
        a_match(soccer, (2, 1), (0.1, 0.3, 0.6), days_ago=40)
        replay = Replay.objects.create(
            competition=soccer.competition,
            season=soccer.season,
            seed=0,
            actor="test",
            started_at=NOW,
        )
        a_match(soccer, (2, 1), (0.1, 0.3, 0.6), replay=replay)
        assert scored(soccer)["n_all"] == 1

    def test_stand_beside_the_close_where_one_is_recorded(self, soccer):
        _, selections = a_match(soccer, (2, 1), (0.5, 0.3, 0.2))
        soccer.close(selections, {"HOME": 0.55, "DRAW": 0.25, "AWAY": 0.2}, "pinnacle")
        figures = scored(soccer)
        assert figures["close"]["log_loss"] == pytest.approx(-log(0.55))
        gap = figures["differences"]["model-close"]["mean"]
        assert gap == pytest.approx(log(0.55) - log(0.5))

    def test_take_as_many_questions_for_three_as_for_one(self, soccer, django_assert_num_queries):
        a_match(soccer, (2, 1), (0.5, 0.3, 0.2))
        with django_assert_num_queries(1):
            first = queries.live_predictions(
                pipeline=soccer.pipeline, since=NOW - 30 * DAY, until=NOW
            )
        for days in (3, 4):
            a_match(soccer, (1, 1), (0.5, 0.3, 0.2), days_ago=days)
        with django_assert_num_queries(1):
            found = queries.live_predictions(
                pipeline=soccer.pipeline, since=NOW - 30 * DAY, until=NOW
            )
        assert (len(first), len(found)) == (3, 9)

    def test_without_a_result_are_refused_with_words(self, soccer):
        a_match(soccer, None, (0.5, 0.3, 0.2))
        with pytest.raises(evaluating.NothingToEvaluate, match="has a result yet"):
            scored(soccer)
        with pytest.raises(evaluating.NothingToEvaluate, match="1 to 104 weeks"):
            scored(soccer, weeks=0)

    def test_are_kept_and_one_pipeline_without_them_stops_no_other(self, soccer):
        a_match(soccer, (2, 1), (0.5, 0.3, 0.2))
        silent = Asked("nfl-moneyline", now=NOW).pipeline
        report = recent.recent_of_each(pipelines=[silent, soccer.pipeline], actor="beat", now=NOW)
        row = Evaluation.objects.get()
        assert (row.kind, row.pipeline, row.version, row.n) == ("RECENT", soccer.pipeline, None, 1)
        assert report["evaluations"][0]["evaluation"] == row.pk
        assert list(report["refused"]) == ["nfl-moneyline"]


class TestEveryKind:
    def lost(self, asked):
        figures = scored(asked)
        return figures["n_all"], figures["model_on_all"]["log_loss"]

    def test_of_two_sides_leaves_ties_out(self):
        asked = Asked("nfl-moneyline", now=NOW)
        for score in ((20, 17), (17, 17)):
            event = asked.event()
            asked.say(asked.market(event, "MONEYLINE", "HOME", "AWAY"), {"HOME": 0.6, "AWAY": 0.4})
            asked.ends(event, *score)
        assert self.lost(asked) == (1, pytest.approx(-log(0.6)))

    @pytest.mark.parametrize(
        "score, expected",
        [
            pytest.param((24, 20), 0.55, id="covered"),
            pytest.param((23, 20), 0.45, id="not covered"),
        ],
    )
    def test_of_handicaps_is_the_line_nearest_to_even(self, score, expected):
        asked = Asked("nfl-spread", now=NOW)
        event = asked.event()
        for line, home in ((-3.5, 0.55), (-7.5, 0.3), (2.5, 0.9)):
            selections = asked.market(event, "SPREAD", "HOME", "AWAY", line=line)
            asked.say(selections, {"HOME": home, "AWAY": 1 - home})
        asked.ends(event, *score)
        assert self.lost(asked) == (1, pytest.approx(-log(expected)))

    def test_of_totals_refunds_what_is_met_exactly(self):
        asked = Asked("soccer-total", now=NOW)
        for line in (2.0, 2.5):
            event = asked.event()
            selections = asked.market(event, "TOTAL", "OVER", "UNDER", line=line)
            asked.say(selections, {"OVER": 0.52, "UNDER": 0.48})
            asked.ends(event, 1, 1)
        assert self.lost(asked) == (1, pytest.approx(-log(0.48)))

    def test_of_players_is_by_each_one_s_figure(self):
        asked = Asked("nba-player-points", now=NOW)
        event = asked.event()
        stars = asked.sides[3:5]
        for star, over in zip(stars, (0.7, 0.4), strict=True):
            selections = asked.market(
                event, "PLAYER_TOTAL", "OVER", "UNDER", line=20.5, participant=star,
                statistic="points",
            )  # fmt: skip
            asked.say(selections, {"OVER": over, "UNDER": 1 - over})
        asked.ends(event, 100, 90, figures={stars[0]: 31, stars[1]: 12})
        assert self.lost(asked) == (2, pytest.approx(-(log(0.7) + log(0.6)) / 2))

    def test_of_races_is_the_winner_among_those_that_ran(self):
        asked = Asked("racing-win", now=NOW)
        event, horses = asked.race(), asked.sides[:4]
        selections = asked.market(event, "WIN", *horses)
        asked.say(selections, dict(zip(horses, (0.4, 0.3, 0.1, 0.2), strict=True)))
        how = dict(zip(horses, ("LOST", "WON", "PLACED", "REMOVED"), strict=True))
        asked.ends(event, runners=how)
        figures = scored(asked)
        assert (figures["unit"], figures["n_all"]) == ("race", 1)
        assert figures["model_on_all"]["log_loss"] == pytest.approx(-log(0.3 / 0.8))

    def test_of_places_is_each_runner_by_itself(self):
        asked = Asked("racing-place", now=NOW)
        event, horses = asked.race(), asked.sides[:3]
        selections = asked.market(event, "PLACE", *horses, places=2)
        said = dict(zip(horses, (0.9, 0.7, 0.4), strict=True))
        asked.say(selections, said, market=dict.fromkeys(horses, 0.6))
        asked.ends(event, runners=dict(zip(horses, ("WON", "LOST", "PLACED"), strict=True)))
        figures = scored(asked)
        assert (figures["unit"], figures["n"]) == ("runner", 3)
        expected = -np.log([0.9, 0.3, 0.4]).mean()
        assert figures["model"]["log_loss"] == pytest.approx(expected)


class TestLinesAlone:
    def test_are_even_at_home_s_handicap_and_at_the_total(self):
        asked = Asked("nba-spread", now=NOW)
        told, silent, strange, priced = (
            asked.event(data=data)
            for data in (
                {"spread": -6.5, "total": 221}, {}, {"spread": "pk", "total": True}, {"spread": 3},
            )
        )  # fmt: skip
        selections = asked.market(priced, "SPREAD", "HOME", "AWAY", line=2.5)
        asked.close(selections, {"HOME": 0.51, "AWAY": 0.49}, "pinnacle")
        ids = [priced.pk, told.pk, silent.pk, strange.pk]

        def closes(kind, sport="basketball"):
            return queries.closes(sport=sport, market_kind=kind, event_ids=ids)

        spread = closes("SPREAD")
        assert spread.line[:2].tolist() == [2.5, -6.5] and np.isnan(spread.line[2:]).all()
        assert spread.probability[:2].tolist() == [[0.51, 0.49], [0.5, 0.5]]
        assert closes("TOTAL").line[1] == 221 and np.isnan(closes("TOTAL").line[[0, 2, 3]]).all()
        assert np.isnan(closes("SPREAD", sport="american_football").line[1:]).all()
