"""Beat: asks for runs in the table instead of sending bare messages, and only one does so."""

import os
import socket
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from celery import schedules
from django.db import DatabaseError, InterfaceError, connection, transaction
from django.db.models import F, QuerySet
from django.utils import timezone
from django_celery_beat.models import PeriodicTask
from django_celery_beat.schedulers import DatabaseScheduler, ModelEntry

from monitoring.errors import Refused
from monitoring.models import ScheduledJob, TaskRun
from monitoring.services import beating, running, timetable
from monitoring.services.beating import Lease, LeaseLost

log = structlog.get_logger(__name__)

AWAY = (DatabaseError, InterfaceError)
PAUSE = 2.0  # seconds between tries while the database is away or another beat is at work
SIGN_EVERY = 1.0  # seconds between signs of life; between two of them many jobs may fall due
DEADLINE = timedelta(hours=1)  # a daily time missed by more than this is not made up for


class RecordedEntry(ModelEntry):
    """One row of the timetable; what it does is kept in the database, not in this process."""

    def __init__(self, model: PeriodicTask, app: Any = None) -> None:
        if model.last_run_at is None:  # just added or enabled: the next time is its first
            model.last_run_at = timezone.now()
        super().__init__(model, app=app)

    def save(self) -> None:
        """Write nothing: ``RecordedScheduler.apply_async`` did, with the run it asked for."""

    def slot(self, now: datetime) -> datetime:
        """Return the time this call is for: not when beat came to it, but when it was due."""
        if isinstance(self.schedule, schedules.crontab):
            due = max(self.last_run_at, now - DEADLINE)
            following = timetable.next_after(self.schedule, due)
            while following is not None and following <= now:
                due, following = following, timetable.next_after(self.schedule, following)
            return due
        if isinstance(self.schedule, schedules.schedule):
            period = timetable.period_of(self.schedule).total_seconds()
            return datetime.fromtimestamp(now.timestamp() // period * period, UTC)
        return now.replace(microsecond=0)

    def run_key(self, now: datetime) -> str:
        """Return the name of this slot: asked for twice, it is one run.

        A crontab's slot goes by its own zone's clock, so a daily job is daily, also when an
        hour comes twice.
        """
        slot = self.slot(now)
        if isinstance(self.schedule, schedules.crontab):
            zone = timetable.zone_of(self.schedule)
            return f"{self.name}@{slot.astimezone(zone):%Y-%m-%dT%H:%M} {zone}"
        return f"{self.name}@{slot:%Y-%m-%dT%H:%M:%SZ}"


class RecordedScheduler(DatabaseScheduler):
    """django-celery-beat's scheduler with one holder, run rows, and patience.

    All enabled rows stay in memory: the stock query leaves out crontabs of other hours and
    then fires what was missed at the wrong time.
    """

    Entry = RecordedEntry

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        holder = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self.lease = Lease(holder)
        self._is_waiting = False
        self._signed = float("-inf")
        super().__init__(*args, **kwargs)

    def setup_schedule(self) -> None:
        """Leave the rows to ``config.schedule.sync``, and start although the database is away."""

    def enabled_models_qs(self) -> QuerySet[PeriodicTask]:
        return PeriodicTask.objects.filter(enabled=True).select_related(
            "interval", "crontab", "solar", "clocked"
        )

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Do what is due if this beat holds the lease; never rise, whatever the database does."""
        try:
            if not self._sign_of_life():
                return self._wait()
            if self._is_waiting:
                self._start_over()
            return min(super().tick(*args, **kwargs), self.max_interval)
        except LeaseLost as lost:
            log.warning("beat.lease_lost", why=str(lost))
            return self._wait()
        except AWAY as error:
            log.warning("beat.database_away", error=str(error))
            connection.close()
            self._start_over()
            return PAUSE

    def apply_entry(self, entry: RecordedEntry, producer: Any = None) -> None:
        """Ask for one run.  A row that asks for the impossible is told of, and waits its turn."""
        try:
            self.apply_async(entry)
        except LeaseLost:
            raise
        except Refused as no:
            log.warning("beat.refused", job=entry.name, why=str(no))

    def apply_async(
        self, entry: RecordedEntry, producer: Any = None, advance: bool = False, **_: Any
    ) -> TaskRun | None:
        """Write the run, the slot and the row's bookkeeping together, under the lease.

        While the run of an earlier slot is live this slot is passed over: that run, or the one
        after it, finds the same work.

        Raises:
            LeaseLost: another beat has taken over; nothing was written.
            Refused: the row names an unknown task or wrong arguments.
        """
        now = timezone.now()
        with transaction.atomic():
            self.lease.check()
            PeriodicTask.objects.filter(pk=entry.model.pk).update(
                last_run_at=now, total_run_count=F("total_run_count") + 1
            )
            job = ScheduledJob.objects.filter(name=entry.name).select_related("latest_run").first()
            run = None if _is_live(job) else self._request(entry, now)
            if job is not None:
                job.latest_at, job.latest_slot = now, entry.run_key(now)
                job.latest_run = run or job.latest_run
                job.save(update_fields=["latest_at", "latest_slot", "latest_run"])
        return run

    def close(self) -> None:
        """Hand over at once instead of letting the next beat wait for the lease to run out."""
        try:
            self.lease.release()
        except AWAY as error:
            log.warning("beat.lease_not_released", error=str(error))
        super().close()

    def _request(self, entry: RecordedEntry, now: datetime) -> TaskRun | None:
        try:
            return running.request_run(
                task=entry.task,
                arguments=entry.kwargs,
                trigger=TaskRun.Trigger.BEAT,
                actor="beat",
                now=now,
                run_key=entry.run_key(now),
            )
        except running.AlreadyRunning:
            return None

    def _sign_of_life(self) -> bool:
        """Lengthen the lease and say that beat is alive; False where another one is beat."""
        if self.lease.token is not None and time.monotonic() - self._signed < SIGN_EVERY:
            return True
        if not self.lease.keep():
            return False
        self._signed = time.monotonic()
        beating.beat_heart(
            name=beating.BEAT,
            now=timezone.now(),
            detail={"holder": self.lease.holder, "token": self.lease.token},
        )
        return True

    def _wait(self) -> float:
        if not self._is_waiting:
            log.warning("beat.waiting", holder=self.lease.current_holder(), me=self.lease.holder)
        self._is_waiting, self.lease.token = True, None
        return PAUSE

    def _start_over(self) -> None:
        """Read the rows anew: what this process remembers of them is old."""
        self._is_waiting = False
        self._initial_read = True
        self._heap = None
        self._dirty.clear()


def _is_live(job: ScheduledJob | None) -> bool:
    return bool(job and job.latest_run and job.latest_run.state in TaskRun.LIVE)
