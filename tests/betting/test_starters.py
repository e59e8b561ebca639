"""Bets on players: only on those who are confirmed to start, from a simulated line-up on."""

from datetime import UTC, datetime, timedelta

import pytest

from betting.models import Decision, Strategy
from betting.services import deciding
from markets import queries as markets
from markets.domain import simulation_sports
from markets.models import Event, Market
from markets.services import lineups, simulating, simulating_sports
from models_ml.models import FeatureRow, Pipeline, Prediction
from models_ml.services import pipelines
from tests.betting.builders import a_bankroll, a_strategy, a_version

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
LOOK = NOW + timedelta(seconds=638)  # half a league hour before the game looked at


@pytest.fixture
def market(monkeypatch) -> Market:
    """The points of a star in a coming game, whose line-ups are told a league hour before."""
    league = simulation_sports.BY_CODE["SIM-NBA"]
    monkeypatch.setattr(simulation_sports, "LEAGUES", (league,))
    simulating.create_history(seasons=0, seed=5, now=NOW, actor="cli:test")
    simulating_sports.found_leagues(now=NOW, actor="cli:test")
    for seconds in (0, 300, 600, 637):
        simulating_sports._tick_sports(now=NOW + timedelta(seconds=seconds))
    game = Event.objects.filter(competition__code="SIM-NBA", starts_at__gt=LOOK)
    return Market.objects.filter(event=game.earliest("starts_at"), kind="PLAYER_TOTAL").first()


@pytest.fixture
def strategy() -> Strategy:
    pipelines.ensure_default_pipelines(now=NOW)
    players = Pipeline.objects.get(code="nba-player-points-simulated")
    money = a_bankroll(is_simulated=True)
    return a_strategy(
        pipeline=players, bankroll=money, max_edge=0.5, max_price_age_seconds=3600,
        decide_at_stage="T-30m",
    )  # fmt: skip


@pytest.fixture
def foretold(market, strategy) -> list[int]:
    """Both answers, each worth a tenth more than its best price."""
    row = FeatureRow.objects.create(
        event=market.event, participant=market.participant, statistic="points", as_of=LOOK,
        feature_set="players_v1", stage="T-30m", values=[], checksum="0", made_at=LOOK,
    )  # fmt: skip
    board = markets.event_board(event_ids=[market.event_id], as_of=LOOK, kinds=(market.kind,))
    board = board[(board["market_id"] == market.pk) & board["book_kind"].ne("AGGREGATE")]
    version = a_version(pipeline=strategy.pipeline)
    return [
        Prediction.objects.create(
            feature_row=row, version=version, event=market.event, selection_id=selection,
            probability=1.1 / float(price), as_of=LOOK, made_at=LOOK,
        ).pk
        for selection, price in board.groupby("selection_id")["price"].max().items()
    ]  # fmt: skip


def tried(strategy: Strategy, ids: list[int], *, at: datetime = LOOK) -> list[Decision]:
    return deciding.decide(strategy=strategy, prediction_ids=ids, as_of=at, now=at, dry_run=True)


def outcome(decisions: list[Decision]) -> tuple[set[str], set[object]]:
    return {d.reason for d in decisions}, {d.chain["starts"] for d in decisions}


class TestAPlayersBet:
    def test_waits_until_he_is_confirmed_to_start(self, strategy, foretold):
        before = tried(strategy, foretold, at=LOOK - timedelta(seconds=6))
        assert {d.verdict for d in before} == {"PASS"}
        assert outcome(before) == ({"STARTER_NOT_CONFIRMED"}, {None})
        found = tried(strategy, foretold)
        assert sorted(d.reason for d in found) == ["OTHER_SELECTION_BETTER", "VALUE"]
        assert outcome(found)[1] == {True}

    def test_heeds_what_a_person_told_since(self, strategy, foretold, market):
        told = {"actor": "user:olga", "reason": "seen", "now": LOOK}
        lineups.tell(
            event_id=market.event_id, participant_id=market.participant_id, status="out", **told
        )
        assert outcome(tried(strategy, foretold)) == ({"STARTER_NOT_CONFIRMED"}, {False})
        strategy.parameters = {"needs_confirmed_starter": False}
        found = tried(strategy, foretold)
        assert "VALUE" in {d.reason for d in found}
        assert outcome(found)[1] == {False}
