"""Ask for work, call it off, ask again; and run it right here for a command."""

import functools
import os
import socket
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from celery import current_app
from django.db import transaction
from django.db.models import Q

from monitoring import registry
from monitoring.domain import redaction, results
from monitoring.errors import Refused
from monitoring.models import TaskRun, User
from monitoring.registry import Job
from monitoring.services import audit, holding, outcomes, publishing
from monitoring.services.outcomes import Handle

HERE = "command"  # the queue of runs that a command does by itself


class UnknownJob(Refused):
    """No task of that name may be asked for."""


class BadArguments(Refused):
    """The task does not take these arguments."""


class AlreadyRunning(Refused):
    """The task runs at most once at a time, and one is waiting or running."""

    def __init__(self, run_id: uuid.UUID | None, task: str) -> None:
        super().__init__(
            f"{task} is already waiting or running" + (f" ({run_id})" if run_id else "")
        )
        self.run_id = run_id


class RunIsOver(Refused):
    """The run has ended: there is nothing to call off."""


class RunIsLive(Refused):
    """The run waits or works: it cannot be asked for again yet."""


@functools.cache
def queue_of(task: str) -> str:
    """Return the name of the queue that the routes give to the task."""
    return str(current_app.amqp.router.route({}, task)["queue"].name)


def request_run(
    *,
    task: str,
    arguments: Mapping[str, object] | None = None,
    trigger: str,
    actor: str,
    now: datetime,
    user: User | None = None,
    parent: TaskRun | None = None,
    run_key: str | None = None,
    not_before: datetime | None = None,
    is_dry_run: bool = False,
) -> TaskRun:
    """Write down that the task is to run, and tell a worker once this transaction commits.

    The row is the request; the message is only a hint and may be lost, because the sweeper
    sends it again.  A ``run_key`` asked for before returns the run it made then.

    Raises:
        UnknownJob: no such task is offered.
        BadArguments: it does not take these arguments, or has no dry run.
        AlreadyRunning: it is a singleton with a live run.
    """
    job = registry.jobs.get(task)
    if job is None:
        raise UnknownJob(f"{task} is not a task that can be asked for")
    run = TaskRun(
        task=task,
        queue=queue_of(task),
        trigger=trigger,
        actor=actor,
        user=user,
        arguments=_checked(job, arguments or {}, is_dry_run=is_dry_run),
        max_attempts=job.max_attempts,
        created_at=now,
        not_before=not_before,
        published_at=None if not_before else now,
        parent=parent,
        run_key=run_key,
        singleton_key=task if job.singleton else None,
        is_dry_run=is_dry_run,
    )
    written = _insert(run)
    if written is run and not not_before:
        transaction.on_commit(functools.partial(_publish, run), robust=True)
    return written


def cancel_run(*, run_id: uuid.UUID, actor: str, now: datetime) -> TaskRun:
    """Call a run off: at once while it waits, at its next safe point while it works.

    Raises:
        RunIsOver: it has ended.
    """
    with transaction.atomic():
        run = TaskRun.objects.select_for_update().get(pk=run_id)
        if run.state not in TaskRun.LIVE:
            raise RunIsOver(f"Run {run_id} is {run.get_state_display().lower()}")
        run.cancel_requested_at = run.cancel_requested_at or now
        if run.state == TaskRun.State.QUEUED:
            run.state, run.finished_at = TaskRun.State.CANCELLED, now
        run.save(update_fields=["cancel_requested_at", "state", "finished_at"])
        audit.record(actor=actor, action="monitoring.cancel_run", subject=run, at=now)
    return run


