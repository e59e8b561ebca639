"""Runs and jobs with fixed values; every argument may be overridden."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from monitoring import registry
from monitoring.domain import thresholds
from monitoring.domain.thresholds import Threshold
from monitoring.models import TaskRun

NOON = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
PROBE = "monitoring.tasks.probe_of_the_tests"
SECOND = timedelta(seconds=1)


@contextmanager
def a_job(
    body: Callable[..., Mapping[str, object] | None] = lambda run: {},
    *,
    task: str = PROBE,
    singleton: bool = False,
    max_attempts: int = 4,
    arguments: Mapping[str, str] | None = None,
    required: tuple[str, ...] = (),
) -> Iterator[str]:
    """Offer a job while the block runs."""
    registry.job(
        task,
        title="A probe",
        permission="monitoring.change_taskrun",
        arguments={} if arguments is None else arguments,
        singleton=singleton,
        max_attempts=max_attempts,
        required=required,
        body=body,
    )
    try:
        yield task
    finally:
        del registry.jobs[task]


@contextmanager
def a_check(kind: str, run: Callable, *, every: timedelta = timedelta(minutes=1)) -> Iterator[str]:
    """Register a check while the block runs."""
    registry.check(kind, every=every)(run)
    try:
        yield kind
    finally:
        del registry.checks[kind]


def a_run(**values: object) -> TaskRun:
    """A run that waits since noon, sent when it was asked for."""
    defaults: dict[str, object] = {
        "task": PROBE,
        "queue": "ops",
        "trigger": TaskRun.Trigger.USER,
        "actor": "user:alice",
        "created_at": NOON,
        "published_at": NOON,
    }
    return TaskRun.objects.create(**(defaults | values))


def an_ended_run(**values: object) -> TaskRun:
    """A run that succeeded at noon."""
    return a_run(
        **({"state": TaskRun.State.SUCCEEDED, "started_at": NOON, "finished_at": NOON} | values)
    )


@contextmanager
def a_threshold(*, key: str = "monitoring.test-late", **fields: Any) -> Iterator[Threshold]:
    """Declare a number while the block runs."""
    told = {
        "default": 120.0, "unit": "s", "text": "Late after it.", "lowest": 10, "highest": 3_600,
        "is_whole": False, **fields,
    }  # fmt: skip
    declared = thresholds.declare(key, **told)
    try:
        yield declared
    finally:
        del thresholds.DECLARED[key]
