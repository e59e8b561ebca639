"""Jobs: everything that may be asked for, and the form that asks for it."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import JSONObject
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from unfold.widgets import UnfoldAdminTextInputWidget, UnfoldBooleanSwitchWidget

from monitoring import registry
from monitoring.desk import arguments, asking, chips
from monitoring.desk.actions import Asked, ReasonForm
from monitoring.desk.pages import actor_of, list_url
from monitoring.errors import Refused
from monitoring.models import TaskRun

ROOMS = {
    "markets": "Markets",
    "models_ml": "Models",
    "betting": "Betting",
    "settlements": "Settlements",
    "monitoring": "Operations",
    "config": "Operations",
}
_MEANT = {int: "whole number", float: "number", bool: "yes or no", list: "separated by commas"}


class JobForm(ReasonForm):
    """A job's arguments as text fields, read as the job's own types, and a reason."""

    field_order = None

    def __init__(self, *args: Any, job: registry.Job, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kinds = arguments.kinds_of(job)
        for name, text in job.arguments.items():
            if name == "dry_run":
                continue
            meant = _MEANT.get(self.kinds[name])
            self.fields[name] = forms.CharField(
                required=name in job.required,
                max_length=500,
                help_text=f"{text} ({meant})" if meant else text,
                widget=UnfoldAdminTextInputWidget(),
            )
        if "dry_run" in job.arguments:
            self.fields["dry_run"] = forms.BooleanField(
                required=False,
                help_text=job.arguments["dry_run"],
                widget=UnfoldBooleanSwitchWidget(),
            )
        self.order_fields([*job.arguments, "reason"])

    def clean(self) -> dict[str, Any]:
        cleaned = dict(super().clean() or self.cleaned_data)
        for name, kind in self.kinds.items():
            text = cleaned.get(name)
            if name == "dry_run" or not isinstance(text, str) or not text:
                continue
            try:
                cleaned[name] = arguments.read(text, kind)
            except ValueError as error:
                self.add_error(name, f"{error}.".capitalize())
        return cleaned

    def given(self) -> dict[str, Any]:
        """Return the arguments that were filled in."""
        skipped = ("reason", "dry_run")
        return {
            name: value
            for name, value in self.cleaned_data.items()
            if name not in skipped and value not in ("", None)
        }


def index(request: HttpRequest) -> HttpResponse:
    """List the jobs by room, each with its last run."""
    if not request.user.has_perm("monitoring.view_taskrun"):
        raise PermissionDenied
    last = _last_runs()
    rooms: dict[str, list[dict[str, Any]]] = {name: [] for name in ROOMS.values()}
    for job in sorted(registry.jobs.values(), key=lambda job: job.title):
        room = ROOMS.get(job.task.partition(".")[0], "Operations")
        rooms[room].append(_row(job, last.get(job.task), request))
    context = {
        **admin.site.each_context(request),
        "title": "Jobs",
        "rooms": [(name, rows) for name, rows in rooms.items() if rows],
    }
    return TemplateResponse(request, "monitoring/jobs.html", context)


def ask(request: HttpRequest, task: str) -> HttpResponse:
    """Show a job's form; a POST queues it and leads to its run."""
    job = registry.jobs.get(task)
    if job is None:
        raise Http404(f"There is no job {task!r}.")
    if not request.user.has_perm(job.permission):
        raise PermissionDenied
    is_post = request.method == "POST"
    form = JobForm(request.POST if is_post else None, job=job, initial=request.GET.dict())
    if is_post and form.is_valid():
        asked = Asked([], form.cleaned_data, request.user, actor_of(request), timezone.now())
        try:
            done = asking.ask(
                asked,
                task=task,
                arguments=form.given(),
                dry_run=bool(form.cleaned_data.get("dry_run")),
            )
        except Refused as no:
            form.add_error(None, f"Refused: {no}")
        else:
            messages.success(request, done.text)
            return HttpResponseRedirect(done.url)
    context = {
        **admin.site.each_context(request),
        "title": job.title,
        "job": job,
        "form": form,
        "cancel_url": reverse("jobs"),
    }
    return TemplateResponse(request, "monitoring/job.html", context)


def _row(job: registry.Job, last: dict[str, Any] | None, request: HttpRequest) -> dict[str, Any]:
    return {
        "job": job,
        "may": request.user.has_perm(job.permission),
        "url": reverse("job", args=[job.task]),
        "runs_url": list_url(TaskRun, show="all", q=job.task),
        "state": chips.state(last["state"]) if last else chips.chip("Never ran", "idle"),
        "last_url": reverse("admin:monitoring_taskrun_change", args=[last["id"]]) if last else "",
        "last_at": chips.when(last["created_at"]) if last else "",
    }


def _last_runs() -> dict[str, dict[str, Any]]:
    """Return the latest run of each registered task, by task: one index look-up per task."""
    found: dict[str, dict[str, Any]] = {}
    branches = [
        TaskRun.objects.filter(task=task)
        .order_by("-created_at")
        .values("task", "id", "state", "created_at")[:1]
        for task in registry.jobs
    ]
    if branches:
        for row in branches[0].union(*branches[1:], all=True):
            found[row["task"]] = dict(row)
    return found


def with_last_run(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Add ``last_run`` (id, state, created_at) of each row's ``task``."""
    latest = TaskRun.objects.filter(task=OuterRef("task")).order_by("-created_at")
    return rows.annotate(
        last_run=Subquery(
            latest.values(row=JSONObject(id="id", state="state", at="created_at"))[:1]
        )
    )
