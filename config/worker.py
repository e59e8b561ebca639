"""Beside a worker's tasks: a thread in its main process that keeps the queue moving."""

import os
import threading
from datetime import timedelta
from typing import Any

import structlog
from celery import bootsteps
from django.conf import settings

log = structlog.get_logger(__name__)

SETTLING_IN = timedelta(seconds=90)  # beat is given this long to come before it is missed

# The pool forks new children from this process.  A fork in the middle of a sweep would copy
# whatever lock the sweeping thread holds, with nobody left to release it: so forks wait.
_sweeping = threading.Lock()
os.register_at_fork(
    before=_sweeping.acquire, after_in_parent=_sweeping.release, after_in_child=_sweeping.release
)


class Sweeper(bootsteps.StartStopStep):
    """Sweeps every ``SWEEP_EVERY`` from the worker's start to its end, broker or no broker."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **_: Any) -> None:
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, worker: Any) -> None:
        self._thread = threading.Thread(
            target=self._run, args=[str(worker.hostname)], name="sweeper", daemon=True
        )
        self._thread.start()

    def stop(self, worker: Any) -> None:
        self._stop.set()

    def terminate(self, worker: Any) -> None:
        self._stop.set()

    def _run(self, hostname: str) -> None:
        from django.db import connections
        from django.utils import timezone

        began = timezone.now()
        is_failing = False
        while True:
            try:
                with _sweeping:
                    now = timezone.now()
                    _sweep(hostname, is_settled_in=now - began > SETTLING_IN)
                is_failing = False
            except Exception as error:
                # Whatever it was, the next round tries again: this thread is the last resort.
                if not is_failing:
                    log.warning("sweep.failed", error=repr(error))
                is_failing = True
            if self._stop.wait(settings.SWEEP_EVERY.total_seconds()):
                connections.close_all()
                return


def _sweep(hostname: str, *, is_settled_in: bool) -> None:
    from django.db import close_old_connections
    from django.utils import timezone

    from monitoring.services import sweeping

    close_old_connections()
    swept = sweeping.sweep(worker=hostname, now=timezone.now(), watch=is_settled_in)
    if swept.published or swept.queued_again or swept.given_up:
        log.info(
            "sweep.moved",
            published=swept.published,
            queued_again=swept.queued_again,
            given_up=swept.given_up,
        )


def begin_child(**_: Any) -> None:
    """Make a pool's child ready: it holds its runs over one connection that it keeps."""
    from monitoring.services import holding, publishing

    holding.keep_connection()
    publishing.reset()
