"""Ask for what the pipeline puts behind a run that found something to do."""

import structlog
from django.db import Error

from monitoring import registry
from monitoring.domain import results
from monitoring.errors import Refused
from monitoring.models import TaskRun
from monitoring.services import running
from monitoring.services.outcomes import Handle

log = structlog.get_logger(__name__)


def request_followers(handle: Handle) -> int:
    """Ask for the followers of a finished run; return how many were asked for.

    A follower that is live already will look at the same tables, so it will do.  The schedule
    asks for each of them sooner or later anyway: what fails here costs time, not work.
    """
    asked = 0
    if results.is_idle(handle.result):
        return asked
    for task in registry.followers.get(handle.run.task, ()):
        try:
            running.request_run(
                task=task,
                trigger=TaskRun.Trigger.TASK,
                actor=handle.actor,
                now=handle.clock(),
                parent=handle.run,
            )
            asked += 1
        except Refused as no:
            log.debug("run.no_follower", follower=task, why=str(no))
        except Error:
            log.exception("run.no_follower", follower=task)
    return asked
