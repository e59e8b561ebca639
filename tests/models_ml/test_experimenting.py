"""Changes tried against what stands: proposed by one, scored, decided by another."""

from datetime import timedelta

import numpy as np
import pytest

from models_ml.domain import experiments, parameters
from models_ml.domain.soccer_v1 import SOCCER_V1
from models_ml.models import Experiment, Pipeline
from models_ml.services import experimenting, loading, training
from monitoring.errors import Cancelled
from monitoring.models import AuditEntry
from tests.models_ml import builders, registry
from tests.models_ml.registry import NOON
from tests.models_ml.worlds import a_world

pytestmark = pytest.mark.django_db
SCORE = {"n": 400, "distinct": 380, "mean": -0.01, "low": -0.02, "high": -0.001,
         "verdict": "BETTER"}  # fmt: skip
CHANGE = {"eta": 0.05}


def propose(**fields):
    fields = {
        "name": "Slower", "hypothesis": "Slower trees learn less noise",
        "pipeline": registry.a_pipeline(), "candidate": CHANGE, "actor": "user:dan", "now": NOON,
        **fields,
    }  # fmt: skip
    return experimenting.propose(**fields)


def scored(**figures):
    row = propose(user_id=registry.a_person("dan").pk)
    Experiment.objects.filter(pk=row.pk).update(state="SCORED", figures={**SCORE, **figures})
    return Experiment.objects.get(pk=row.pk)


def decide(service, row, name="eve", review="clear enough", **fields):
    fields = {"actor": f"user:{name}", "now": NOON, **fields}
    return service(
        experiment_id=row.pk, user_id=registry.a_person(name).pk, review=review, **fields
    )


def parameters_now():
    return Pipeline.objects.get(code="soccer-1x2").parameters


class TestFolds:
    @pytest.mark.parametrize("n", [0, 1, 5, 300])
    def test_follow_one_another_to_the_end(self, n):
        cut = experiments.folds(np.arange(n))
        assert [b for _, b in cut[:-1]] == [a for a, _ in cut[1:]]
        assert not cut or cut[-1][1] == n

    def test_learn_only_from_what_was_known_when_the_first_was_asked(self):
        asked = np.array([10, 20, 30, 40])
        known = np.array([15, 45, 35, 50])
        assert experiments.before(known, asked, 2).tolist() == [0]


class TestScore:
    def test_needs_a_hundred_whatever_was_asked(self):
        few = experiments.score(
            candidate=np.zeros(99), incumbent=np.ones(99), weeks=np.arange(99), minimum_n=1
        )
        assert few["verdict"] == "NOT_ENOUGH"
        assert experiments.score(candidate=[], incumbent=[], weeks=[], minimum_n=1)["n"] == 0

    def test_of_arms_that_say_the_same_is_no_draw(self):
        same = np.random.default_rng(0).normal(size=500)
        told = experiments.score(
            candidate=same, incumbent=same, weeks=np.arange(500) // 9, minimum_n=100
        )
        assert (told["verdict"], told["distinct"]) == ("THE_SAME", 1)

    @pytest.mark.parametrize(
        "shift, verdict", [(-0.05, "BETTER"), (0.0, "NO_DIFFERENCE"), (0.05, "WORSE")]
    )
    def test_asks_whether_the_interval_excludes_no_difference(self, shift, verdict):
        rng = np.random.default_rng(1)
        stands = rng.normal(1.0, 0.4, 900)
        gaps = rng.normal(0.0, 0.2, 900)
        told = experiments.score(
            candidate=stands + gaps - gaps.mean() + shift, incumbent=stands,
            weeks=np.arange(900) // 30, minimum_n=100,
        )  # fmt: skip
        assert told["verdict"] == verdict


class TestTakenBack:
    def test_undoes_what_was_applied(self):
        stands, change = {"eta": 0.1, "alpha": 1.0}, {"eta": 0.02, "gamma": 2.0}
        after = experiments.applied(stands, change)
        assert experiments.taken_back(after, stands, change) == stands


