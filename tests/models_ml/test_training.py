from datetime import timedelta

import numpy as np
import pytest

from markets.models import Result
from models_ml.domain import artefacts
from models_ml.domain.estimators import three_way, trees
from models_ml.domain.soccer_v1 import SOCCER_V1
from models_ml.models import ModelVersion, Pipeline, Replay
from models_ml.services import (
    evaluating,
    examples,
    loading,
    origins,
    pipelines,
    storing,
    training,
)
from models_ml.services.evaluating import NothingToEvaluate
from models_ml.services.training import (
    BadParameters,
    ClockBackwards,
    NotEnoughHistory,
    NothingTrained,
    OneClassOnly,
)
from monitoring.errors import Cancelled
from monitoring.models import AuditEntry
from tests.models_ml import builders
from tests.models_ml.worlds import World, a_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def league():
    return builders.a_league(a_world(seasons=3))


@pytest.fixture
def pipeline(league):
    return builders.a_pipeline(now=league.ends_at)


class Handle:
    """A run's handle that writes down what it is told, and may be told to stop."""

    run_id, actor = None, "test"

    def __init__(self, *, stop_after: int = 10_000):
        self.told: list[int] = []
        self.stop_after = stop_after

    def progress(self, *, done, total=None, message=""):
        self.told.append(done)

    def raise_if_cancelled(self):
        if len(self.told) >= self.stop_after:
            raise Cancelled("asked for")


