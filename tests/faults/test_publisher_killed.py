"""Whoever sends a run's message may die at any step of it: the run has its effect once."""

import os
import signal

import pytest
from django.db import connection, transaction
from django.utils import timezone

from monitoring.models import TaskRun
from monitoring.services import publishing, running
from tests.faults.processes import times, wait_for

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]
ROUNDS = times(5, 200)
MARK = "tests.faults.probe_tasks.mark"


def die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def ask(name: str) -> TaskRun:
    return running.request_run(
        task=MARK,
        arguments={"name": name},
        trigger="USER",
        actor="user:tester",
        now=timezone.now(),
    )


def before_the_row_is_committed(name: str) -> None:
    with transaction.atomic():
        ask(name)
        die()


def between_the_row_and_its_message(name: str) -> None:
    publishing.publish = die
    ask(name)


def after_the_message(name: str) -> None:
    ask(name)
    die()


def between_the_message_again_and_its_mark(name: str) -> None:
    """Die as a sweeper that has sent it once more and has not written that down."""
    run = ask(name)
    publishing.publish([(run.pk, run.task, run.queue)])
    die()


STEPS = (
    before_the_row_is_committed,
    between_the_row_and_its_message,
    after_the_message,
    between_the_message_again_and_its_mark,
)


def die_at(step: str, name: str, broker_url: str) -> None:
    """Publish in this process, which is killed at the step: the body of the child process."""
    os.environ["CELERY_BROKER_URL"] = broker_url
    globals()[step](name)


def effects() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("select key from probe_effect")
        return {key for (key,) in cursor.fetchall()}


def test_what_was_committed_has_its_effect_once_whenever_its_publisher_died(
    a_worker, nursery, broker
):
    for step in STEPS:
        for number in range(ROUNDS):
            name = f"{step.__name__} {number}"
            nursery.start(__name__, "die_at", step.__name__, name, broker.celery_url)
            assert nursery.wait() == -signal.SIGKILL, f"{name} came to its end"
    committed = set(TaskRun.objects.values_list("arguments__name", flat=True))
    assert committed == {
        f"{step.__name__} {number}" for step in STEPS[1:] for number in range(ROUNDS)
    }

    for _ in range(times(1, 3)):  # each of them sweeps and publishes too
        a_worker(concurrency=1)

    wait_for(lambda: not TaskRun.objects.filter(state__in=TaskRun.LIVE).exists())
    assert effects() == committed
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from probe_execution")
        assert cursor.fetchone() == (len(committed),)
    assert set(TaskRun.objects.values_list("state", "attempt")) == {(TaskRun.State.SUCCEEDED, 1)}