class TestDropped:
    def test_are_columns_of_the_set_that_nothing_begins_with(self):
        parameters.check({"drop_features": ["rest_home"]})
        parameters.check_dropped({"drop_features": ["rest_home"]}, feature_set=SOCCER_V1)

    @pytest.mark.parametrize(
        "dropped, why",
        [(["moon"], "no feature moon"), (["market_home"], "begin with market_home"),
         (["elo_expectation"], "begin with"), (["goals_home"], "begin with")],
        ids=["unknown", "market", "elo", "goals"],
    )  # fmt: skip
    def test_are_refused_by_name(self, dropped, why):
        with pytest.raises(parameters.BadParameter, match=why):
            parameters.check_dropped({"drop_features": dropped}, feature_set=SOCCER_V1)

    @pytest.mark.parametrize("value", ["rest_home", [1], ["a", "a"], {"a": 1}, None])
    def test_are_a_list_of_names(self, value):
        with pytest.raises(parameters.BadParameter):
            parameters.check({"drop_features": value})


class TestPropose:
    def test_writes_what_stands_beside_the_change(self):
        row = propose(user_id=registry.a_person("dan").pk, actor="api:laptop")
        assert (row.state, row.kind, row.proposed_by) == ("PROPOSED", "PARAMETERS", "user:dan")
        assert (row.incumbent, row.candidate) == (parameters_now(), CHANGE)
        assert AuditEntry.objects.get(action="models_ml.propose_experiment").actor == "api:laptop"

    def test_of_features_is_told_apart(self):
        assert propose(candidate={"drop_features": ["rest_home"]}).kind == "FEATURES"

    @pytest.mark.parametrize(
        "fields, error",
        [
            ({"name": " "}, experimenting.ExperimentRefused),
            ({"hypothesis": ""}, experimenting.ExperimentRefused),
            ({"candidate": {}}, experimenting.ExperimentRefused),
            ({"minimum_n": 99}, experimenting.ExperimentRefused),
            ({"candidate": {"learning": 1}}, training.BadParameters),
            ({"candidate": {"eta": 7.0}}, training.BadParameters),
            ({"candidate": {"drop_features": ["market_home"]}}, training.BadParameters),
        ],
        ids=["name", "hypothesis", "nothing", "minimum", "unknown", "bounds", "market"],
    )
    def test_refuses_what_cannot_be_tried(self, fields, error):
        with pytest.raises(error):
            propose(**fields)
        assert not Experiment.objects.exists()


class TestDecide:
    def test_accepted_changes_the_pipeline_and_switched_off_changes_it_back(self):
        stood = parameters_now() if Pipeline.objects.exists() else {}
        row = scored()
        accepted = decide(experimenting.accept, row)
        assert (accepted.state, accepted.reviewed_by) == ("ACCEPTED", "user:eve")
        assert parameters_now() == {**stood, **CHANGE}
        Pipeline.objects.filter(code="soccer-1x2").update(parameters={**CHANGE, "gamma": 2.0})
        off = experimenting.switch_off(
            experiment_id=row.pk, reason="no gain live", actor="user:eve", now=NOON
        )
        assert (off.state, off.switched_off_at) == ("SWITCHED_OFF", NOON)
        assert parameters_now() == {**stood, "gamma": 2.0}
        actions = AuditEntry.objects.filter(action__endswith="_experiment").order_by("pk")
        assert list(actions.values_list("action", flat=True)) == [
            "models_ml.propose_experiment", "models_ml.accept_experiment",
            "models_ml.switch_off_experiment",
        ]  # fmt: skip

    def test_rejected_leaves_the_pipeline_alone(self):
        row = decide(experimenting.reject, scored())
        assert (row.state, parameters_now()) == ("REJECTED", {})

    @pytest.mark.parametrize("service", [experimenting.accept, experimenting.reject])
    def test_is_for_another_person_than_who_proposed(self, service):
        row = scored()
        with pytest.raises(experimenting.ExperimentRefused, match="another person"):
            decide(service, row, "dan")
        assert Experiment.objects.get().state == "SCORED"

    @pytest.mark.parametrize(
        "figures, why",
        [
            ({"n": 80, "verdict": "NOT_ENOUGH"}, "80 differences, 100 are needed"),
            ({"distinct": 1, "verdict": "THE_SAME"}, "say the same"),
            ({"low": 0.001, "mean": 0.01, "high": 0.02, "verdict": "WORSE"}, "worse by 0.0100"),
        ],
        ids=["few", "same", "worse"],
    )
    def test_accepts_nothing_that_was_not_shown(self, figures, why):
        row = scored(**figures)
        with pytest.raises(experimenting.ExperimentRefused, match=why):
            decide(experimenting.accept, row)
        assert parameters_now() == {}

    def test_lets_in_what_makes_no_difference_if_the_reviewer_says_why(self):
        row = scored(low=-0.01, high=0.01, verdict="NO_DIFFERENCE")
        with pytest.raises(experimenting.ExperimentRefused, match="review"):
            decide(experimenting.accept, row, review=" ")
        assert decide(experimenting.accept, row, review="simpler").state == "ACCEPTED"

    def test_refuses_once_what_stands_has_changed(self):
        row = scored()
        Pipeline.objects.filter(code="soccer-1x2").update(parameters={"eta": 0.3})
        with pytest.raises(experimenting.ExperimentRefused, match="propose it anew"):
            decide(experimenting.accept, row)

    @pytest.mark.parametrize("state", ["PROPOSED", "RUNNING", "ACCEPTED", "REJECTED"])
    def test_refuses_what_is_not_scored(self, state):
        row = scored()
        Experiment.objects.update(state=state, reviewed_by="user:eve")
        with pytest.raises(experimenting.ExperimentRefused):
            decide(experimenting.reject, row)

    def test_refuses_what_is_not_there(self):
        with pytest.raises(experimenting.ExperimentRefused, match="no experiment 7"):
            experimenting.switch_off(experiment_id=7, reason="x", actor="t", now=NOON)


