from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone
from django_celery_beat.models import PeriodicTask
from rich.table import Table

from config import schedule
from monitoring.commands import OK, WARNINGS, ProductCommand, screen
from monitoring.errors import Refused
from monitoring.models import TaskRun
from monitoring.services import running, timetable
from monitoring.services.timetable import Slot


class NoSuchJob(Refused):
    """The schedule has no job of that name."""


class Command(ProductCommand):
    help = "Bring the schedule to the code's defaults, list it, or run one of its jobs now."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["sync", "list", "run"])
        parser.add_argument("name", nargs="?", help="the job to run now")

    def report(self, **options: Any) -> dict[str, Any]:
        what = options["what"]
        if what == "sync":
            synced = schedule.sync(now=timezone.now(), actor=self.actor)
            self.exit_code = WARNINGS if synced.orphans or synced.unknown_tasks else OK
            return asdict(synced)
        if what == "list":
            return {"jobs": [_row(slot) for slot in timetable.slots(now=timezone.now())]}
        return self._run(options["name"])

    def _run(self, name: str | None) -> dict[str, Any]:
        row = PeriodicTask.objects.filter(name=name).first()
        if row is None:
            names = ", ".join(PeriodicTask.objects.order_by("name").values_list("name", flat=True))
            raise NoSuchJob(f"there is no job {name!r}; there are: {names}")
        run = running.request_run(
            task=row.task,
            arguments=schedule.arguments_of(row),
            trigger=TaskRun.Trigger.CLI,
            actor=self.actor,
            now=timezone.now(),
        )
        return {"run": str(run.pk), "task": run.task, "state": run.state}

    def show(self, report: dict[str, Any]) -> None:
        if "jobs" not in report:
            super().show(report)
            return
        table = Table("job", "task", "timetable", "enabled", "latest", "state", "next")
        for job in report["jobs"]:
            marks = "retimed" if job["is_retimed"] else ""
            table.add_row(
                *(job["name"], job["task"], f"{job['timetable']} {marks}".strip()),
                *("yes" if job["is_enabled"] else "no", str(job["latest_at"] or "never")),
                *(job["latest_state"] or "", str(job["next_at"] or "")),
            )
        screen().print(table)


def _row(slot: Slot) -> dict[str, Any]:
    return {
        "name": slot.name,
        "task": slot.task,
        "timetable": slot.timetable,
        "is_retimed": slot.is_retimed,
        "is_enabled": slot.is_enabled,
        "latest_at": slot.latest_at.isoformat() if slot.latest_at else None,
        "latest_state": slot.latest_run.state if slot.latest_run else None,
        "next_at": slot.next_at.isoformat() if slot.next_at else None,
    }
