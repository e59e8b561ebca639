from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import OperationalError, connection, transaction

from monitoring import registry
from monitoring.errors import Cancelled, PermanentlyFailed, Refused, TemporarilyFailed
from monitoring.models import Heartbeat, Incident, TaskRun
from monitoring.services import executing, holding, outcomes, publishing, recovering
from tests.monitoring.builders import NOON, PROBE, SECOND, a_job, a_run, an_ended_run

pytestmark = pytest.mark.django_db
State = TaskRun.State


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch):
    monkeypatch.setattr(publishing, "publish", lambda hints: len(hints))


def execute(run: TaskRun, *, now=NOON) -> TaskRun:
    executing.execute(run_id=run.pk, worker="probe@here", now=now)
    return TaskRun.objects.get(pk=run.pk)


def raising(error: BaseException):
    def body(run, **_):
        raise error

    return body


class TestExecute:
    def test_runs_the_body_with_the_rows_arguments_and_keeps_its_result(self):
        with a_job(lambda run, limit: {"limit": limit, "by": run.actor}, arguments={"limit": ""}):
            run = execute(a_run(arguments={"limit": 3}))
        assert (run.state, run.attempt, run.worker) == (State.SUCCEEDED, 1, "probe@here")
        assert run.result == {"limit": 3, "by": f"task:{PROBE}"}
        assert run.finished_at >= run.started_at == NOON

    def test_runs_once_however_often_the_message_comes(self):
        calls = []
        with a_job(lambda run: {"calls": calls.append(1)}):
            run = a_run()
            execute(run)
            execute(run)
        assert calls == [1]

    def test_leaves_alone_what_was_cancelled_or_put_off(self):
        with a_job(raising(AssertionError("must not run"))):
            cancelled = an_ended_run(state=State.CANCELLED)
            put_off = a_run(not_before=NOON + SECOND)
            assert execute(cancelled).state == State.CANCELLED
            assert execute(put_off).state == State.QUEUED

    def test_takes_a_refusal_for_an_answer(self):
        with a_job(raising(Refused("the market is closed"))):
            run = execute(a_run())
        assert (run.state, run.error) == (State.FAILED, "the market is closed")
        assert not Incident.objects.exists()

    def test_stops_when_called_off(self):
        with a_job(raising(Cancelled("stop"))):
            assert execute(a_run()).state == State.CANCELLED

    @pytest.mark.parametrize(
        "error", [TemporarilyFailed("503"), OperationalError("server closed the connection")]
    )
    def test_queues_again_what_may_pass_with_a_wait_that_grows(self, error):
        with a_job(raising(error)):
            run = execute(a_run())
            assert (run.state, run.attempt, run.published_at) == (State.QUEUED, 1, None)
            first = run.not_before - NOON
            assert timedelta(seconds=2) < first < timedelta(seconds=9)
            run = execute(run, now=NOON + timedelta(minutes=1))
            assert run.attempt == 2
        assert not Incident.objects.exists()

    def test_gives_up_when_its_attempts_are_used(self):
        with a_job(raising(TemporarilyFailed("503"))):
            run = execute(a_run(attempt=3))
        assert (run.state, run.attempt) == (State.ERRORED, 4)
        assert Incident.objects.get().subject == PROBE

    def test_never_tries_again_what_may_run_once_only(self):
        with a_job(raising(TemporarilyFailed("503"))):
            assert execute(a_run(max_attempts=1)).state == State.ERRORED

    @pytest.mark.parametrize("error", [ValueError("token=abc"), PermanentlyFailed("token=abc")])
    def test_opens_one_incident_for_a_broken_task_without_its_secrets(self, error):
        with a_job(raising(error)):
            run = execute(a_run())
            execute(a_run())
        assert run.state == State.ERRORED
        assert "token=[redacted]" in run.error
        assert "abc" not in run.error + run.traceback
        assert "Traceback" in run.traceback
        incident = Incident.objects.get()
        assert (incident.kind, incident.subject) == ("monitoring.task-failed", PROBE)
        assert incident.occurrences == 2
        assert "abc" not in incident.summary

    def test_resolves_the_incident_with_the_next_success(self):
        with a_job(raising(ValueError("once"))):
            execute(a_run())
        with a_job(lambda run: {"done": 1}):
            execute(a_run())
        assert Incident.objects.get().state == Incident.State.RESOLVED

    def test_marks_a_run_idle_that_found_nothing(self):
        with a_job(lambda run: {"settled": 0, "valued": 0}):
            assert execute(a_run()).result["idle"] is True
        with a_job(lambda run: {"settled": 1, "valued": 0}):
            assert "idle" not in execute(a_run()).result

    def test_folds_idle_runs_of_the_schedule_into_the_latest(self):
        with a_job(lambda run: {"settled": 0}):
            for number in range(4):
                run = execute(a_run(trigger="BEAT", created_at=NOON + number * SECOND))
        row = TaskRun.objects.get()
        assert row == run
        assert row.result["idle_runs"] == 4
        assert row.result["idle_since"].startswith("2026-03-14 12:00:00")

    def test_keeps_idle_runs_that_somebody_asked_for(self):
        with a_job(lambda run: {"settled": 0}):
            execute(a_run(trigger="API"))
            execute(a_run(trigger="BEAT", created_at=NOON + SECOND))
        assert TaskRun.objects.count() == 2

    def test_asks_for_the_followers_only_when_something_was_done(self, monkeypatch):
        monkeypatch.setitem(registry.followers, PROBE, ("monitoring.tasks.after",))
        with a_job(task="monitoring.tasks.after"):
            with a_job(lambda run: {"done": 0}):
                execute(a_run())
            assert not TaskRun.objects.filter(task="monitoring.tasks.after").exists()
            with a_job(lambda run: {"done": 1}):
                run = execute(a_run())
            follower = TaskRun.objects.get(task="monitoring.tasks.after")
        assert (follower.parent, follower.trigger, follower.state) == (run, "TASK", State.QUEUED)

    def test_stores_what_json_and_postgresql_would_refuse(self):
        with a_job(lambda run: {"yield": float("nan"), "name": "a\x00b"}):
            assert execute(a_run()).result == {"yield": None, "name": "ab"}


