"""The schedule: what runs when, how it went last, and asking for it now.

The stock pages of the schedule ran tasks without a user, a log entry or a question; these
replace them.  Operators own *when* and *whether*; what a job is stays in the code.
"""

import json
from typing import Any

from django.contrib import admin
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django_celery_beat.admin import PeriodicTaskForm
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    PeriodicTasks,
    SolarSchedule,
)
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from monitoring import registry
from monitoring.admin import jobs
from monitoring.desk import asking, chips, columns, sections
from monitoring.desk.actions import BOTH, Action, Asked, Done, switches
from monitoring.desk.filters import StartingFilter
from monitoring.desk.pages import Desk, Fixed, Kept
from monitoring.errors import Refused
from monitoring.models import ScheduledJob, TaskRun
from monitoring.services import audit, timetable

for _model in (ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule):
    admin.site.unregister(_model)


class NotAJob(Refused):
    """The scheduled task may not be asked for by hand, or this operator may not ask for it."""


def run_now(asked: Asked) -> Done:
    """Ask for each scheduled job's run, with its own arguments, as any other request."""
    done = Done("")
    with transaction.atomic():
        for row in asked.rows:
            job = registry.jobs.get(row.task)
            if job is None:
                raise NotAJob(f"{row.name}: {row.task} is not a job that can be asked for")
            if not asked.user.has_perm(job.permission):
                raise NotAJob(f"{row.name}: {job.title} needs the permission {job.permission}")
            done = asking.ask(asked, task=row.task, arguments=json.loads(row.kwargs or "{}"))
    if len(asked.rows) == 1:
        return done
    return Done(f"Queued {len(asked.rows)} runs.", reverse("admin:monitoring_taskrun_changelist"))


def enable(asked: Asked) -> Done:
    """Switch on; the slots that passed meanwhile are let go, not run all at once."""
    return _switch(asked, enabled=True, last_run_at=asked.now)


def disable(asked: Asked) -> Done:
    return _switch(asked, enabled=False)


def _switch(asked: Asked, *, enabled: bool, **also: Any) -> Done:
    with transaction.atomic():
        keys = [row.pk for row in asked.rows]
        PeriodicTask.objects.filter(pk__in=keys).update(
            enabled=enabled, date_changed=asked.now, **also
        )
        PeriodicTasks.update_changed()
        for row in asked.rows:
            audit.record(
                actor=asked.actor,
                action="schedule.enable" if enabled else "schedule.disable",
                subject=row,
                at=asked.now,
                name=row.name,
                reason=asked.reason,
            )
    return Done(f"{'Enabled' if enabled else 'Disabled'} {len(asked.rows)}.")


RUN_NOW = Action(
    name="run",
    title="Run now",
    permission="monitoring.add_taskrun",
    consequence="It is queued now, beside its schedule. Its next slot stays as it is.",
    act=run_now,
    on=BOTH,
)
ENABLE, DISABLE = switches(
    permission="django_celery_beat.change_periodictask",
    is_on=lambda row: row.enabled,
    enable=enable,
    disable=disable,
    then_on="It runs from its next slot on. Slots missed while it was off are not made up.",
    then_off="It does not run until somebody enables it. Bringing a new version of the software"
    " does not enable it either.",
)


class Enabled(StartingFilter):
    title = "show"
    options = {
        "on": ("Enabled", lambda now: Q(enabled=True)),
        "off": ("Disabled", lambda now: Q(enabled=False)),
    }


