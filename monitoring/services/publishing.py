"""Send the hint that a run waits.  Best effort: whatever fails here, the sweeper repeats."""

import os
import threading
import time
import uuid
from collections.abc import Sequence

import structlog
from celery import current_app
from django.conf import settings
from kombu import Connection, Producer

log = structlog.get_logger(__name__)

SILENCE = 5.0  # seconds without a try after the broker failed, so that callers never queue up
_IMPATIENT = {
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0,
    "interval_max": 0,
    "socket_timeout": 2,
    "socket_connect_timeout": 2,
}


class _Mine(threading.local):
    connection: Connection | None = None
    producer: Producer | None = None
    pid = 0


_mine = _Mine()
_silent_until = 0.0


def publish(hints: Sequence[tuple[uuid.UUID, str, str]]) -> int:
    """Send (run id, task, queue) hints; return how many the broker took.  Never raises.

    Gives up within a few seconds, and for ``SILENCE`` seconds afterwards at once.
    """
    global _silent_until
    if not hints or time.monotonic() < _silent_until:
        return 0
    sent = 0
    for last_try in (False, True):  # a connection from before a broker's restart fails once
        try:
            producer = _producer()
            for run_id, task, queue in hints[sent:]:
                current_app.send_task(
                    task,
                    task_id=str(run_id),
                    queue=queue,
                    producer=producer,
                    retry=False,
                    ignore_result=True,
                    add_to_parent=False,
                )
                sent += 1
            return sent
        except Exception as error:
            # Whatever the broker's client raises: the row stands and the sweeper sees it.
            _forget()
            if last_try:
                _silent_until = time.monotonic() + SILENCE
                log.warning("run.not_published", unsent=len(hints) - sent, error=repr(error))
    return sent


def _producer() -> Producer:
    if _mine.producer is None or _mine.pid != os.getpid():
        options = {**settings.CELERY_BROKER_TRANSPORT_OPTIONS, **_IMPATIENT}
        _mine.pid = os.getpid()
        _mine.connection = current_app.connection_for_write(transport_options=options)
        _mine.producer = current_app.amqp.Producer(_mine.connection, auto_declare=False)
    return _mine.producer


def _forget() -> None:
    connection, _mine.connection, _mine.producer = _mine.connection, None, None
    if connection is not None and _mine.pid == os.getpid():
        connection.release()


def reset() -> None:
    """Forget the connection and the silence: for a process that forked, and for tests."""
    global _silent_until
    _silent_until = 0.0
    _forget()
