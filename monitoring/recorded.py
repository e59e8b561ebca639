"""The decorator that makes a function of an app's ``tasks.py`` a recorded task."""

import inspect
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from celery import Task, shared_task
from django.utils import timezone

from monitoring import registry
from monitoring.domain import redaction
from monitoring.services import executing

Body = Callable[..., Mapping[str, Any] | None]


def recorded_task(
    *,
    title: str,
    permission: str,
    arguments: Mapping[str, str] | None = None,
    singleton: bool = False,
    max_attempts: int = 4,
    soft_time_limit: float | None = None,
    time_limit: float | None = None,
) -> Callable[[Body], Any]:
    """Offer ``def do_it(run, *, limit=1000) -> dict`` to schedule, admin, API and commands.

    The task is named "<app>.tasks.<function>".  Its message carries the run's id alone; the
    arguments stand in the ``TaskRun`` row, so none of them may be a secret.  With
    ``max_attempts=1`` it is never begun a second time by the system: for work that is not
    idempotent by itself.  The undecorated function stays reachable as ``do_it.body``.

    Raises:
        ValueError: an argument is named like a secret, or described but not taken.
    """

    def register(body: Body) -> Any:
        name = f"{body.__module__}.{body.__name__}"
        taken, required = _parameters(body)
        described = dict(arguments or {})
        if unknown := described.keys() - set(taken):
            raise ValueError(f"{name} does not take {', '.join(sorted(unknown))}")
        if secret := [argument for argument in taken if redaction.is_secret(argument)]:
            raise ValueError(f"{name}: {', '.join(secret)}: a run's arguments are shown to all")
        registry.job(
            name,
            title=title,
            permission=permission,
            arguments={argument: described.get(argument, "") for argument in taken},
            singleton=singleton,
            required=required,
            max_attempts=max_attempts,
            body=body,
        )
        make: Any = shared_task  # its stubs know neither None nor the options of one task
        task: Any = make(
            bind=True,
            name=name,
            acks_late=max_attempts > 1,
            reject_on_worker_lost=max_attempts > 1,
            soft_time_limit=soft_time_limit,
            time_limit=time_limit,
        )(_run_message)
        task.body = body
        return task

    return register


def _run_message(self: Task, *_: object, **__: object) -> None:
    """Run the row that the message names; what else it carries is ignored."""
    executing.execute(
        run_id=uuid.UUID(self.request.id),
        worker=str(self.request.hostname or "here"),
        now=timezone.now(),
    )


def _parameters(body: Body) -> tuple[list[str], list[str]]:
    """Return the names a body takes beside its run, and those of them without a default."""
    parameters = list(inspect.signature(body).parameters.values())[1:]
    named = [p for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return [p.name for p in named], [p.name for p in named if p.default is p.empty]