@pytest.mark.django_db(transaction=True)
class TestAHeldRun:
    def test_is_not_begun_a_second_time(self):
        calls = []

        def body(run):
            calls.append(1)
            assert not executing.execute(run_id=run.run_id, worker="other", now=NOON)
            return {}

        with a_job(body):
            execute(a_run())
        assert calls == [1]

    def test_is_not_lost_and_a_run_that_nobody_holds_is(self):
        held, lost = (a_run(state=State.RUNNING, attempt=1, started_at=NOON) for _ in range(2))
        with holding.hold(held.pk):
            recovered = recovering.recover_lost(now=NOON)
        assert recovered.queued_again == 1
        assert TaskRun.objects.get(pk=held.pk).state == State.RUNNING
        assert TaskRun.objects.get(pk=lost.pk).state == State.QUEUED

    def test_shows_progress_while_its_transaction_is_open(self):
        seen = []

        def body(run):
            with transaction.atomic():
                Heartbeat.objects.create(name="x", at=NOON)
                run.progress(done=1, total=3, message="password=abc")
                other = holding.own_connection("test")
                with other.cursor() as cursor:
                    cursor.execute("select progress_done, progress_message from monitoring_taskrun")
                    seen.append(cursor.fetchone())
                other.close()
                raise Refused("roll back")

        with a_job(body):
            run = execute(a_run())
        assert seen == [(1, "password=[redacted]")]
        assert run.progress_done == 1

    def test_writes_progress_once_a_second_and_always_at_the_end(self):
        def body(run):
            for done in range(1, 101):
                run.progress(done=done, total=100)
            return {}

        with a_job(body), CountedUpdates() as updates:
            run = execute(a_run())
        assert run.progress_done == 100
        assert updates.count == 2

    def test_that_was_taken_over_writes_nothing_any_more(self):
        def body(run):
            TaskRun.objects.update(attempt=2)
            return {"mine": 1}

        with a_job(body):
            run = execute(a_run())
        assert (run.state, run.attempt, run.result) == (State.RUNNING, 2, None)

    def test_that_was_given_up_although_it_worked_is_put_right(self):
        def body(run):
            TaskRun.objects.update(state=State.LOST, finished_at=NOON)
            return {"mine": 1}

        with a_job(body):
            assert execute(a_run()).state == State.SUCCEEDED

    def test_opens_its_incident_although_its_transaction_is_rolled_back(self):
        def body(run):
            with transaction.atomic():
                Heartbeat.objects.create(name="x", at=NOON)
                raise ValueError("in the middle")

        with a_job(body):
            execute(a_run())
        assert Incident.objects.count() == 1
        assert not Heartbeat.objects.exists()

    def test_survives_the_loss_of_the_bodys_connection(self):
        def body(run):
            with connection.cursor() as cursor:
                cursor.execute("select pg_backend_pid()")
                pid = cursor.fetchone()[0]
            other = holding.own_connection("test")
            with other.cursor() as cursor:
                cursor.execute("select pg_terminate_backend(%s)", [pid])
            other.close()
            return {"hearts": Heartbeat.objects.count()}

        with a_job(body):
            run = execute(a_run())
        assert (run.state, run.attempt) == (State.QUEUED, 1)
        assert run.not_before > NOON