def retry_run(
    *,
    run_id: uuid.UUID,
    actor: str,
    now: datetime,
    user: User | None = None,
    run_key: str | None = None,
) -> TaskRun:
    """Ask again for what an ended run was asked for, as a new run that names the old one.

    Raises:
        RunIsLive: the old one has not ended.
        UnknownJob, BadArguments, AlreadyRunning: as ``request_run``.
    """
    with transaction.atomic():
        old = TaskRun.objects.get(pk=run_id)
        if old.state in TaskRun.LIVE:
            raise RunIsLive(f"Run {run_id} is {old.get_state_display().lower()}")
        run = request_run(
            task=old.task,
            arguments=old.arguments,
            trigger=trigger_of(actor),
            actor=actor,
            now=now,
            user=user,
            parent=old,
            run_key=run_key,
            is_dry_run=old.is_dry_run,
        )
        audit.record(
            actor=actor, action="monitoring.retry_run", subject=run, at=now, of=str(old.pk)
        )
    return run


def trigger_of(actor: str) -> str:
    """Return the trigger that fits an actor.

    >>> trigger_of("api:nightly"), trigger_of("user:alice")
    ('API', 'USER')
    """
    kind = actor.partition(":")[0]
    known = {"api": TaskRun.Trigger.API, "cli": TaskRun.Trigger.CLI, "beat": TaskRun.Trigger.BEAT}
    return str(known.get(kind, TaskRun.Trigger.USER).value)


@contextmanager
def recorded_here(
    *,
    task: str,
    arguments: Mapping[str, object] | None = None,
    trigger: str,
    actor: str,
    now: datetime,
) -> Iterator[Handle]:
    """Record work that this process does itself: a command's.

    Set ``handle.result`` inside the block to leave a summary.  A command is never tried again
    by the system, so whatever ends it ends the run.
    """
    run_id = uuid.uuid4()
    with holding.hold(run_id) as held:
        assert held is not None, "a new id is held by nobody"
        run = TaskRun.objects.create(
            pk=run_id,
            task=task,
            queue=HERE,
            trigger=trigger,
            actor=actor,
            arguments=results.storable(redaction.redact(arguments or {})),
            state=TaskRun.State.RUNNING,
            attempt=1,
            max_attempts=1,
            created_at=now,
            started_at=now,
            worker=f"{socket.gethostname()}:{os.getpid()}",
        )
        handle = Handle(run, held, actor=actor, now=now)
        with outcomes.recorded(handle):
            yield handle


def _checked(job: Job, arguments: Mapping[str, object], *, is_dry_run: bool) -> dict[str, object]:
    given = dict(arguments)
    if is_dry_run:
        given["dry_run"] = True
    unknown = given.keys() - job.arguments.keys()
    missing = job.required - given.keys()
    if unknown or missing:
        names = ", ".join(sorted(unknown or missing))
        raise BadArguments(f"{job.task}: {'unknown' if unknown else 'missing'} argument {names}")
    storable: dict[str, object] = results.storable(given)
    return storable


def _insert(run: TaskRun) -> TaskRun:
    """Write the row, or return the one that the same run key wrote before."""
    if run.run_key is None and run.singleton_key is None:
        run.save(force_insert=True)
        return run
    for _ in range(2):  # again when what stood in the way ended between two statements
        TaskRun.objects.bulk_create([run], ignore_conflicts=True)
        same_key = Q(run_key=run.run_key) if run.run_key else Q(pk=run.pk)
        mine = TaskRun.objects.filter(Q(pk=run.pk) | same_key).first()
        if mine is not None:
            return run if mine.pk == run.pk else mine
        live = TaskRun.objects.filter(singleton_key=run.singleton_key, state__in=TaskRun.LIVE)
        if (blocking := live.first()) is not None:
            raise AlreadyRunning(blocking.pk, run.task)
    raise AlreadyRunning(None, run.task)


def _publish(run: TaskRun) -> None:
    """Hint at the run; where the broker is away, leave the row for the sweeper's next round."""
    if not publishing.publish([(run.pk, run.task, run.queue)]):
        TaskRun.objects.filter(pk=run.pk, state=TaskRun.State.QUEUED).update(published_at=None)
