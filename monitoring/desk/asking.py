"""Ask for a run from a page: the row, the audit with the reason, and where to follow it."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from monitoring import registry
from monitoring.desk.actions import Asked, Done
from monitoring.desk.pages import row_url
from monitoring.models import TaskRun
from monitoring.services import audit, running


def ask(
    asked: Asked, *, task: str, arguments: Mapping[str, Any] | None = None, dry_run: bool = False
) -> Done:
    """Queue a task for an operator and lead to the run's page.

    Raises:
        Refused: a live run of a singleton, an unknown job, bad arguments.
    """
    with transaction.atomic():
        run = running.request_run(
            task=task,
            arguments=dict(arguments or {}),
            trigger=TaskRun.Trigger.USER,
            actor=asked.actor,
            user=asked.user,
            now=asked.now,
            is_dry_run=dry_run,
        )
        audit.record(
            actor=asked.actor,
            action="monitoring.request_run",
            subject=run,
            at=asked.now,
            task=task,
            reason=asked.values.get("reason", ""),
        )
    return Done(f"Queued: {title(task)}.", row_url(run))


def title(task: str) -> str:
    """Return a task's name for people."""
    job = registry.jobs.get(task)
    return job.title if job else task.rpartition(".")[2].replace("_", " ").capitalize()