class CountedUpdates:
    """Count what is written over holding connections."""

    def __enter__(self):
        self.count, self._real = 0, holding.Hold.execute

        def counted(hold, sql, parameters):
            self.count += 1
            return self._real(hold, sql, parameters)

        holding.Hold.execute = counted
        return self

    def __exit__(self, *_):
        holding.Hold.execute = self._real


class TestRecover:
    def lost(self, **values) -> TaskRun:
        return a_run(**({"state": State.RUNNING, "attempt": 1, "worker": "gone@here"} | values))

    def test_queues_the_run_again_while_it_has_attempts(self):
        run = self.lost()
        assert recovering.recover(run_id=run.pk, attempt=1, now=NOON) == State.QUEUED
        run.refresh_from_db()
        assert run.error == "the worker gone@here was gone during attempt 1"

    def test_gives_it_up_after_the_last_and_says_so(self):
        run = self.lost(attempt=4)
        assert recovering.recover(run_id=run.pk, attempt=4, now=NOON) == State.LOST
        assert Incident.objects.get().kind == "monitoring.run-lost"

    def test_cancels_what_was_called_off(self):
        run = self.lost(cancel_requested_at=NOON)
        assert recovering.recover(run_id=run.pk, attempt=1, now=NOON) == State.CANCELLED

    def test_leaves_a_run_alone_that_has_moved_by_itself(self):
        run = self.lost(attempt=2)
        assert recovering.recover(run_id=run.pk, attempt=1, now=NOON) is None

    def test_happens_at_once_when_the_message_comes_again(self):
        with a_job(lambda run: {"done": 1}):
            run = execute(self.lost())
        assert (run.state, run.attempt) == (State.SUCCEEDED, 2)


class TestPersistently:
    def test_tries_until_the_database_is_back(self, monkeypatch):
        monkeypatch.setattr(outcomes, "PATIENCE", (0, 0))
        outside = SimpleNamespace(in_atomic_block=False, close=lambda: None)
        monkeypatch.setattr(outcomes, "connection", outside)
        answers = [OperationalError("away"), OperationalError("away"), "written"]

        def write():
            answer = answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        assert outcomes.persistently(write) == "written"


def test_a_run_costs_a_bounded_number_of_statements(django_assert_max_num_queries):
    with a_job(lambda run: {"done": 1}):
        run = a_run()
        with django_assert_max_num_queries(8):
            execute(run)