class TestTrain:
    def test_makes_a_candidate_with_a_sound_artefact(self, league, pipeline):
        version = builders.a_version(pipeline, until=league.ends_at)
        assert (version.stage, version.number) == ("CANDIDATE", 1)
        assert version.artefact == f"soccer-1x2/1-{version.artefact_sha256[:12]}.json"
        assert storing.read(version=version)
        assert version.features == SOCCER_V1.names
        assert version.n_rows == len(league.events)
        assert AuditEntry.objects.filter(action="models_ml.train").count() == 1

    def test_scores_model_market_and_elo_on_matches_it_has_not_seen(self, league, pipeline):
        metrics = builders.a_version(pipeline, until=league.ends_at).metrics
        parts = metrics["parts"]
        assert metrics["n"] == parts["test"]["n"] > 50
        taken = sum(part["n"] for part in parts.values())
        assert taken + metrics["purged"] == len(league.events)
        assert parts["train"]["to"] < parts["validation"]["from"] < parts["test"]["from"]
        for who in ("model", "market", "elo"):
            assert 0.5 < metrics[who]["log_loss"] < 1.4
        assert metrics["model"]["log_loss"] - metrics["market"]["log_loss"] == pytest.approx(
            metrics["log_loss_difference"]["mean"]
        )

    def test_of_the_same_rows_and_seed_gives_the_same_artefact(self, league, pipeline):
        first, second, other = (
            builders.a_version(pipeline, until=league.ends_at, seed=seed) for seed in (0, 0, 1)
        )
        assert first.artefact_sha256 == second.artefact_sha256
        assert (first.number, second.number, other.number) == (1, 2, 3)
        assert first.code_version == second.code_version == other.code_version

    def test_learns_nothing_known_later(self, league, pipeline):
        until = league.events[330].starts_at
        version = builders.a_version(pipeline, until=until, now=league.ends_at)
        assert version.n_rows == sum(
            builders.moment(m.known_at) <= until for m in league.world.matches
        )
        assert version.trained_until == until

    def test_gives_the_same_artefact_whatever_happened_later(self, league, pipeline):
        until = league.events[330].starts_at
        whole = builders.a_version(pipeline, until=until, now=league.ends_at)
        Result.objects.bulk_create(
            Result(
                event=event,
                version=2,
                status="FINAL",
                home_score=7,
                away_score=0,
                source=builders.a_source(),
                known_at=until + timedelta(days=1),
                recorded_at=league.ends_at,
            )
            for event in league.events[::5]
        )
        again = builders.a_version(pipeline, until=until, now=league.ends_at)
        assert again.artefact_sha256 == whole.artefact_sha256
        assert again.metrics == whole.metrics

    def test_for_a_replay_belongs_to_that_replay(self, league, pipeline):
        replay = Replay.objects.create(
            competition=league.competition,
            season=league.events[-1].season,
            actor="test",
            started_at=league.ends_at,
        )
        until = league.events[330].starts_at
        version = builders.a_version(pipeline, until=until, now=league.ends_at, replay=replay)
        assert (version.stage, version.replay) == ("REPLAY", replay)

    def test_works_where_no_match_has_prices(self):
        world = a_world(seasons=3)
        league = builders.a_league(world, without_prices=range(len(world.matches)))
        pipeline = builders.a_pipeline(now=league.ends_at)
        metrics = builders.a_version(pipeline, until=league.ends_at).metrics
        assert metrics["market"] is None
        assert metrics["n_without_market"] == metrics["n"]
        assert metrics["model"]["log_loss"] < metrics["elo"]["log_loss"] + 0.05

    def test_keeps_real_and_simulated_leagues_apart(self, league):
        simulated = builders.a_league(a_world(seasons=3, seed=8), code="S1", is_simulated=True)
        real = builders.a_pipeline(now=league.ends_at)
        other = builders.a_pipeline("soccer-1x2-simulated", now=league.ends_at)
        for pipeline, own in ((real, league), (other, simulated)):
            rows = examples.examples(pipeline=pipeline, until=league.ends_at)
            assert set(rows.event) == {event.pk for event in own.events}

    def test_tells_its_progress_and_can_be_called_off(self, league, pipeline):
        handle = Handle()
        builders.a_version(pipeline, until=league.ends_at, progress=handle)
        assert handle.told == sorted(handle.told) and handle.told[0] == 1
        with pytest.raises(Cancelled):
            builders.a_version(pipeline, until=league.ends_at, progress=Handle(stop_after=2))
        assert ModelVersion.objects.count() == 1

    def test_refuses_too_little_history(self, league, pipeline):
        with pytest.raises(NotEnoughHistory, match="are needed"):
            builders.a_version(pipeline, until=league.events[50].starts_at)

    def test_writes_down_what_made_the_artefact(self, league, pipeline):
        version = builders.a_version(pipeline, until=league.ends_at)
        code = version.code_versions
        assert {"estimators.three_way", "soccer_v1", "markets.domain.odds", "xgboost"} <= set(code)
        assert version.code_version == origins.code_version(code)
        assert (version.kind, version.estimator_format) == ("boosted3", 1)
        assert version.artefact_bytes == len(storing.read(version=version))
        assert {f["name"] for f in version.plots["contributions"]} <= set(SOCCER_V1.names)

    def test_keeps_what_was_said_and_what_happened_on_matches_it_had_not_seen(
        self, league, pipeline
    ):
        version = builders.a_version(pipeline, until=league.ends_at)
        curves = version.plots["reliability"]
        assert set(curves) == {"model", "market"}
        for points in curves.values():
            assert sum(point["n"] for point in points) == 3 * version.metrics["n"]
            assert all(p["low"] <= p["happened"] <= p["high"] for p in points)
            assert [p["said"] for p in points] == sorted(p["said"] for p in points)

    def test_keeps_what_moved_it_and_what_its_trees_won_by(self):
        league = builders.a_league(a_world(seasons=3), without_prices=range(10_000))
        pipeline = builders.a_pipeline(now=league.ends_at, gamma=0.0, alpha=0.0)
        version = builders.a_version(pipeline, until=league.ends_at)
        told = version.plots["contributions"]
        sizes = [one["mean_abs"] for one in told]
        assert sizes == sorted(sizes, reverse=True) and sizes[-1] > 0
        gain = ModelVersion.objects.get(pk=version.pk).metrics["gain"]
        assert sum(gain.values()) == pytest.approx(1.0)
        assert {one["name"] for one in told} <= set(gain)  # what no tree asked for moves nothing
        grown = trees.load(artefacts.unpack(storing.read(version=version)).booster("three"))
        told = grown.booster.get_score(importance_type="total_gain")  # by place: "f7"
        won = {SOCCER_V1.names[int(place[1:])]: one for place, one in told.items()}
        whole = sum(won.values())
        assert gain == pytest.approx({name: one / whole for name, one in won.items()})

    def test_foretells_goals_where_the_pipeline_asks_for_them(self, league, pipeline):
        Pipeline.objects.filter(pk=pipeline.pk).update(target="GOALS", market_kind="TOTAL")
        pipeline.refresh_from_db()
        version = builders.a_version(pipeline, until=league.ends_at)
        estimator = loading.load_fresh(version=version)
        assert version.kind == estimator.kind == "goals"
        assert 2.0 < version.metrics["exact"]["log_loss"] < 4.0
        assert version.metrics["model"] is None  # nobody quoted a line to hold it against

    def test_gives_calibration_the_weeks_it_is_told(self, league, pipeline):
        few, more = (
            builders.a_version(pipeline, until=league.ends_at, calibration_weeks=weeks)
            for weeks in (2, 6)
        )
        n = [v.metrics["parts"]["calibration"]["n"] for v in (few, more)]
        assert 0 < n[0] < n[1] and n[0] <= 2 * 6 and n[1] <= 6 * 6

    def test_refuses_a_league_without_a_draw(self):
        world = a_world(seasons=3)
        decided = [
            match._replace(home_score=match.home_score + (match.home_score == match.away_score))
            for match in world.matches
        ]
        league = builders.a_league(World(decided, world.fixtures))
        pipeline = builders.a_pipeline(now=league.ends_at)
        with pytest.raises(OneClassOnly, match="ended in home, away alone"):
            builders.a_version(pipeline, until=league.ends_at)

    @pytest.mark.parametrize(
        "parameters, told",
        [
            ({"tarot": 1}, "no parameter 'tarot'"),
            ({"rounds": "many"}, "rounds is a whole number"),
            ({"eta": 0}, "eta is a number from 0.0001 to 1"),
            ({"max_depth": True}, "max_depth"),
        ],
    )
    def test_refuses_parameters_it_does_not_know(self, parameters, told):
        with pytest.raises(BadParameters, match=told):
            training.check_parameters(parameters)

    def test_names_each_parameter_that_is_wrong(self):
        told = training.wrong_parameters({"eta": 2, "tarot": 1, "max_depth": 3})
        assert set(told) == {"eta", "tarot"}

    def test_refuses_no_weeks_of_calibration(self, league, pipeline):
        with pytest.raises(BadParameters, match="1 to 104 weeks"):
            builders.a_version(pipeline, until=league.ends_at, calibration_weeks=0)

    def test_refuses_a_clock_that_went_backwards(self, league, pipeline):
        builders.a_version(pipeline, until=league.ends_at)
        earlier = league.ends_at - timedelta(hours=1)
        with pytest.raises(ClockBackwards, match="the clock says"):
            builders.a_version(pipeline, until=earlier, now=earlier)
        assert ModelVersion.objects.count() == 1

    def test_refuses_the_future(self, league, pipeline):
        later = league.ends_at + timedelta(days=1)
        with pytest.raises(NotEnoughHistory, match="future"):
            builders.a_version(pipeline, until=later, now=league.ends_at)


