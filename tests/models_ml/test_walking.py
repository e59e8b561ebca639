"""A pipeline trained again and again, each time tried on the weeks that follow."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import numpy as np
import pytest

from models_ml import tasks
from models_ml.domain.features import microseconds
from models_ml.domain.folds import Span
from models_ml.models import Evaluation, ModelVersion, WalkFold, WalkForward
from models_ml.services import examples, origins, stepping, walking
from monitoring import registry
from monitoring.models import TaskRun
from monitoring.services import executing, running
from tests.models_ml import asked_worlds, builders
from tests.models_ml.worlds import a_world

pytestmark = pytest.mark.django_db
ASKED = {"actor": "user:alice", "reason": "enough"}


@pytest.fixture
def league():
    return builders.a_league(a_world(seasons=4))


@pytest.fixture
def pipeline(league):
    return builders.a_pipeline(now=league.ends_at)


def begun(pipeline, league, **told):
    """Begin three steps over the last twelve weeks."""
    told = {"since": league.ends_at - timedelta(weeks=9), "step_weeks": 4, **told}
    return walking.begin(
        pipeline=pipeline, until=league.ends_at, actor="user:alice", now=league.ends_at, **told
    )


def walked(walk, now, *, steps=99):
    """Do some of the steps that wait here, as the runs do."""
    waiting = walk.folds.filter(state=WalkFold.State.WAITING).order_by("number")[:steps]
    for fold in waiting:
        walking.step(fold_id=fold.pk, now=now)
    return walking.finish(walk_id=walk.pk, actor="user:alice", now=now)


class TestWalk:
    def test_pools_its_steps_and_registers_nothing(self, league, pipeline):
        walk = walked(begun(pipeline, league), league.ends_at)
        figures, steps = walk.evaluation.figures, list(walk.folds.order_by("number"))
        assert walk.state == WalkForward.State.DONE and len(steps) == 3
        assert ModelVersion.objects.count() == 0
        assert figures["n_all"] == sum(step.n for step in steps) == walk.evaluation.n
        assert [step["n"] for step in figures["steps"]] == [step.n for step in steps]
        gap = figures["differences"]["model-market"]
        assert gap["clusters"] == len(figures["slices"]["week"]) > 3
        assert gap["low"] <= gap["mean"] <= gap["high"]
        losses = [step["log_loss"]["model"] * step["n"] for step in figures["steps"]]
        assert sum(losses) / walk.evaluation.n == pytest.approx(figures["model"]["log_loss"])
        assert all(a.n_learned < b.n_learned for a, b in pairwise(steps))

    def test_comes_out_the_same_again_and_when_it_was_interrupted(self, league, pipeline):
        whole = walked(begun(pipeline, league), league.ends_at)
        other = begun(pipeline, league)
        walked(other, league.ends_at, steps=1)
        first = other.folds.get(number=1)
        walking.cancel(walk_id=other.pk, now=league.ends_at, **ASKED)
        later = league.ends_at + timedelta(hours=1)
        assert walking.step(fold_id=other.folds.get(number=2).pk, now=later).state == "WAITING"
        walking.go_on(walk_id=other.pk, now=later, **ASKED)
        other = walked(other, later)
        assert other.folds.get(number=1).finished_at == first.finished_at == league.ends_at
        assert other.folds.get(number=2).finished_at == later
        told = [{**w.evaluation.figures, "walk": None} for w in (whole, other)]
        assert told[0] == told[1]

    def test_learns_nothing_that_was_not_known_when_its_step_was_asked(self, league, pipeline):
        rows = examples.examples(pipeline=pipeline, until=league.ends_at)
        begins = microseconds(league.ends_at - timedelta(weeks=4))
        span = Span(begins, microseconds(league.ends_at))
        asked = rows.as_of[rows.starts >= begins].min()
        late = rows.label_known_at.copy()
        before = np.flatnonzero(rows.starts < begins)
        late[before[-7:]] = asked + 1  # told only after the step had begun
        found = stepping.tried(
            pipeline=pipeline,
            examples=replace(rows, label_known_at=late),
            span=span,
            parameters=dict(pipeline.parameters),
        )
        assert found.n_learned == (rows.label_known_at <= asked).sum() - 7
        assert microseconds(found.learned_until) == asked

    def test_of_too_short_a_history_says_so_step_by_step(self, league, pipeline):
        since = league.events[60].starts_at
        walk = begun(pipeline, league, since=since, step_weeks=52)
        WalkFold.objects.filter(walk=walk, number__gt=1).delete()
        walk = walked(walk, league.ends_at)
        assert (walk.state, walk.evaluation) == (WalkForward.State.FAILED, None)
        assert "matches are known, 300 are needed" in walk.why

    def test_is_refused_where_nothing_was_played(self, league, pipeline):
        with pytest.raises(walking.NothingToWalk, match="no known result from"):
            begun(pipeline, league, since=league.ends_at + timedelta(weeks=1))
        with pytest.raises(walking.NothingToWalk, match="lies in the future"):
            walking.begin(
                pipeline=pipeline, until=league.ends_at, actor="x",
                now=league.ends_at - timedelta(days=1),
            )  # fmt: skip

    def test_is_not_gone_on_with_by_other_code(self, league, pipeline, monkeypatch):
        walk = begun(pipeline, league)
        monkeypatch.setattr(origins, "code_of", lambda pipeline: "another")
        with pytest.raises(walking.CodeChanged):
            walking.go_on(walk_id=walk.pk, now=league.ends_at, **ASKED)
        with pytest.raises(walking.CodeChanged):
            walking.step(fold_id=walk.folds.first().pk, now=league.ends_at)


class TestRuns:
    def test_are_one_for_each_step_and_the_last_makes_the_figures(self, league, pipeline):
        walk = begun(pipeline, league)
        for _ in range(2):  # asked for twice, but one run each
            walking.ask(walk_id=walk.pk, actor="user:alice", now=league.ends_at)
        runs = TaskRun.objects.filter(task=walking.STEP).order_by("created_at", "pk")
        assert set(runs.values_list("queue", flat=True)) == {"train"} and len(runs) == 3
        for run in runs:
            assert Evaluation.objects.count() == 0
            assert executing.execute(run_id=run.pk, worker="test", now=league.ends_at)
        walk.refresh_from_db()
        assert (walk.state, walk.evaluation.kind) == ("DONE", "WALK_FORWARD")
        assert {run.state for run in runs.all()} == {"SUCCEEDED"}

    def test_are_called_off_with_it_and_asked_for_again(self, league, pipeline):
        walk = begun(pipeline, league)
        walking.ask(walk_id=walk.pk, actor="user:alice", now=league.ends_at)
        walking.cancel(walk_id=walk.pk, now=league.ends_at, **ASKED)
        assert set(TaskRun.objects.values_list("state", flat=True)) == {"CANCELLED"}
        with pytest.raises(walking.WalkIsOver, match="is cancelled"):
            walking.cancel(walk_id=walk.pk, now=league.ends_at, **ASKED)
        walking.go_on(walk_id=walk.pk, now=league.ends_at, **ASKED)
        assert walking.ask(walk_id=walk.pk, actor="user:alice", now=league.ends_at) == 3

    def test_of_what_is_served_are_asked_for_by_the_schedule(self, league, pipeline):
        version = asked_worlds.a_version(pipeline)
        ModelVersion.objects.filter(pk=version.pk).update(stage="PRODUCTION")
        asked = TaskRun.objects.create(
            task="models_ml.tasks.train_walk_forward", queue="train", trigger="BEAT", actor="beat",
            state="QUEUED", max_attempts=1, created_at=league.ends_at, arguments={"step_weeks": 26},
        )  # fmt: skip
        assert executing.execute(run_id=asked.pk, worker="test", now=league.ends_at)
        asked.refresh_from_db()
        (walk,) = asked.result["walks"]
        assert (walk["pipeline"], asked.result["refused"]) == (pipeline.code, {})
        assert TaskRun.objects.filter(parent=asked, task=walking.STEP).count() == walk["steps"] > 0

    def test_stop_between_two_rounds(self, league, pipeline):
        class Called:
            def raise_if_cancelled(self):
                raise KeyboardInterrupt

            def progress(self, **told):
                raise AssertionError("nothing is told of what is called off")

        walk = begun(pipeline, league)
        with pytest.raises(KeyboardInterrupt):
            walking.step(fold_id=walk.folds.first().pk, now=league.ends_at, progress=Called())
        assert set(walk.folds.values_list("state", flat=True)) == {"WAITING"}


def test_tasks_are_on_the_train_queue_and_may_be_asked_for_by_who_evaluates():
    for task in (tasks.evaluate_version, tasks.evaluate_recent, tasks.train_walk_forward):
        assert task.name.startswith("models_ml.tasks.")
        assert registry.jobs[task.name].permission == "models_ml.add_evaluation"
        assert running.queue_of(task.name) == "train"
