"""Backing the rested side: by its rests, by its price, and from a simulated schedule on."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import nan

import pandas as pd
import pytest

from betting.domain import strategies as programs
from betting.domain.programs import fatigue
from betting.models import Strategy
from betting.services import deciding, strategies
from markets import queries as markets
from markets.domain import simulation_sports
from markets.models import Event
from markets.services import simulating, simulating_sports
from models_ml.models import Pipeline, Prediction
from models_ml.services import featuring, pipelines
from tests.betting import test_selecting as boards
from tests.betting.builders import (
    NOON,
    a_bankroll,
    a_sport,
    a_strategy,
    a_version,
    an_event_with_prices,
    predictions_of,
)

TOLD = fatigue.Told()


class TestJudge:
    @pytest.mark.parametrize(
        "role, rests, told, codes",
        [
            ("HOME", (3, 1), {}, ()),
            ("HOME", (2, 1), {}, ()),
            ("AWAY", (1, 2), {}, ()),
            ("HOME", (3, 2), {}, ("NOT_TIRED",)),
            ("HOME", (1, 1), {}, ("NOT_RESTED_ENOUGH",)),
            ("HOME", (1, 3), {}, ("NOT_TIRED", "NOT_RESTED_ENOUGH")),
            ("HOME", (4, 3), {"max_rest_days": 3}, ()),
            ("HOME", (3, 1), {"min_own_rest_days": 4}, ("NOT_RESTED_ENOUGH",)),
            ("HOME", (3, 1), {"min_rest_advantage": 2.5}, ("NOT_RESTED_ENOUGH",)),
            ("HOME", (3, 1), {"side": "HOME"}, ()),
            ("HOME", (3, 1), {"side": "AWAY"}, ("ANSWER_NOT_BET",)),
            ("DRAW", (3, 1), {}, ("ANSWER_NOT_BET",)),
            ("HOME", (nan, 1), {}, ("REST_UNKNOWN",)),
            ("AWAY", (1, nan), {}, ("REST_UNKNOWN",)),
        ],
        ids=[
            "rested", "as-little-as-asked", "away", "other-rested", "both-tired", "wrong-side",
            "longer-week", "own-too-short", "advantage-too-small", "home-only", "away-only", "draw",
            "home-unknown", "away-unknown",
        ],
    )  # fmt: skip
    def test_backs_the_rested_side_against_the_tired_one(self, role, rests, told, codes):
        told = fatigue.Told.read(told)
        for kind in ("MATCH_ODDS", "MONEYLINE", "SPREAD"):
            found = fatigue.judge(
                role=role, kind=kind, rest_home=rests[0], rest_away=rests[1], told=told
            )
            assert found.codes == codes

    @pytest.mark.parametrize(
        "role, rests, backs_under, codes",
        [
            ("UNDER", (1, 1), True, ()),
            ("UNDER", (1, 2), True, ("NOT_TIRED",)),
            ("UNDER", (1, 1), False, ("ANSWER_NOT_BET",)),
            ("OVER", (1, 1), True, ("ANSWER_NOT_BET",)),
            ("UNDER", (1, nan), True, ("REST_UNKNOWN",)),
        ],
        ids=["both-tired", "one-tired", "not-told", "over", "unknown"],
    )
    def test_backs_the_under_where_both_are_tired_and_it_is_told_so(
        self, role, rests, backs_under, codes
    ):
        told = fatigue.Told(backs_under=backs_under)
        found = fatigue.judge(
            role=role, kind="TOTAL", rest_home=rests[0], rest_away=rests[1], told=told
        )
        assert found.codes == codes

    def test_tells_each_value_with_what_was_asked(self):
        found = fatigue.judge(role="HOME", kind="SPREAD", rest_home=2, rest_away=1.5, told=TOLD)
        assert found.filters == {"NOT_TIRED": [1.5, 1.0], "NOT_RESTED_ENOUGH": [2, 2.5]}


class TestAppraise:
    def appraised(self, *, rests: tuple[float, float], chances=(0.50, 0.26, 0.24)) -> pd.DataFrame:
        asked = boards.predictions(*chances).assign(
            role=["HOME", "DRAW", "AWAY"], kind="MATCH_ODDS", rest_home=rests[0], rest_away=rests[1]
        )
        board = boards.quotes("2.2", "3.4", "3.6")
        program = programs.REGISTRY["fatigue"]
        return program.appraise(asked, board, boards.RULES, boards.NOON, TOLD)

    def test_needs_value_as_well_as_rest(self):
        assert self.appraised(rests=(3.0, 1.0))["reason"].tolist() == [
            "", "ANSWER_NOT_BET", "NOT_TIRED",
        ]  # fmt: skip
        poor = self.appraised(rests=(3.0, 1.0), chances=(0.45, 0.29, 0.26))
        assert poor["reason"].tolist()[0] == "EDGE_TOO_SMALL"

    def test_keeps_what_the_price_says_where_rest_speaks_against_it(self):
        found = self.appraised(rests=(1.5, 3.0)).iloc[0]
        assert found["failed"] == ["NOT_TIRED", "NOT_RESTED_ENOUGH"]
        assert found["edge"] == pytest.approx(0.10)
        assert found["filters"]["EDGE_TOO_SMALL"] == [0.1, 0.02]
        assert found["notes"] == {"rest_home": 1.5, "rest_away": 3.0}


@pytest.mark.django_db
class TestStrategy:
    def test_is_refused_where_nothing_tells_of_rest(self):
        players = Pipeline.objects.create(
            code="players", sport=a_sport("basketball"), market_kind="PLAYER_TOTAL",
            feature_set="players_v1", target="FIGURE", statistic="points",
        )  # fmt: skip
        named = {"code": "fatigue", "bankroll": a_bankroll(), "now": NOON, "actor": "t"}
        with pytest.raises(strategies.StrategyRefused, match="does not bet on PLAYER_TOTAL"):
            strategies.ensure_strategy(name="Tired", pipeline=players, **named)
        players.market_kind = "SPREAD"
        with pytest.raises(strategies.StrategyRefused, match="which players_v1 does not tell"):
            strategies.ensure_strategy(name="Tired", pipeline=players, **named)

    def test_fails_closed_where_the_feature_row_does_not_know(self):
        strategy = a_strategy()
        Strategy.objects.filter(pk=strategy.pk).update(code="fatigue")
        strategy.refresh_from_db()
        decisions = deciding.decide(
            strategy=strategy,
            prediction_ids=[p.pk for p in predictions_of(an_event_with_prices())],
            as_of=NOON,
            now=NOON,
        )
        reasons = {d.selection.role: d.reason for d in decisions}
        assert reasons == {"HOME": "REST_UNKNOWN", "DRAW": "ANSWER_NOT_BET", "AWAY": "REST_UNKNOWN"}


NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
LOOK = NOW + timedelta(seconds=633)  # a league hour before the game looked at


@pytest.mark.django_db
class TestFromASimulatedSchedule:
    """In the fourth round one side has rested 7/8 of a league day, the other 5/8."""

    @pytest.fixture
    def game(self, monkeypatch) -> Event:
        league = simulation_sports.BY_CODE["SIM-NBA"]
        monkeypatch.setattr(simulation_sports, "LEAGUES", (league,))
        simulating.create_history(seasons=0, seed=5, now=NOW, actor="cli:test")
        simulating_sports.found_leagues(now=NOW, actor="cli:test")
        for seconds in (0, 300, 600, 632):
            simulating_sports._tick_sports(now=NOW + timedelta(seconds=seconds))
        games = Event.objects.filter(competition__code="SIM-NBA", starts_at__gt=LOOK)
        return games.earliest("starts_at")

    def foretold(self, game: Event) -> list[Prediction]:
        """Foretell both sides from the look's own feature row; each is worth a tenth too much."""
        (pipeline,) = [
            pipeline
            for pipeline in pipelines.ensure_default_pipelines(now=NOW)
            if pipeline.code == "nba-spread-simulated"
        ]
        (row,) = featuring.build(
            event_ids=[game.pk], feature_set="nba_v1", stage="T-60m", as_of=LOOK, now=LOOK
        )
        board = markets.event_board(event_ids=[game.pk], as_of=LOOK, kinds=("SPREAD",))
        board = board[board["market_id"] == board["market_id"].min()]
        best = board[board["is_enabled"] & board["book_kind"].ne("AGGREGATE")].groupby(
            "selection_id"
        )["price"].max()  # fmt: skip
        return [
            Prediction.objects.create(
                feature_row=row, version=a_version(pipeline=pipeline), event=game,
                selection_id=selection_id, probability=1.1 / float(price), as_of=LOOK, made_at=LOOK,
            )
            for selection_id, price in best.items()
        ]  # fmt: skip

    @pytest.mark.parametrize(
        "told, reasons, rested",
        [
            ({}, {"HOME": "VALUE", "AWAY": "NOT_TIRED"}, "HOME"),
            ({"side": "AWAY"}, {"HOME": "ANSWER_NOT_BET", "AWAY": "NOT_TIRED"}, None),
            ({"max_rest_days": 0.6}, {"HOME": "NOT_TIRED", "AWAY": "NOT_TIRED"}, None),
            (
                {"min_rest_advantage": 0.3},
                {"HOME": "NOT_RESTED_ENOUGH", "AWAY": "NOT_TIRED"},
                None,
            ),
        ],
        ids=["rested", "away-only", "nobody-tired", "advantage-too-small"],
    )
    def test_decides_by_the_rests_that_the_look_stored(self, game, told, reasons, rested):
        parameters = {"max_rest_days": 0.7, "min_own_rest_days": 0.8, "min_rest_advantage": 0.25}
        predictions = self.foretold(game)
        strategy = strategies.ensure_strategy(
            name="Tired", code="fatigue", bankroll=a_bankroll(is_simulated=True),
            pipeline=predictions[0].version.pipeline, now=NOW, actor="t",
            parameters={**parameters, **told}, max_price=Decimal("20"), max_edge=0.5,
        )  # fmt: skip
        decisions = deciding.decide(
            strategy=strategy, prediction_ids=[p.pk for p in predictions], as_of=LOOK, now=LOOK
        )
        assert {d.selection.role: d.reason for d in decisions} == reasons
        assert [d.selection.role for d in decisions if d.verdict == "BET"] == [rested][
            : bool(rested)
        ]
        for decision in decisions:
            assert (decision.chain["rest_home"], decision.chain["rest_away"]) == (0.875, 0.625)
