"""When what runs, by default.  Operators own *when and whether* from the first sync on.

Frequent jobs have an interval; daily ones a crontab in a zone, never between 01:00 and 03:00
of a zone with summer time, where an hour is missing once a year and doubled once.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from monitoring import registry
from monitoring.models import ScheduledJob
from monitoring.services import audit, timetable


@dataclass(frozen=True, slots=True)
class Job:
    """A task of the schedule: every so often, or by a crontab "minute hour day month weekday"."""

    name: str
    task: str
    every: timedelta | str
    time_zone: str = "UTC"
    arguments: Mapping[str, object] = field(default_factory=dict)
    grace: timedelta = timedelta(minutes=2)
    is_enabled: bool = True  # at its first sync

    def __post_init__(self) -> None:
        if isinstance(self.every, timedelta) or self.time_zone == "UTC":
            return
        hours = self.every.split()[1]
        if hours == "*" or {"1", "2"} & set(hours.split(",")):
            raise ValueError(f"{self.name}: its hour is missing or doubled when the clock changes")

    @property
    def timetable(self) -> str:
        """Return the default in words, as ``timetable.describe`` gives that of a row."""
        if isinstance(self.every, timedelta):
            return f"every {self.every.total_seconds():g}s"
        return f"{self.every} {self.time_zone}"


def _seconds(count: int) -> timedelta:
    return timedelta(seconds=count)


JOBS: Sequence[Job] = (
    Job(
        "simulator",
        "markets.tasks.simulate_tick",
        _seconds(5),
        is_enabled=settings.ENVIRONMENT.simulator_enabled,
    ),
    Job("ingest", "markets.tasks.ingest_due_sources", timedelta(minutes=5)),
    Job("close", "markets.tasks.record_closes", _seconds(10)),
    Job("predict", "models_ml.tasks.predict_due", _seconds(5)),
    Job("decide", "betting.tasks.decide_due", _seconds(10)),
    Job("settle", "settlements.tasks.settle_due", _seconds(10)),
    Job("performance", "settlements.tasks.refresh_performance", timedelta(minutes=1)),
    Job("arbitrage", "betting.tasks.seek_arbitrage", _seconds(30)),
    Job("reconcile", "betting.tasks.reconcile_unknown", _seconds(30)),
    Job(
        "venue-watch",
        "betting.tasks.keep_watch",
        _seconds(20),
        is_enabled=settings.ENVIRONMENT.betfair_betting,
    ),
    Job(
        "outside-bets",
        "betting.tasks.adopt_outside",
        timedelta(minutes=5),
        is_enabled=settings.ENVIRONMENT.betfair_betting,
    ),
    Job("twins", "betting.tasks.report_twins", "30 6 * * *", grace=timedelta(hours=1)),
    Job("checks", "monitoring.tasks.run_checks", _seconds(30)),
    Job("prices", "markets.tasks.keep_prices", timedelta(hours=1), grace=timedelta(minutes=30)),
    Job(
        "quality",
        "markets.tasks.look_for_flaws",
        timedelta(minutes=10),
        grace=timedelta(minutes=30),
    ),
    Job(
        "quality-history",
        "markets.tasks.look_for_flaws",
        "20 4 * * *",
        arguments={"everything": True},
        grace=timedelta(hours=1),
    ),
    Job("value", "settlements.tasks.value_due", "15 10 * * *", grace=timedelta(hours=1)),
    Job(
        "reconcile-accounts",
        "settlements.tasks.reconcile_accounts",
        "0 7 * * *",  # the venue's day is over in its own zone
        time_zone="Europe/London",
        grace=timedelta(hours=1),
    ),
    *(
        Job(
            f"report-{kind}",
            "settlements.tasks.make_report",
            when,
            arguments={"kind": kind.upper()},
            grace=timedelta(hours=1),
        )
        for kind, when in (
            ("daily", "0 9 * * *"),
            ("weekly", "5 9 * * 1"),
            ("clv", "10 9 * * 1"),
            ("paper", "15 9 * * 1"),
            ("timing", "20 9 * * 1"),
            ("top", "25 9 * * 1"),
            ("monthly", "30 9 1 * *"),
        )
    ),
    Job("purge", "monitoring.tasks.purge_runs", "40 3 * * *", grace=timedelta(hours=1)),
    Job("retire", "markets.tasks.retire_prices", "10 3 * * *", grace=timedelta(hours=1)),
    Job("etl", "models_ml.tasks.run_etl", "0 2 * * *", grace=timedelta(hours=1)),
    Job("verify-store", "models_ml.tasks.verify_store", "30 5 * * 3", grace=timedelta(hours=1)),
    Job("drift", "models_ml.tasks.drift_reports", "0 6 * * 1,4", grace=timedelta(hours=1)),
    Job("assess", "models_ml.tasks.drift_decisions", "0 7 * * 5", grace=timedelta(hours=1)),
    Job("rehearse", "models_ml.tasks.rehearse", "0 10 * * 6", grace=timedelta(hours=1)),
    Job(
        "walk-forward", "models_ml.tasks.train_walk_forward", "30 4 * * 0", grace=timedelta(hours=1)
    ),
    Job("evaluate", "models_ml.tasks.evaluate_recent", "0 5 * * *", grace=timedelta(hours=1)),
    Job("train", "models_ml.tasks.train_scheduled", "0 2 1 * *", grace=timedelta(hours=1)),
    Job("hygiene", "models_ml.tasks.put_away", "0 4 * * 1", grace=timedelta(hours=1)),
    Job(
        "expire-proposals",
        "models_ml.tasks.expire_proposals",
        "20 4 * * *",
        grace=timedelta(hours=1),
    ),
)


@dataclass(slots=True)
class Synced:
    """What a sync did, by job name."""

    created: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    kept_as_operated: list[str] = field(default_factory=list)  # retimed by an operator
    orphans: list[str] = field(default_factory=list)  # ours once, in the code no longer
    unknown_tasks: list[str] = field(default_factory=list)  # no such task in this code


def sync(*, now: datetime, actor: str = "cli:sync", jobs: Sequence[Job] = JOBS) -> Synced:
    """Bring beat's rows to the code's jobs, leaving alone what operators have changed.

    A new job is added; a default that changed is carried over unless the row was retimed;
    enabled or disabled stays as it is.  A job that left the code is reported, never deleted.
    """
    synced = Synced()
    with transaction.atomic():
        known = {row.name: row for row in ScheduledJob.objects.select_for_update()}
        rows = {
            row.name: row
            for row in PeriodicTask.objects.select_related("interval", "crontab").filter(
                name__in=[*known, *(job.name for job in jobs)]
            )
        }
        for job in jobs:
            if job.task not in registry.jobs:
                synced.unknown_tasks.append(job.name)
            elif job.name not in rows:
                _create(job, now)
                synced.created.append(job.name)
            else:
                _bring_up(job, rows[job.name], known.get(job.name), synced, now)
        synced.orphans += sorted(known.keys() - {job.name for job in jobs})
        for name in synced.created + synced.changed:
            audit.record(actor=actor, action="config.sync_schedule", subject=f"job:{name}", at=now)
    return synced


def _create(job: Job, now: datetime) -> None:
    PeriodicTask.objects.create(
        name=job.name,
        task=job.task,
        kwargs=json.dumps(dict(job.arguments)),
        enabled=job.is_enabled,
        last_run_at=now,
        description=registry.jobs[job.task].title,
        **_timing(job),
    )
    _note_default(job, now)


def _bring_up(
    job: Job, row: PeriodicTask, known: ScheduledJob | None, synced: Synced, now: datetime
) -> None:
    """Carry the code's new default over to a row, unless an operator has made it his own."""
    present = timetable.describe(row)
    is_operated = known is None or present != known.default
    if present == job.timetable and row.task == job.task:
        synced.unchanged.append(job.name)
    elif is_operated and row.task == job.task:
        synced.kept_as_operated.append(job.name)
    else:
        timing = {} if is_operated else _timing(job)
        for name, value in {"task": job.task, **timing}.items():
            setattr(row, name, value)
        row.save()
        synced.changed.append(job.name)
    _note_default(job, now)


def _note_default(job: Job, now: datetime) -> None:
    ScheduledJob.objects.update_or_create(
        name=job.name,
        defaults={
            "default": job.timetable,
            "grace_seconds": round(job.grace.total_seconds()),
        },
        create_defaults={
            "default": job.timetable,
            "grace_seconds": round(job.grace.total_seconds()),
            "added_at": now,
        },
    )


def _timing(job: Job) -> dict[str, Any]:
    """Return the fields of beat's row that say when."""
    if isinstance(job.every, timedelta):
        interval, _ = IntervalSchedule.objects.get_or_create(
            every=round(job.every.total_seconds()), period=IntervalSchedule.SECONDS
        )
        return {"interval": interval, "crontab": None}
    minute, hour, day, month, weekday = job.every.split()
    crontab, _ = CrontabSchedule.objects.get_or_create(
        minute=minute,
        hour=hour,
        day_of_month=day,
        month_of_year=month,
        day_of_week=weekday,
        timezone=job.time_zone,
    )
    return {"interval": None, "crontab": crontab}


def arguments_of(row: PeriodicTask) -> dict[str, Any]:
    """Return the arguments that a row of the timetable gives its task."""
    arguments: dict[str, Any] = json.loads(row.kwargs or "{}")
    return arguments