class TestRun:
    @pytest.fixture
    def league(self):
        return builders.a_league(a_world(seasons=4), without_prices=range(528))

    def test_scores_both_arms_on_the_same_folds(self, league):
        pipeline = builders.a_pipeline(now=league.ends_at)
        row = propose(pipeline=pipeline, candidate={"eta": 0.02, "max_depth": 1})
        told = []

        class Following:
            run_id = None

            def raise_if_cancelled(self):
                pass

            def progress(self, *, done, total, message):
                told.append((done, total, message))

        done = experimenting.run(
            experiment_id=row.pk, actor="test", now=league.ends_at, progress=Following()
        )
        figures = done.figures
        assert done.state == "SCORED" and figures["n"] == sum(f["n"] for f in figures["folds"])
        assert (figures["n"], len(figures["folds"]), figures["distinct"] > 1) == (210, 3, True)
        assert figures["mean"] == pytest.approx(figures["candidate"] - figures["incumbent"])
        assert [f["learned"] for f in figures["folds"]] == sorted(
            f["learned"] for f in figures["folds"]
        )
        assert told[0] == (0, 6, "incumbent") and told[-1] == (5, 6, "candidate")

    def test_called_off_leaves_it_as_it_was(self, league):
        row = propose(pipeline=builders.a_pipeline(now=league.ends_at))

        class Stopping:
            def raise_if_cancelled(self):
                raise Cancelled("asked for")

        with pytest.raises(Cancelled):
            experimenting.run(
                experiment_id=row.pk, actor="test", now=league.ends_at, progress=Stopping()
            )
        assert Experiment.objects.get().state == "PROPOSED"

    def test_without_history_says_so_and_stays_proposed(self):
        row = propose()
        with pytest.raises(training.NotEnoughHistory):
            experimenting.run(experiment_id=row.pk, actor="test", now=NOON)
        assert Experiment.objects.get().state == "PROPOSED"

    def test_of_what_was_decided_is_refused(self):
        row = decide(experimenting.reject, scored())
        with pytest.raises(experimenting.ExperimentRefused, match="rejected"):
            experimenting.run(experiment_id=row.pk, actor="test", now=NOON)


class TestTrainingWithoutAFeature:
    def test_says_the_same_whether_it_is_known_or_not(self):
        league = builders.a_league(a_world(seasons=4), without_prices=range(528))
        dropped = ["rest_home", "home_points_5", "away_points_5"]
        pipeline = builders.a_pipeline(now=league.ends_at, drop_features=dropped)
        version = builders.a_version(pipeline, until=league.ends_at)
        assert version.parameters["drop_features"] == dropped
        estimator = loading.load(version=version)
        values = np.array(version.metrics["golden"]["values"], dtype=float)
        changed = values.copy()
        changed[:, [SOCCER_V1.names.index(name) for name in dropped]] = 99.0
        assert np.array_equal(estimator.sample(values), estimator.sample(changed))
        moved = {one["name"] for one in version.plots["contributions"]}
        assert moved.isdisjoint(dropped)

    def test_refuses_to_leave_out_what_it_begins_with(self):
        pipeline = builders.a_pipeline(now=NOON, drop_features=["market_home"])
        with pytest.raises(training.BadParameters, match="begin with"):
            builders.a_version(pipeline, until=NOON - timedelta(days=1))
