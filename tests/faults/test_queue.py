"""Nothing that was asked for is lost, and nothing has its effect twice."""

import random
import uuid
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from config import schedule
from config.schedule import Job
from monitoring.models import BeatLease, Heartbeat, Incident, TaskRun
from monitoring.services import publishing, running
from tests.faults.processes import FACTOR, Supervised, times, wait_for

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]
PROBE = "tests.faults.probe_tasks."
State = TaskRun.State


def ask(task: str, **arguments) -> TaskRun:
    return running.request_run(
        task=PROBE + task,
        arguments=arguments,
        trigger="USER",
        actor="user:tester",
        now=timezone.now(),
    )


def rows(sql: str) -> list:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def effects() -> int:
    return rows("select count(*) from probe_effect")[0][0]


def executions() -> int:
    return rows("select count(*) from probe_execution")[0][0]


def is_over() -> bool:
    return not TaskRun.objects.filter(state__in=TaskRun.LIVE).exists()


def states() -> dict:
    found = list(TaskRun.objects.values_list("state", flat=True))
    return {state: found.count(state) for state in set(found)}


class TestAKilledWorker:
    def test_loses_no_run_when_children_are_killed(self, a_worker):
        count, kills = 20, 5 * FACTOR
        worker = a_worker()
        for number in range(count):
            ask("mark", name=str(number), seconds=0.1)
        wait_for(lambda: executions() > 0)
        killed, chance = 0, random.Random(1)
        while killed < kills and not is_over():
            before = executions()
            wait_for(lambda n=before: executions() > n or is_over())
            if chance.random() < 0.7:
                killed += worker.kill_child()
        wait_for(is_over)
        assert killed > 0
        assert effects() == count
        assert states() == {State.SUCCEEDED: count}

    def test_loses_no_run_when_it_dies_whole_and_begins_no_once_only_run_again(self, a_worker):
        count = 20
        once = ask("mark_once", name="once", seconds=300)
        for number in range(count):
            ask("mark", name=str(number), seconds=0.2)
        for _ in range(2 * FACTOR):
            worker = a_worker()
            before = executions()
            wait_for(lambda n=before: executions() > n + 2 or is_over())
            worker.kill()
        a_worker()
        wait_for(is_over)
        assert effects() == count
        assert states() == {State.SUCCEEDED: count, State.LOST: 1}
        assert rows("select count(*) from probe_execution where key = 'once'") == [(1,)]
        incident = Incident.objects.get(kind="monitoring.run-lost")
        assert (incident.subject, incident.run_id) == (once.task, once.pk)


class TestAWorker:
    def test_ends_each_run_as_its_task_ends(self, a_worker):
        """One worker, every kind of end: they do not disturb one another."""
        refused, endless = ask("refuse"), ask("endless")
        flaky = ask("flaky", name="flaky", failures=1)
        poison = [ask("poison", name="poison") for _ in range(FACTOR)]
        many = ask("mark", name="many", seconds=0.3)
        publishing.publish([(many.pk, many.task, many.queue)] * 9 * FACTOR)
        publishing.publish([(uuid.uuid4(), PROBE + "mark", "ops")])
        a_worker(concurrency=3)
        wait_for(lambda: TaskRun.objects.get(pk=endless.pk).progress_done > 0)
        running.cancel_run(run_id=endless.pk, actor="user:tester", now=timezone.now())
        wait_for(is_over)

        def end(run):
            row = TaskRun.objects.get(pk=run.pk)
            return row.state, row.attempt

        assert end(refused) == (State.FAILED, 1)
        assert end(flaky) == (State.SUCCEEDED, 2)
        assert end(many)[0] == State.SUCCEEDED
        assert end(endless)[0] == State.CANCELLED
        assert {end(run) for run in poison} == {(State.LOST, 4)}
        assert executions() == 4 * len(poison) + 2 + end(many)[1]
        assert rows("select key from probe_effect order by key") == [("flaky",), ("many",)]
        assert [i.kind for i in Incident.objects.filter(resolved_at=None)] == [
            "monitoring.run-lost"
        ]
        assert Heartbeat.objects.filter(name__startswith="worker:probe").exists()


class TestTheBroker:
    def test_wiped_with_hundreds_queued_loses_none(self, a_worker, broker):
        count = times(400, 2000)
        with transaction.atomic():  # published together, as the transaction commits
            for number in range(count):
                ask("mark", name=str(number))
        broker.wipe()
        a_worker()
        wait_for(is_over)
        assert effects() == executions() == count

    def test_killed_while_working_costs_nothing(self, a_worker, broker):
        worker = Supervised(a_worker)
        for round_ in range(2 * FACTOR):
            for number in range(20):
                ask("mark", name=f"{round_}.{number}", seconds=0.02)
            broker.kill()
            late = ask("mark", name=f"{round_}.late")  # asked for while it is away
            assert late.state == State.QUEUED
            broker.start_again()
            wait_for(lambda: worker.kept() and is_over(), seconds=300)
        assert effects() == 21 * 2 * FACTOR


class TestTwoBeats:
    def test_ask_once_for_each_slot_and_one_takes_over_from_a_killed_one(self, a_beat):
        now = timezone.now()
        job = Job("tick", PROBE + "refuse", timedelta(seconds=1))
        schedule.sync(now=now, jobs=[job])
        first = a_beat()
        wait_for(lambda: TaskRun.objects.count() > 0)
        a_beat()
        _end_runs_until(lambda: TaskRun.objects.count() > 3)
        first.kill()
        count = TaskRun.objects.count()
        _end_runs_until(lambda: TaskRun.objects.count() > count + 3)
        assert BeatLease.objects.get().token == 2
        slots = list(TaskRun.objects.values_list("run_key", flat=True))
        assert len(set(slots)) == len(slots)
        assert {run.trigger for run in TaskRun.objects.all()} == {"BEAT"}


def _end_runs_until(condition) -> None:
    """Stand in for a worker, so that each slot may have its run."""

    def ended():
        TaskRun.objects.filter(state=State.QUEUED).update(
            state=State.FAILED, finished_at=timezone.now()
        )
        return condition()

    wait_for(ended)
