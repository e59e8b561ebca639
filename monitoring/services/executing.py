"""Run one recorded task: claim its row, hold it, run its body, write down how it ended."""

import uuid
from collections.abc import Mapping
from datetime import datetime

import structlog
from django.db import close_old_connections, connection

from monitoring import registry
from monitoring.models import TaskRun
from monitoring.services import following, holding, outcomes, recovering
from monitoring.services.outcomes import Handle

log = structlog.get_logger(__name__)

_CLAIM = """
    update monitoring_taskrun
    set state = 'RUNNING', attempt = attempt + 1, started_at = %s, worker = %s, error = '',
        progress_done = 0, progress_total = null, progress_message = ''
    where id = %s and state = 'QUEUED' and (not_before is null or not_before <= %s)
    returning *
"""


def execute(*, run_id: uuid.UUID, worker: str, now: datetime) -> bool:
    """Run what the row asks for, once however many messages name it; tell whether it ran.

    A message whose row waits no longer does nothing: it is a duplicate, was cancelled, or
    waits for its time.  A row that says RUNNING although nobody holds it lost its worker; it
    is tried again here while it has attempts left.
    """
    if not connection.in_atomic_block:
        close_old_connections()
    with (
        holding.hold(run_id) as held,
        structlog.contextvars.bound_contextvars(run_id=str(run_id)),
    ):
        if held is None:
            log.info("run.held_elsewhere")
            return False
        run = outcomes.persistently(lambda: _claim(run_id, worker, now))
        if run is None:
            return False
        with structlog.contextvars.bound_contextvars(task=run.task, attempt=run.attempt):
            handle = Handle(run, held, actor=f"task:{run.task}", now=now)
            if outcomes.conclude(handle, lambda: _body(handle)):
                following.request_followers(handle)
        return True


def _claim(run_id: uuid.UUID, worker: str, now: datetime) -> TaskRun | None:
    """Take the row from QUEUED to RUNNING; None where it is not to run now."""
    claimed = list(TaskRun.objects.raw(_CLAIM, [now, worker[:120], run_id, now]))
    if claimed:
        return claimed[0]
    run = TaskRun.objects.filter(pk=run_id).first()
    if run is None:
        log.warning("run.unknown")
        return None
    if run.state != TaskRun.State.RUNNING:
        log.info("run.not_waiting", state=run.state)
        return None
    state = recovering.recover(run_id=run_id, attempt=run.attempt, now=now, publish=False)
    if state != TaskRun.State.QUEUED:
        return None
    again = list(TaskRun.objects.raw(_CLAIM, [now, worker[:120], run_id, now]))
    return again[0] if again else None


def _body(handle: Handle) -> Mapping[str, object] | None:
    job = registry.jobs[handle.run.task]
    assert job.body is not None, f"{job.task} is registered without a body"
    return job.body(handle, **handle.run.arguments)
