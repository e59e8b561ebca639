"""Find the runs whose worker is gone, and queue them again or give them up."""

import uuid
from dataclasses import dataclass
from datetime import datetime

import structlog
from django.db import connection, transaction

from monitoring.domain.findings import Severity
from monitoring.models import TaskRun
from monitoring.services import incidents, publishing
from monitoring.services.holding import LOST_RUNS

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Recovered:
    queued_again: int = 0
    given_up: int = 0
    cancelled: int = 0


def recover_lost(*, now: datetime) -> Recovered:
    """Deal with every RUNNING row that no process holds."""
    with connection.cursor() as cursor:
        cursor.execute(LOST_RUNS)
        lost = cursor.fetchall()
    states = [recover(run_id=run_id, attempt=attempt, now=now) for run_id, attempt in lost]
    return Recovered(
        queued_again=states.count(TaskRun.State.QUEUED),
        given_up=states.count(TaskRun.State.LOST),
        cancelled=states.count(TaskRun.State.CANCELLED),
    )


def recover(*, run_id: uuid.UUID, attempt: int, now: datetime, publish: bool = True) -> str | None:
    """Move one lost run on; return its new state, or None where it has moved by itself.

    The caller knows that nobody held the run while it was RUNNING in that attempt.
    """
    with transaction.atomic():
        run = (
            TaskRun.objects.select_for_update(skip_locked=True, of=("self",))
            .filter(pk=run_id, state=TaskRun.State.RUNNING, attempt=attempt)
            .first()
        )
        if run is None:
            return None
        run.error = f"the worker {run.worker} was gone during attempt {attempt}"
        if run.cancel_requested_at is not None:
            run.state, run.finished_at = TaskRun.State.CANCELLED, now
        elif attempt < run.max_attempts:
            run.state, run.published_at, run.started_at = TaskRun.State.QUEUED, now, None
        else:
            run.state, run.finished_at = TaskRun.State.LOST, now
        run.save(update_fields=["state", "error", "published_at", "started_at", "finished_at"])
        if run.state == TaskRun.State.LOST:
            _report(run, now=now)
    log.warning("run.lost", lost_run=str(run_id), task=run.task, attempt=attempt, now=run.state)
    if run.state == TaskRun.State.QUEUED and publish:
        publishing.publish([(run.pk, run.task, run.queue)])
    return str(run.state)


def _report(run: TaskRun, *, now: datetime) -> None:
    incidents.open_incident(
        kind="monitoring.run-lost",
        subject=run.task,
        severity=Severity.P2,
        summary=f"{run.task} lost its worker in attempt {run.attempt} of {run.max_attempts}",
        at=now,
        run=run,
    )
