"""The rows of season replays: begun, finished, or found to have lost the process that lived them.

A replay under way holds a session lock of its number, which PostgreSQL frees with the
connection.  So a replay without an end whose lock is free has lost its process, however that
died, and nobody mistakes a slow one for a dead one.
"""

from datetime import datetime
from typing import Any

from django.db import connection, transaction

from markets.models import Season
from models_ml.models import Replay
from monitoring.services import audit

LOCK_CLASS = 7_201  # one number per use of two-part session locks


def begin(*, season: Season, seed: int, actor: str, now: datetime) -> Replay:
    """Write a replay's row and take its lock before anybody else can see the row."""
    with transaction.atomic():
        replay = Replay.objects.create(
            competition=season.competition, season=season, seed=seed, actor=actor, started_at=now
        )
        with connection.cursor() as cursor:
            cursor.execute("select pg_advisory_lock(%s, %s)", [LOCK_CLASS, replay.pk])
        audit.record(actor=actor, action="replay.begun", subject=replay, at=now, seed=seed)
    return replay


def finish(*, replay: Replay, figures: dict[str, Any], actor: str, now: datetime) -> None:
    """Stamp the end and keep the figures; ``{"ended": reason}`` where it did not come through."""
    with transaction.atomic():
        Replay.objects.filter(pk=replay.pk, finished_at=None).update(
            finished_at=now, figures=figures
        )
        audit.record(actor=actor, action="replay.finished", subject=replay, at=now)
    with connection.cursor() as cursor:
        cursor.execute(_UNLOCK, [LOCK_CLASS, replay.pk, LOCK_CLASS, replay.pk])


def end_lost(*, actor: str, now: datetime) -> int:
    """Stamp the end of every replay whose process is gone, and return how many there were."""
    with connection.cursor() as cursor:
        cursor.execute(_UNLOCKED, [LOCK_CLASS])
        lost = [row[0] for row in cursor.fetchall()]
    for replay in Replay.objects.filter(pk__in=lost):
        finish(replay=replay, figures={"ended": "lost its process"}, actor=actor, now=now)
    return len(lost)


_UNLOCK = """
select pg_advisory_unlock(%s, %s) from pg_locks
where locktype = 'advisory' and pid = pg_backend_pid() and classid = %s and objid = %s
"""
_UNLOCKED = """
select r.id from models_ml_replay r where r.finished_at is null and not exists (
    select 1 from pg_locks l
    where l.locktype = 'advisory' and l.granted and l.objsubid = 2
      and l.database = (select oid from pg_database where datname = current_database())
      and l.classid = %s and l.objid = r.id
)
"""
