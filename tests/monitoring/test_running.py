import threading
import uuid

import pytest
from django.db import connection, transaction
from django.utils import timezone

from monitoring.errors import Cancelled, OutsideFailed, Refused
from monitoring.models import AuditEntry, Incident, TaskRun
from monitoring.services import executing, publishing, running
from tests.monitoring.builders import NOON, PROBE, SECOND, a_job, a_run, an_ended_run

pytestmark = pytest.mark.django_db
State = TaskRun.State


def ask(task: str = PROBE, **values: object) -> TaskRun:
    defaults = {"trigger": "USER", "actor": "user:alice", "now": NOON}
    return running.request_run(task=task, **(defaults | values))


@pytest.fixture
def sent(monkeypatch) -> list:
    """What is published, instead of a broker."""
    hints: list = []
    monkeypatch.setattr(publishing, "publish", lambda some: hints.extend(some) or len(some))
    return hints


class TestRequestRun:
    def test_writes_the_row_first_and_publishes_after_the_commit(
        self, sent, django_capture_on_commit_callbacks
    ):
        with django_capture_on_commit_callbacks(execute=True), a_job(arguments={"limit": ""}):
            run = ask(arguments={"limit": 3})
            assert sent == []
        assert sent == [(run.pk, PROBE, "ops")]
        run.refresh_from_db()
        assert (run.state, run.attempt, run.arguments) == (State.QUEUED, 0, {"limit": 3})
        assert (run.trigger, run.actor, run.created_at) == ("USER", "user:alice", NOON)

    def test_leaves_no_row_when_the_caller_rolls_back(self, sent):
        with a_job(), transaction.atomic():
            ask()
            transaction.set_rollback(True)
        assert not TaskRun.objects.exists()

    def test_stands_although_the_broker_is_away(
        self, monkeypatch, django_capture_on_commit_callbacks
    ):
        monkeypatch.setattr(publishing, "publish", lambda some: 0)
        with django_capture_on_commit_callbacks(execute=True), a_job():
            run = ask()
        run.refresh_from_db()
        assert (run.state, run.published_at) == (State.QUEUED, None)

    def test_returns_the_run_that_the_same_key_made(self, sent):
        with a_job():
            first = ask(run_key="settle@12:00")
            assert ask(run_key="settle@12:00") == first
        assert TaskRun.objects.count() == 1

    def test_refuses_a_second_live_run_of_a_singleton(self, sent):
        with a_job(singleton=True):
            run = ask()
            with pytest.raises(running.AlreadyRunning) as refusal:
                ask()
            assert refusal.value.run_id == run.pk
            TaskRun.objects.update(state=State.SUCCEEDED, finished_at=NOON)
            assert ask() != run

    def test_refuses_an_unknown_task(self):
        with pytest.raises(running.UnknownJob):
            ask("no.such.task")

    @pytest.mark.parametrize("arguments", [{}, {"limit": 1, "colour": "red"}])
    def test_refuses_missing_and_unknown_arguments(self, arguments):
        with (
            a_job(arguments={"limit": ""}, required=("limit",)),
            pytest.raises(running.BadArguments),
        ):
            ask(arguments=arguments)

    def test_refuses_a_dry_run_of_a_task_that_has_none(self):
        with a_job(), pytest.raises(running.BadArguments):
            ask(is_dry_run=True)

    def test_hands_a_dry_run_on_as_an_argument(self, sent):
        with a_job(arguments={"dry_run": ""}):
            assert ask(is_dry_run=True).arguments == {"dry_run": True}

    @pytest.mark.parametrize(
        ("task", "queue"),
        [
            ("markets.tasks.ingest_due_sources", "ingest"),
            ("models_ml.tasks.predict_due", "predict"),
            ("models_ml.tasks.train_scheduled", "train"),
            ("betting.tasks.decide_due", "execute"),
            ("settlements.tasks.settle_due", "settle"),
            ("monitoring.tasks.run_checks", "ops"),
        ],
    )
    def test_goes_to_the_queue_of_its_kind_of_work(self, task, queue):
        assert running.queue_of(task) == queue


