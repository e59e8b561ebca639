import builtins

import numpy as np
import pytest

from models_ml.models import ModelVersion, Pipeline, Search, SearchTrial
from models_ml.services import learning, searching, studying, training, trying
from models_ml.services.searching import NothingFound, NothingToSearch, SearchIsOver
from models_ml.services.training import BadParameters, NotEnoughHistory
from monitoring.errors import Cancelled
from monitoring.models import AuditEntry, TaskRun
from monitoring.services import executing, running
from tests.models_ml import builders
from tests.models_ml.worlds import a_world

pytestmark = pytest.mark.django_db

SPACE = {"eta": [0.02, 0.3], "max_depth": [1, 3], "subsample": [0.5, 1.0]}


@pytest.fixture
def league():
    return builders.a_league(a_world(seasons=3))


@pytest.fixture
def pipeline(league):
    return builders.a_pipeline(now=league.ends_at, rounds=12, patience=4)


@pytest.fixture
def at(league):
    return league.ends_at


def begin(pipeline, at, *, trials=4, **wanted):
    wanted = {"space": SPACE, "actor": "test", "now": at, **wanted}
    return searching.begin(pipeline=pipeline, trials=trials, **wanted)


def run(search, at, progress=None):
    """Make the trials and the candidate, as a command does."""
    searching.run(search_id=search.pk, actor="test", now=at, progress=progress)
    return searching.finish(search_id=search.pk, actor="test", now=at)


def trials(search):
    return list(search.rows.order_by("number"))


def told(search):
    return [(trial.number, trial.parameters, trial.value, trial.state) for trial in trials(search)]


class Handle:
    """A run's handle that may be told to stop when so many trials are done."""

    run_id, actor = None, "test"

    def __init__(self, search=None, *, stop_in=10_000):
        self.search, self.stop_in, self.told = search, stop_in, []

    def progress(self, *, done, total=None, message=""):
        self.told.append((done, total))

    def raise_if_cancelled(self):
        if len(self.told) >= self.stop_in:
            raise Cancelled("asked for")


def work_off(at):
    """Run what waits, as the training worker would: one after another."""
    done = 0
    while waiting := TaskRun.objects.filter(state="QUEUED").order_by("created_at", "pk").first():
        executing.execute(run_id=waiting.pk, worker="test", now=at)
        done += 1
    return done


class TestBegin:
    def test_writes_down_what_was_asked_for(self, pipeline, at):
        search = begin(pipeline, at, seed=7)
        assert (search.state, search.trials, search.seed, search.space) == (
            "RUNNING", 4, 7, SPACE,
        )  # fmt: skip
        assert (search.until, trials(search)) == (at, [])
        assert AuditEntry.objects.filter(action="models_ml.search").count() == 1

    def test_looks_in_the_usual_places_unless_told_where(self, pipeline, at):
        assert {"eta", "lambda", "max_depth"} < set(begin(pipeline, at, space=None).space)

    @pytest.mark.parametrize("asked", [0, -1, 501, 1.5, "ten", True, None])
    def test_refuses_a_number_of_trials_beyond_bounds(self, pipeline, at, asked):
        with pytest.raises(BadParameters, match="1 to 500 trials"):
            begin(pipeline, at, trials=asked)
        assert not Search.objects.exists()

    @pytest.mark.parametrize("asked", [1, 500])
    def test_takes_the_bounds_themselves(self, pipeline, at, asked):
        assert begin(pipeline, at, trials=asked).trials == asked

    @pytest.mark.parametrize(
        "space, why",
        [
            pytest.param({"tarot": [0, 1]}, "no parameter 'tarot'", id="unknown"),
            pytest.param({"eta": [0.1, 7]}, "eta is a number from 0.0001 to 1", id="beyond"),
            pytest.param({"eta": 0.1}, "between two numbers", id="no range"),
            pytest.param({"eta": "ab"}, "between two numbers", id="text"),
            pytest.param({"eta": [0.1, 0.2, 0.3]}, "between two numbers", id="three"),
            pytest.param({"eta": ["low", "high"]}, "eta is a number", id="words"),
            pytest.param({"max_depth": [1, 2.5]}, "max_depth is a whole number", id="fraction"),
            pytest.param({"max_depth": [True, 3]}, "max_depth is a whole number", id="yes"),
            pytest.param({"eta": [0.2, 0.1]}, "0.2 is more than 0.1", id="upside down"),
            pytest.param({"eta": [0.1, float("nan")]}, "eta is a number", id="nan"),
        ],
    )
    def test_refuses_a_space_it_cannot_search(self, pipeline, at, space, why):
        with pytest.raises(BadParameters, match=why):
            begin(pipeline, at, space=space)
        assert not Search.objects.exists()

    def test_refuses_a_pipeline_that_nobody_could_train(self, pipeline, at):
        pipeline.parameters = {"tarot": 1}
        with pytest.raises(BadParameters, match="tarot"):
            begin(pipeline, at)

    def test_refuses_the_future(self, pipeline, at):
        with pytest.raises(BadParameters, match="future"):
            begin(pipeline, at, until=at + (at - at.replace(year=2020)))

    def test_refuses_an_estimator_without_parameters(self, pipeline, at):
        races = Pipeline(
            code="racing", sport=pipeline.sport, market_kind="WIN", target="WINNER",
            feature_set="racing_v1",
        )  # fmt: skip
        with pytest.raises(NothingToSearch, match="runners finds its one penalty by itself"):
            searching.checked(pipeline=races)

    def test_says_how_to_install_what_is_missing(self, pipeline, at, monkeypatch):
        load = builtins.__import__

        def without_optuna(name, *args, **kwargs):
            if name.partition(".")[0] == "optuna":
                raise ImportError(name)
            return load(name, *args, **kwargs)

        monkeypatch.setattr(builtins, "__import__", without_optuna)
        with pytest.raises(studying.SearchUnavailable, match=r"requirements\.txt"):
            begin(pipeline, at)
        assert not Search.objects.exists()


