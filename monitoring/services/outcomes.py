"""Write down how a run ended, and what follows from it."""

import random
import time
import traceback
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TypeVar

import sentry_sdk
import structlog
from django.db import Error, InterfaceError, OperationalError, connection

from monitoring.domain import backoff, redaction, results
from monitoring.domain.findings import Severity
from monitoring.errors import Cancelled, OutsideFailed, Refused, TemporarilyFailed
from monitoring.models import TaskRun
from monitoring.services import incidents
from monitoring.services.holding import Hold

log = structlog.get_logger(__name__)
T = TypeVar("T")

DATABASE_AWAY = (OperationalError, InterfaceError)
WORTH_ANOTHER_TRY = (TemporarilyFailed, *DATABASE_AWAY)
PROGRESS_EVERY = 1.0  # seconds
PATIENCE = (0.2, 0.5, 1, 2, 4, 8)  # seconds between tries to write an outcome down
FAILED_KINDS = ("monitoring.task-failed", "monitoring.run-lost")
LONGEST_TEXT = 20_000

_COLLAPSE = """
    with previous as (
        select id from monitoring_taskrun
        where task = %(task)s and created_at <= %(created_at)s and id <> %(id)s
        order by created_at desc limit 1
    ), gone as (
        delete from monitoring_taskrun r using previous
        where r.id = previous.id and r.state = 'SUCCEEDED' and r.trigger in ('BEAT', 'TASK')
          and r.result ->> 'idle' = 'true'
          and not exists (select from monitoring_taskrun c where c.parent_id = r.id)
          and not exists (select from monitoring_incident i where i.run_id = r.id)
          and not exists (select from monitoring_scheduledjob j where j.latest_run_id = r.id)
        returning r.result, r.created_at
    )
    update monitoring_taskrun r set result = r.result || jsonb_build_object(
        'idle_runs', coalesce((gone.result ->> 'idle_runs')::int, 1) + 1,
        'idle_since', coalesce(gone.result ->> 'idle_since', gone.created_at::text))
    from gone where r.id = %(id)s
"""


class Handle:
    """What the running body holds of its run (``monitoring.domain.progress.RunHandle``).

    Progress and cancelling go over the hold's own connection: they are seen at once although
    the body's transaction is open, and stay although it is rolled back.
    """

    result: Mapping[str, object] | None = None

    def __init__(self, run: TaskRun, held: Hold, *, actor: str, now: datetime) -> None:
        self.run = run
        self._held, self._actor = held, actor
        self._began_at, self._began = now, time.monotonic()
        self._written = float("-inf")

    @property
    def run_id(self) -> uuid.UUID:
        return self.run.pk

    @property
    def actor(self) -> str:
        return self._actor

    @property
    def asked_by(self) -> str:
        return self.run.actor

    def clock(self) -> datetime:
        """Return the time: the start's plus what has passed, whatever the clock did since."""
        return self._began_at + timedelta(seconds=time.monotonic() - self._began)

    def progress(self, *, done: int, total: int | None = None, message: str = "") -> None:
        """Write how far the work is, at most once a second and always at its end."""
        passed = time.monotonic() - self._written
        if passed < PROGRESS_EVERY and (total is None or done < total):
            return
        self._written = time.monotonic()
        message = results.text(redaction.redact_text(message))[:200]
        touched = self._held.execute(
            "update monitoring_taskrun set progress_done = %s, progress_total = %s,"
            " progress_message = %s where id = %s and attempt = %s and state = 'RUNNING'",
            [done, total, message, self.run.pk, self.run.attempt],
        )
        if not touched and not connection.needs_rollback:  # the row itself is not committed yet
            TaskRun.objects.filter(pk=self.run.pk, attempt=self.run.attempt).update(
                progress_done=done, progress_total=total, progress_message=message
            )

    def raise_if_cancelled(self) -> None:
        """Stop here if somebody called this run off.

        Raises:
            Cancelled: so it is.
        """
        asked = self._held.value(
            "select cancel_requested_at is not null from monitoring_taskrun where id = %s",
            [self.run.pk],
        )
        if asked is None and not connection.needs_rollback:
            asked = TaskRun.objects.filter(
                pk=self.run.pk, cancel_requested_at__isnull=False
            ).exists()
        if asked:
            raise Cancelled(f"Run {self.run.pk} was called off")


@contextmanager
def recorded(handle: Handle) -> Iterator[None]:
    """Leave a finished row, whatever the block does; for commands, so its error rises again."""
    try:
        yield
    except (Refused, OutsideFailed) as no:
        finish(handle, TaskRun.State.FAILED, error=str(no) or type(no).__name__)
        raise
    except (Cancelled, KeyboardInterrupt) as stopped:
        finish(handle, TaskRun.State.CANCELLED, error=str(stopped))
        raise
    except BaseException as fault:
        finish(handle, TaskRun.State.ERRORED, fault=fault)
        raise
    finish(handle, TaskRun.State.SUCCEEDED)


