"""A run's hold: the advisory lock that shows every other process that its body is alive.

The lock belongs to a connection of its own, so the body may open, break and lose its
connections as it likes.  PostgreSQL drops the lock the moment that connection's process is
gone, and a RUNNING row whose lock nobody holds is lost: no timeout has to pass first.

What it cannot promise: when PostgreSQL itself restarts, or the network cuts only this one
connection, the lock goes although the body still works.  The run is then taken for lost and
begun again elsewhere.  That is at worst a second execution, of a task that is idempotent by
its unique keys; tasks that are not have ``max_attempts=1`` and are never begun again.  The
attempt number fences what the first execution may still write about its run.
"""

import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import structlog
from django.db import DEFAULT_DB_ALIAS, Error, connections
from django.db.backends.base.base import BaseDatabaseWrapper

log = structlog.get_logger(__name__)

LOST_RUNS = """
    select r.id, r.attempt from monitoring_taskrun r
    where state = 'RUNNING' and not exists (
        select from pg_locks l
        where l.locktype = 'advisory' and l.objsubid = 1
          and l.database = (select oid from pg_database where datname = current_database())
          and l.classid = (('x' || substr(r.id::text, 1, 8))::bit(32)::bigint)::oid
          and l.objid = (('x' || translate(substr(r.id::text, 10, 9), '-', ''))
                         ::bit(32)::bigint)::oid
    )
"""

_kept: dict[int, BaseDatabaseWrapper] = {}  # by process: never shared across a fork
_keeps_connection = False


def keep_connection() -> None:
    """Let this process keep one holding connection open from run to run, as workers do."""
    global _keeps_connection
    _keeps_connection = True


def lock_key(run_id: uuid.UUID) -> int:
    """Return the run's advisory lock key: the first 64 bits of its id, as PostgreSQL's bigint.

    >>> lock_key(uuid.UUID("00000000-0000-0001-0000-000000000000"))
    1
    """
    return int.from_bytes(run_id.bytes[:8], "big", signed=True)


def own_connection(application_name: str) -> BaseDatabaseWrapper:
    """Open a connection outside Django's per-thread ones: autocommit, quick to give up."""
    connection = connections.create_connection(DEFAULT_DB_ALIAS)
    options = dict(connection.settings_dict.get("OPTIONS", {}))
    options["application_name"] = application_name
    options["options"] = (
        "-c statement_timeout=5s -c lock_timeout=2s -c tcp_keepalives_idle=10"
        " -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"
    )
    connection.settings_dict = {**connection.settings_dict, "OPTIONS": options}
    connection.inc_thread_sharing()  # a body may report progress from a thread of its own
    return connection


class Hold:
    """A held lock, and a way to write about the run beside the body's open transaction."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self._connection = connection

    def execute(self, sql: str, parameters: Sequence[Any]) -> int:
        """Run one statement at once, committed; return how many rows it touched, 0 on failure."""
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(sql, parameters)
                return int(cursor.rowcount)
        except Error as error:
            log.warning("run.note_not_written", error=str(error))
            return 0

    def value(self, sql: str, parameters: Sequence[Any]) -> object:
        """Return the first column of the first row, or None: also when it cannot be read."""
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(sql, parameters)
                row = cursor.fetchone()
                return row[0] if row else None
        except Error as error:
            log.warning("run.note_not_read", error=str(error))
            return None


@contextmanager
def hold(run_id: uuid.UUID) -> Iterator[Hold | None]:
    """Hold the run while the block runs; yield None where another process holds it."""
    key = lock_key(run_id)
    connection, held = _lock(key)
    try:
        yield Hold(connection) if held else None
    finally:
        _let_go(connection, key if held else None)


def _lock(key: int) -> tuple[BaseDatabaseWrapper, bool]:
    """Try the lock: on the kept connection if that still works, else on a new one."""
    kept = _kept.pop(os.getpid(), None)
    if kept is not None:
        try:
            return kept, _try_lock(kept, key)
        except Error:
            _drop(kept)
    fresh = own_connection("closingline-run")
    try:
        return fresh, _try_lock(fresh, key)
    except Error:
        _drop(fresh)
        raise


def _try_lock(connection: BaseDatabaseWrapper, key: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("select pg_try_advisory_lock(%s)", [key])
        return bool(cursor.fetchone()[0])


def _let_go(connection: BaseDatabaseWrapper, key: int | None) -> None:
    if not _keeps_connection or os.getpid() in _kept:
        _drop(connection)
        return
    try:
        if key is not None:
            with connection.cursor() as cursor:
                cursor.execute("select pg_advisory_unlock(%s)", [key])
        _kept[os.getpid()] = connection
    except Error:
        _drop(connection)


def _drop(connection: BaseDatabaseWrapper) -> None:
    """Close the connection, and every lock with it; one that is broken is closed already."""
    try:
        connection.close()
    except Error as error:
        log.debug("run.hold_close_failed", error=str(error))