@pytest.mark.django_db(transaction=True)
def test_of_eight_asking_for_a_singleton_at_once_one_gets_it(sent):
    got: list = []
    ready = threading.Barrier(8)

    def asking() -> None:
        ready.wait()
        try:
            got.append(ask().pk)
        except running.AlreadyRunning:
            got.append(None)
        finally:
            connection.close()

    with a_job(singleton=True):
        threads = [threading.Thread(target=asking) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len([pk for pk in got if pk]) == 1
    assert TaskRun.objects.count() == 1


class TestCancelRun:
    def test_calls_off_a_waiting_run_at_once(self):
        run = running.cancel_run(run_id=a_run().pk, actor="user:alice", now=NOON)
        assert (run.state, run.finished_at) == (State.CANCELLED, NOON)
        assert AuditEntry.objects.get().action == "monitoring.cancel_run"

    def test_asks_a_working_run_to_stop(self):
        run = a_run(state=State.RUNNING, attempt=1)
        run = running.cancel_run(run_id=run.pk, actor="user:alice", now=NOON)
        assert (run.state, run.cancel_requested_at) == (State.RUNNING, NOON)

    def test_refuses_what_is_over(self):
        with pytest.raises(running.RunIsOver):
            running.cancel_run(run_id=an_ended_run().pk, actor="user:alice", now=NOON)


class TestRetryRun:
    def test_asks_again_for_the_same_and_names_the_old_run(self, sent):
        with a_job(arguments={"limit": ""}):
            old = an_ended_run(state=State.ERRORED, arguments={"limit": 7})
            new = running.retry_run(run_id=old.pk, actor="api:nightly", now=NOON)
        assert (new.parent, new.arguments, new.state) == (old, {"limit": 7}, State.QUEUED)
        assert new.trigger == TaskRun.Trigger.API

    def test_refuses_while_the_old_run_is_live(self):
        with pytest.raises(running.RunIsLive):
            running.retry_run(run_id=a_run().pk, actor="user:alice", now=NOON)


class TestRecordedHere:
    def here(self, **values: object):
        defaults = {"task": "ingest", "trigger": "CLI", "actor": "cli:root", "now": NOON}
        return running.recorded_here(**(defaults | values))

    def test_leaves_a_succeeded_row_with_its_result(self):
        with self.here(arguments={"path": "x", "api_token": "s3cret"}) as run:
            run.progress(done=1, total=2, message="half")
            run.result = {"events": 3}
        row = TaskRun.objects.get()
        assert (row.state, row.result, row.actor) == (State.SUCCEEDED, {"events": 3}, "cli:root")
        assert row.arguments == {"path": "x", "api_token": "[redacted]"}
        assert (row.progress_done, row.progress_total, row.progress_message) == (1, 2, "half")
        assert row.finished_at >= NOON

    @pytest.mark.parametrize(
        ("error", "state"),
        [
            (Refused("no"), State.FAILED),
            (OutsideFailed("no answer"), State.FAILED),
            (ZeroDivisionError(), State.ERRORED),
            (KeyboardInterrupt(), State.CANCELLED),
            (Cancelled("stop"), State.CANCELLED),
        ],
    )
    def test_records_how_it_ended_and_lets_the_error_rise(self, error, state):
        with pytest.raises(type(error)), self.here():
            raise error
        assert TaskRun.objects.get().state == state
        assert not Incident.objects.exists()

    def test_can_be_called_off(self):
        def work(run):
            run.raise_if_cancelled()
            running.cancel_run(run_id=run.run_id, actor="user:alice", now=NOON)
            run.raise_if_cancelled()

        with pytest.raises(Cancelled), self.here() as run:
            work(run)
        assert TaskRun.objects.get().state == State.CANCELLED


class TestRecordedTask:
    def test_refuses_an_argument_that_looks_like_a_secret(self):
        from monitoring.recorded import recorded_task

        def login(run, *, password: str) -> dict:
            return {}

        with pytest.raises(ValueError, match="password"):
            recorded_task(title="x", permission="x.y")(login)

    def test_of_a_message_without_a_row_does_nothing(self):
        assert not executing.execute(run_id=uuid.uuid4(), worker="w", now=timezone.now() + SECOND)