def conclude(handle: Handle, body: Callable[[], Mapping[str, object] | None]) -> bool:
    """Run a task's body, record its outcome and tell whether it succeeded.

    Nothing rises but an order to exit.
    """
    try:
        handle.result = body()
    except Refused as no:
        finish(handle, TaskRun.State.FAILED, error=str(no) or type(no).__name__)
    except Cancelled as stopped:
        finish(handle, TaskRun.State.CANCELLED, error=str(stopped))
    except WORTH_ANOTHER_TRY as fault:
        if handle.run.attempt < handle.run.max_attempts:
            _again_later(handle, fault)
        else:
            _broke(handle, fault)
    except Exception as fault:
        _broke(handle, fault)
    else:
        if finish(handle, TaskRun.State.SUCCEEDED):
            _afterwards(handle)
            return True
    return False


def finish(
    handle: Handle, state: str, *, error: str = "", fault: BaseException | None = None
) -> bool:
    """End the run in the given state; return False where another attempt has taken it over.

    A run that was given up for lost, though this very attempt still worked, is put right.
    """
    trace = ""
    if fault is not None:
        error = f"{type(fault).__name__}: {fault}"
        trace = "".join(traceback.format_exception(fault))
    result = results.storable(redaction.redact(handle.result)) if handle.result else {}
    if results.is_idle(handle.result):
        result["idle"] = True
    mine = TaskRun.objects.filter(
        pk=handle.run.pk,
        attempt=handle.run.attempt,
        state__in=[TaskRun.State.RUNNING, TaskRun.State.LOST],
    )
    ended = persistently(
        lambda: mine.update(
            state=state,
            finished_at=handle.clock(),
            result=result if state == TaskRun.State.SUCCEEDED else handle.result and result,
            error=presentable(error),
            traceback=presentable(trace),
        )
    )
    if not ended:
        log.warning("run.superseded", attempt=handle.run.attempt, state=state)
    return bool(ended)


def presentable(text: str) -> str:
    """Return a message or traceback without secrets, its end kept if it is too long."""
    return results.text(redaction.redact_text(text))[-LONGEST_TEXT:]


def persistently(write: Callable[[], T]) -> T:
    """Do a small write again and again while the database is away, then let the fault rise."""
    for pause in PATIENCE:
        try:
            return write()
        except DATABASE_AWAY:
            if connection.in_atomic_block:
                raise
            log.warning("run.database_away", pause=pause)
            connection.close()
            time.sleep(pause)
    return write()


def _again_later(handle: Handle, fault: BaseException) -> None:
    """Put the run back into the queue with a wait that grows with each attempt."""
    run = handle.run
    wait = backoff.delay(attempt=run.attempt, random=random.random())
    log.info("run.again_later", attempt=run.attempt, seconds=wait.total_seconds())
    mine = TaskRun.objects.filter(pk=run.pk, attempt=run.attempt, state=TaskRun.State.RUNNING)
    persistently(
        lambda: mine.update(
            state=TaskRun.State.QUEUED,
            not_before=handle.clock() + wait,
            published_at=None,
            started_at=None,
            worker="",
            error=presentable(f"{type(fault).__name__}: {fault}"),
        )
    )


def _broke(handle: Handle, fault: Exception) -> None:
    """End the run as broken and say so: outside the transaction that the fault rolled back."""
    log.error("run.errored", traceback=presentable("".join(traceback.format_exception(fault))))
    if not isinstance(fault, OutsideFailed):
        sentry_sdk.capture_exception(fault)
    if not finish(handle, TaskRun.State.ERRORED, fault=fault):
        return
    summary = presentable(f"{handle.run.task} broke: {type(fault).__name__}: {fault}")[:1000]
    persistently(
        lambda: incidents.open_incident(
            kind="monitoring.task-failed",
            subject=handle.run.task,
            severity=Severity.P2,
            summary=summary,
            at=handle.clock(),
            run=handle.run,
            actor=handle.actor,
        )
    )


def _afterwards(handle: Handle) -> None:
    """Do what a success brings: close incidents, fold idle runs together.

    None of it may undo the success, and the next success makes good what is missed here.
    """
    run = handle.run
    try:
        incidents.resolve_subject(
            kinds=FAILED_KINDS,
            subject=run.task,
            at=handle.clock(),
            actor=handle.actor,
            note=f"run {run.pk} succeeded",
        )
        idle = results.is_idle(handle.result)
        if idle and run.trigger in (TaskRun.Trigger.BEAT, TaskRun.Trigger.TASK):
            _collapse(run)
    except Error:
        log.exception("run.afterwards_failed")


def _collapse(run: TaskRun) -> None:
    """Let this idle run stand for the idle one before it: count it, and delete its row.

    Polling every few seconds would else fill the table with rows that say "nothing".
    """
    with connection.cursor() as cursor:
        cursor.execute(_COLLAPSE, {"task": run.task, "created_at": run.created_at, "id": run.pk})