class TestRun:
    def test_makes_every_trial_and_a_candidate_of_the_best(self, pipeline, at):
        search = begin(pipeline, at)
        version = run(search, at)
        search.refresh_from_db()
        rows = trials(search)
        best = min(rows, key=lambda trial: trial.value)
        assert [trial.state for trial in rows] == ["DONE"] * 4
        assert search.best == {
            "number": best.number, "value": best.value, "parameters": best.parameters,
        }  # fmt: skip
        assert (search.state, version.search, version.stage) == ("DONE", search, "CANDIDATE")
        assert {name: version.parameters[name] for name in SPACE} == best.parameters
        assert version.parameters["rounds"] == 12  # what was not searched stays the pipeline's

    def test_leaves_the_pipeline_as_it_is(self, pipeline, at):
        before = dict(pipeline.parameters)
        run(begin(pipeline, at, trials=2), at)
        pipeline.refresh_from_db()
        assert pipeline.parameters == before
        assert not ModelVersion.objects.exclude(stage="CANDIDATE").exists()

    def test_tries_first_what_stands(self, pipeline, at):
        search = begin(pipeline, at, trials=1)
        run(search, at)
        (first,) = trials(search)
        assert first.parameters == {"eta": 0.1, "max_depth": 2, "subsample": 0.7}

    def test_stays_within_the_space(self, pipeline, at):
        search = begin(pipeline, at, trials=6)
        run(search, at)
        for trial in trials(search):
            for name, (least, most) in SPACE.items():
                assert least <= trial.parameters[name] <= most
            assert isinstance(trial.parameters["max_depth"], int)
        assert len({str(trial.parameters) for trial in trials(search)}) == 6

    def test_of_the_same_seed_asks_for_the_same_and_of_another_for_others(self, pipeline, at):
        searches = [begin(pipeline, at, seed=seed) for seed in (3, 3, 4)]
        versions = [run(search, at) for search in searches]
        first, again, other = (told(search) for search in searches)
        assert first == again
        asked = [[row[1] for row in rows] for rows in (first, other)]
        assert asked[0][0] == asked[1][0] and asked[0][1] != asked[1][1]
        assert versions[0].artefact_sha256 == versions[1].artefact_sha256

    def test_never_sees_what_the_candidate_is_tested_on(self, pipeline, at):
        search = begin(pipeline, at, trials=1)
        version = run(search, at)
        rows = trying.rows(search)
        first_tested = version.metrics["parts"]["test"]["from"]
        assert builders.moment(int(rows.starts.max())).isoformat() < first_tested

    def test_values_a_trial_by_weeks_it_was_not_fitted_on(self, pipeline, at):
        search = begin(pipeline, at, trials=1)
        run(search, at)
        learned = training.learn(
            pipeline=pipeline, known=trying.rows(search),
            own={**pipeline.parameters, **trials(search)[0].parameters}, seed=0,
        )  # fmt: skip
        probabilities = learned.estimator.probabilities(learned.test.values)
        said = probabilities[np.arange(len(learned.test)), learned.test.outcome]
        assert trials(search)[0].value == pytest.approx(-np.log(said).mean())

    def test_tells_its_progress(self, pipeline, at):
        handle = Handle()
        run(begin(pipeline, at, trials=3), at, handle)
        assert handle.told[:3] == [(1, 3), (2, 3), (3, 3)]

    def test_keeps_finished_trials_when_it_is_called_off_and_goes_on_from_them(self, pipeline, at):
        whole = begin(pipeline, at)
        run(whole, at)
        search = begin(pipeline, at)
        with pytest.raises(Cancelled):
            run(search, at, Handle(stop_in=2))
        search.refresh_from_db()
        assert search.state == "CANCELLED"
        assert [trial.state for trial in trials(search)] == ["DONE", "DONE", "CANCELLED"]
        kept = told(search)[:2]
        attempts = []
        learn = learning.learn

        def counted(**known):
            attempts.append(known["parameters"])
            return learn(**known)

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(learning, "learn", counted)
            searching.reopen(search_id=search.pk, actor="test", now=at)
            run(search, at)
        assert len(attempts) == 3  # two trials that were left, and the candidate
        assert told(search)[:2] == kept
        assert told(search) == told(whole)

    def test_refuses_too_little_history_and_says_so(self, league, pipeline):
        early = league.events[320].starts_at
        search = begin(pipeline, league.ends_at, until=early)
        with pytest.raises(NotEnoughHistory, match="are needed"):
            run(search, league.ends_at)
        search.refresh_from_db()
        assert search.state == "FAILED" and "are needed" in search.best["why"]
        assert not ModelVersion.objects.exists()

    def test_of_which_no_trial_came_to_an_end_makes_no_candidate(self, pipeline, at):
        search = begin(pipeline, at, trials=1)
        SearchTrial.objects.create(search=search, number=0, state="FAILED", parameters={
            "eta": 0.1, "max_depth": 2, "subsample": 0.7})  # fmt: skip
        with pytest.raises(NothingFound):
            run(search, at)
        search.refresh_from_db()
        assert search.state == "FAILED" and not ModelVersion.objects.exists()


