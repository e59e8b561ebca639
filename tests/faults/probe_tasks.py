"""Tasks that exist only in tests: each execution leaves a row, each effect stands once."""

import os
import signal
import time

from django.db import OperationalError, connection, transaction

from monitoring.domain.progress import RunHandle
from monitoring.errors import Refused
from monitoring.recorded import recorded_task

TABLES = """
    create table if not exists probe_execution (key text, pid int);
    create table if not exists probe_effect (key text primary key);
    truncate probe_execution, probe_effect;
"""
WATCH = "monitoring.change_taskrun"


def _executed(name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("insert into probe_execution values (%s, %s)", [name, os.getpid()])


def _effect(name: str) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("insert into probe_effect values (%s) on conflict do nothing", [name])
        return cursor.rowcount


@recorded_task(title="Probe: mark", permission=WATCH)
def mark(run: RunHandle, *, name: str, seconds: float = 0) -> dict:
    _executed(name)
    time.sleep(seconds)
    return {"written": _effect(name)}


@recorded_task(title="Probe: mark, once only", permission=WATCH, max_attempts=1)
def mark_once(run: RunHandle, *, name: str, seconds: float = 0) -> dict:
    _executed(name)
    time.sleep(seconds)
    return {"written": _effect(name)}


@recorded_task(title="Probe: kill the worker's child", permission=WATCH)
def poison(run: RunHandle, *, name: str) -> dict:
    _executed(name)
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


@recorded_task(title="Probe: fail as a lost database does", permission=WATCH)
def flaky(run: RunHandle, *, name: str, failures: int) -> dict:
    _executed(name)
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from probe_execution where key = %s", [name])
        if cursor.fetchone()[0] <= failures:
            raise OperationalError("the server closed the connection")
    return {"written": _effect(name)}


@recorded_task(title="Probe: say no", permission=WATCH)
def refuse(run: RunHandle) -> dict:
    raise Refused("not today")


@recorded_task(title="Probe: work in one transaction until called off", permission=WATCH)
def endless(run: RunHandle) -> dict:
    with transaction.atomic():
        for step in range(10_000):
            run.progress(done=step, total=10_000, message=f"step {step}")
            run.raise_if_cancelled()
            time.sleep(0.05)
    return {}
