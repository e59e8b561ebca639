"""Beat's rows against the clock: what is due when, and what did not come.

The rows are django-celery-beat's; when beat last came to a job stands in ``ScheduledJob``.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from celery import schedules
from django_celery_beat.models import PeriodicTask

from monitoring.models import ScheduledJob, TaskRun


@dataclass(frozen=True, slots=True)
class Slot:
    """One row of the timetable, as it stands."""

    name: str
    task: str
    timetable: str
    is_enabled: bool
    is_retimed: bool  # an operator has changed it
    latest_at: datetime | None
    latest_run: TaskRun | None
    next_at: datetime | None
    late_at: datetime | None  # when its silence becomes an incident


def describe(row: PeriodicTask) -> str:
    """Return a row's timetable as the code writes it: "every 5s", "40 3 * * * UTC"."""
    if row.interval is not None:
        return f"every {row.interval.schedule.run_every.total_seconds():g}s"
    if row.crontab is not None:
        cron = row.crontab
        fields = (cron.minute, cron.hour, cron.day_of_month, cron.month_of_year, cron.day_of_week)
        return f"{' '.join(fields)} {cron.timezone}"
    return str(row.schedule)


def next_after(schedule: schedules.BaseSchedule, moment: datetime) -> datetime | None:
    """Return the first time after the moment that the schedule names."""
    if isinstance(schedule, schedules.crontab):
        start, delta, _ = schedule.remaining_delta(moment.astimezone(zone_of(schedule)))
        following: datetime = start + delta
        return following.astimezone(UTC)
    if isinstance(schedule, schedules.schedule):
        return moment + period_of(schedule)
    return None


def zone_of(schedule: schedules.crontab) -> tzinfo:
    """Return the zone whose clock a crontab goes by."""
    zone: Any = schedule.tz  # typed as text, but a zone
    return zone if isinstance(zone, tzinfo) else UTC


def period_of(schedule: Any) -> timedelta:
    """Return how often an interval schedule comes."""
    period: timedelta = schedule.run_every
    return period


def slots(*, now: datetime) -> list[Slot]:
    """Return the whole timetable in the order of names."""
    known = {job.name: job for job in ScheduledJob.objects.select_related("latest_run")}
    rows = PeriodicTask.objects.select_related("interval", "crontab").order_by("name")
    return [_slot(row, known.get(row.name)) for row in rows]


def missed(*, now: datetime) -> list[Slot]:
    """Return the enabled jobs that beat should have come to by now, grace included."""
    return [
        slot
        for slot in slots(now=now)
        if slot.is_enabled and slot.late_at is not None and slot.late_at < now
    ]


def _slot(row: PeriodicTask, job: ScheduledJob | None) -> Slot:
    timetable = describe(row)
    since = _counted_from(row, job)
    next_at = next_after(row.schedule, since) if since and row.enabled else None
    return Slot(
        name=row.name,
        task=row.task,
        timetable=timetable,
        is_enabled=row.enabled,
        is_retimed=job is not None and timetable != job.default,
        latest_at=job.latest_at if job else row.last_run_at,
        latest_run=job.latest_run if job else None,
        next_at=next_at,
        late_at=next_at + timedelta(seconds=job.grace_seconds) if next_at and job else None,
    )


def _counted_from(row: PeriodicTask, job: ScheduledJob | None) -> datetime | None:
    """Return the moment after which the next time counts: an edit of the row starts anew."""
    moments = [row.date_changed, job.latest_at or job.added_at if job else row.last_run_at]
    known = [moment for moment in moments if moment is not None]
    return max(known) if known else None