class TestTrainEach:
    def test_gives_each_pipeline_its_turn_whoever_was_refused(self, league, pipeline):
        full, empty = pipelines.ensure_default_pipelines(now=league.ends_at)[:2]
        trained = builders.train_each([empty, full, empty], until=league.ends_at)
        assert [version.pipeline for version in trained.versions] == [pipeline]
        assert list(trained.refused) == ["soccer-1x2-simulated"]
        report = training.report(trained=trained)
        assert report["versions"][0]["pipeline"] == "soccer-1x2"
        assert report["refused"]["soccer-1x2-simulated"].endswith(
            "0 matches are known, 300 are needed"
        )

    def test_fails_where_all_were_refused_and_says_why_of_each(self, league, pipeline):
        both = pipelines.ensure_default_pipelines(now=league.ends_at)[:2]
        with pytest.raises(NothingTrained, match=r"soccer-1x2: .*; soccer-1x2-simulated "):
            builders.train_each(both, until=league.events[50].starts_at)
        assert not ModelVersion.objects.exists()

    def test_of_no_pipeline_is_done(self):
        trained = builders.train_each([], until=builders.moment(0))
        assert training.report(trained=trained) == {"versions": [], "refused": {}}

    def test_stops_at_a_cancellation_and_keeps_what_was_trained(self, league, pipeline):
        rounds = Handle()
        builders.train_each([pipeline], until=league.ends_at, progress=rounds)
        stopping = Handle(stop_after=len(rounds.told) + 1)
        with pytest.raises(Cancelled):
            builders.train_each([pipeline, pipeline], until=league.ends_at, progress=stopping)
        assert ModelVersion.objects.count() == 2


class TestExamples:
    def test_have_the_market_of_their_own_final_stage(self, league, pipeline):
        rows = examples.examples(pipeline=pipeline, until=league.ends_at)
        truth = np.array([fixture.market for fixture in league.world.fixtures])
        assert np.abs(rows.market - truth).max() < 0.02  # the method's, not the close's
        assert (rows.market == three_way.market_of(rows.values, SOCCER_V1)).all()

    def test_ask_a_bounded_number_of_questions(
        self, league, pipeline, django_assert_max_num_queries
    ):
        with django_assert_max_num_queries(18):
            examples.examples(pipeline=pipeline, until=league.ends_at)


class TestEvaluate:
    def test_scores_a_version_on_matches_after_its_training(self, league, pipeline):
        until = league.events[330].starts_at
        version = builders.a_version(pipeline, until=until, now=league.ends_at)
        scores = evaluating.evaluate(
            version=version, since=until, until=league.ends_at, now=league.ends_at
        )
        assert scores["n"] == sum(event.starts_at >= until for event in league.events)
        assert scores["model"]["log_loss"] == pytest.approx(scores["market"]["log_loss"], abs=0.05)

    def test_refuses_matches_it_may_have_learned_from(self, league, pipeline):
        version = builders.a_version(pipeline, until=league.ends_at)
        with pytest.raises(NothingToEvaluate, match="later window"):
            evaluating.evaluate(
                version=version,
                since=league.ends_at - timedelta(days=30),
                until=league.ends_at,
                now=league.ends_at,
            )

    def test_refuses_an_empty_window(self, league, pipeline):
        version = builders.a_version(pipeline, until=league.ends_at)
        with pytest.raises(NothingToEvaluate, match="no known result"):
            evaluating.evaluate(
                version=version,
                since=league.ends_at,
                until=league.ends_at + timedelta(days=1),
                now=league.ends_at + timedelta(days=1),
            )