class TestTasks:
    def started(self, pipeline, at, trials=3, **wanted):
        return searching.start(
            pipeline=pipeline, trials=trials, space=SPACE, actor="user:vera", now=at, **wanted
        )

    def test_make_a_search_of_small_runs_on_the_training_queue(self, pipeline, at):
        search = self.started(pipeline, at)
        work_off(at)
        search.refresh_from_db()
        assert search.state == "DONE" and search.versions.count() == 1
        assert [trial.state for trial in trials(search)] == ["DONE"] * 3
        runs = TaskRun.objects.order_by("created_at")
        assert set(runs.values_list("queue", "state")) == {("train", "SUCCEEDED")}
        children = runs.filter(task=searching.TRIAL)
        assert [run.parent_id for run in children] == [search.run] * 3
        assert set(children.values_list("pk", flat=True)) == {t.run for t in trials(search)}

    def test_ask_for_a_few_at_once(self, pipeline, at):
        search = self.started(pipeline, at)
        executing.execute(run_id=search.run, worker="test", now=at)
        waiting = TaskRun.objects.filter(task=searching.TRIAL, state="QUEUED")
        assert waiting.count() == searching.AT_ONCE == len(trials(search))
        searching.step(search_id=search.pk, actor="test", now=at)
        assert waiting.count() == searching.AT_ONCE

    def test_may_run_twice_without_making_anything_twice(self, pipeline, at):
        search = self.started(pipeline, at)
        work_off(at)
        before = told(search)
        searching.attempt(trial_id=trials(search)[0].pk, actor="test", now=at)
        searching.step(search_id=search.pk, actor="test", now=at)
        assert (told(search), search.versions.count()) == (before, 1)

    def test_are_asked_for_again_where_a_worker_lost_one(self, pipeline, at):
        search = self.started(pipeline, at)
        executing.execute(run_id=search.run, worker="test", now=at)
        lost = trials(search)[0]
        TaskRun.objects.filter(pk=lost.run).update(state="LOST", finished_at=at)
        SearchTrial.objects.filter(pk=lost.pk).update(state="RUNNING")
        searching.step(search_id=search.pk, actor="test", now=at)
        work_off(at)
        search.refresh_from_db()
        assert search.state == "DONE" and trials(search)[0].run != lost.run

    def test_go_on_after_a_trial_that_broke(self, pipeline, at, monkeypatch):
        learn, calls = learning.learn, []

        def breaks_once(**known):
            calls.append(1)
            if len(calls) == 1:
                raise RuntimeError("trees")
            return learn(**known)

        monkeypatch.setattr(learning, "learn", breaks_once)
        search = self.started(pipeline, at)
        work_off(at)
        search.refresh_from_db()
        assert sorted(trial.state for trial in trials(search)) == ["DONE", "DONE", "FAILED"]
        assert search.state == "DONE" and search.versions.count() == 1
        assert TaskRun.objects.filter(state="ERRORED").count() == 1

    def test_stop_where_there_is_too_little_history(self, league, pipeline):
        search = self.started(pipeline, league.ends_at, until=league.events[50].starts_at)
        work_off(league.ends_at)
        search.refresh_from_db()
        assert search.state == "FAILED" and "are needed" in search.best["why"]
        assert TaskRun.objects.filter(state="FAILED").count() >= 1
        assert not TaskRun.objects.filter(state="ERRORED").exists()