class ScheduledForm(PeriodicTaskForm):
    """The stock form in this site's widgets."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "task" in self.fields:
            self.fields["task"].widget = UnfoldAdminTextInputWidget()
        if "regtask" in self.fields:
            names = [(task, f"{job.title} ({task})") for task, job in sorted(registry.jobs.items())]
            self.fields["regtask"].widget = UnfoldAdminSelectWidget(choices=[("", ""), *names])


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(Kept):
    form = ScheduledForm
    list_display = ("name", "enabled_chip", "human", "last_result", "last_at", "next_at", "task")
    list_filter = (Enabled, "task")
    list_select_related = ("interval", "crontab", "solar", "clocked")
    search_fields = ("name", "task")
    ordering = ("name",)
    desk_actions = (RUN_NOW, ENABLE, DISABLE)
    readonly_fields = ("last_run_at", "total_run_count")
    raw_id_fields = ("interval", "crontab", "solar", "clocked")
    empty_text = "No schedule is there yet. `manage.py schedule sync` writes the one in the code."
    fieldsets = (
        (None, {"fields": ("name", "regtask", "task", "enabled", "description")}),
        ("When", {"fields": ("interval", "crontab", "clocked", "solar", "start_time", "one_off",
                             "last_run_at", "total_run_count")}),
        ("Arguments", {"fields": ("kwargs", "args"), "classes": ("collapse",)}),
        ("Delivery", {"fields": ("expires", "expire_seconds", "queue", "exchange", "routing_key",
                                 "priority", "headers"), "classes": ("collapse",)}),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> Any:
        return jobs.with_last_run(super().get_queryset(request))

    @display(description="State", ordering="enabled")
    def enabled_chip(self, row: PeriodicTask) -> str:
        return chips.yes_no(row.enabled, yes="Enabled", no="Disabled")

    @display(description="When")
    def human(self, row: PeriodicTask) -> str:
        return timetable.describe(row)

    @display(description="Last result")
    def last_result(self, row: Any) -> str:
        if not row.last_run:
            return chips.NOTHING
        url = reverse("admin:monitoring_taskrun_change", args=[row.last_run["id"]])
        return format_html('<a href="{}">{}</a>', url, chips.state(row.last_run["state"]))

    last_at = columns.moment("last_run_at", "Last run")

    @display(description="Next run")
    def next_at(self, row: PeriodicTask) -> str:
        since = row.last_run_at or row.date_changed
        if not row.enabled or since is None:
            return chips.NOTHING
        return chips.when(timetable.next_after(row.schedule, since))

    def parts(self, request: HttpRequest, row: PeriodicTask) -> list[sections.Section]:
        runs = TaskRun.objects.filter(task=row.task).order_by("-created_at")[:15]
        rows = [
            (
                chips.state(run.state, run.get_state_display()),
                chips.link(run, run.run_key or str(run.pk)[:8]),
                run.created_at,
                f"{run.get_trigger_display()} · {run.actor}",
                (run.error or run.progress_message)[:100],
            )
            for run in runs
        ]
        headers = ("State", "Run", "Queued", "Asked by", "Message")
        return [sections.Table("Its last runs", headers, rows, empty="It has not run yet.")]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Let the slots go that passed while it was off: it must not run at once for them."""
        if change and obj.enabled and "enabled" in form.changed_data:
            obj.last_run_at = timezone.now()
        super().save_model(request, obj, form, change)


@admin.register(ScheduledJob)
class ScheduledJobAdmin(Fixed):
    """What the code declared, and when beat came to it last."""

    list_display = ("name", "default", "grace", "latest", "slot", "run")
    list_select_related = ("latest_run",)
    search_fields = ("name",)
    ordering = ("name",)
    detail_related = ("latest_run",)
    empty_text = "`manage.py schedule sync` writes what the code declares."

    @display(description="Grace", ordering="grace_seconds")
    def grace(self, row: ScheduledJob) -> str:
        return chips.duration(row.grace_seconds)

    latest = columns.moment("latest_at", "Beat came last")

    @display(description="Slot")
    def slot(self, row: ScheduledJob) -> str:
        return row.latest_slot

    @display(description="Run")
    def run(self, row: ScheduledJob) -> str:
        return chips.link(row.latest_run)


@admin.register(CrontabSchedule)
class CrontabScheduleAdmin(Desk):
    list_display = ("__str__", "human_readable", "timezone")
    ordering = ("pk",)


@admin.register(IntervalSchedule)
class IntervalScheduleAdmin(Desk):
    list_display = ("__str__",)
    ordering = ("period", "every")


@admin.register(ClockedSchedule)
class ClockedScheduleAdmin(Desk):
    list_display = ("__str__",)
    ordering = ("-clocked_time",)


@admin.register(SolarSchedule)
class SolarScheduleAdmin(Fixed):
    list_display = ("__str__",)
    ordering = ("pk",)