class TestCancel:
    def test_keeps_what_is_finished_and_calls_the_rest_off(self, pipeline, at):
        search = TestTasks().started(pipeline, at)
        executing.execute(run_id=search.run, worker="test", now=at)
        first, second = trials(search)
        executing.execute(run_id=first.run, worker="test", now=at)
        searching.cancel(search_id=search.pk, actor="test", now=at)
        search.refresh_from_db()
        assert search.state == "CANCELLED"
        assert [trial.state for trial in trials(search)] == ["DONE", "CANCELLED"]
        assert TaskRun.objects.get(pk=second.run).state == "CANCELLED"
        assert work_off(at) == 0

    def test_reaches_a_trial_that_is_under_way(self, pipeline, at):
        search = TestTasks().started(pipeline, at)
        executing.execute(run_id=search.run, worker="test", now=at)
        first = trials(search)[0]

        class Cancelling(Handle):
            def raise_if_cancelled(self):
                searching.cancel(search_id=search.pk, actor="test", now=at)
                raise Cancelled("asked for")

        with pytest.raises(Cancelled):
            searching.attempt(trial_id=first.pk, actor="test", now=at, progress=Cancelling())
        assert {trial.state for trial in trials(search)} == {"CANCELLED"}
        assert not TaskRun.objects.filter(state="QUEUED").exists()

    def test_can_be_taken_back_and_repeats_nothing(self, pipeline, at):
        search = TestTasks().started(pipeline, at)
        executing.execute(run_id=search.run, worker="test", now=at)
        first = trials(search)[0]
        executing.execute(run_id=first.run, worker="test", now=at)
        searching.cancel(search_id=search.pk, actor="test", now=at)
        value = trials(search)[0].value
        searching.reopen(search_id=search.pk, actor="test", now=at)
        searching.request(search=search, actor="test", now=at)
        work_off(at)
        search.refresh_from_db()
        assert search.state == "DONE"
        assert [trial.state for trial in trials(search)] == ["DONE"] * 3
        assert (trials(search)[0].value, trials(search)[0].run) == (value, first.run)

    def test_of_what_is_over_is_refused(self, pipeline, at):
        search = begin(pipeline, at, trials=1)
        run(search, at)
        for act in (searching.cancel, searching.reopen):
            with pytest.raises(SearchIsOver, match="is done"):
                act(search_id=search.pk, actor="test", now=at)

    def test_of_what_goes_on_cannot_be_taken_back(self, pipeline, at):
        search = TestTasks().started(pipeline, at)
        with pytest.raises(SearchIsOver, match="under way"):
            searching.reopen(search_id=search.pk, actor="test", now=at)
        running.cancel_run(run_id=search.run, actor="test", now=at)
        reopened = searching.reopen(search_id=search.pk, actor="test", now=at)
        assert reopened.state == "RUNNING"
