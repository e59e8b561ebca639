"""Runs: what is going on, what failed, and one run's whole story."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from monitoring.desk import asking, chips, columns, sections
from monitoring.desk.actions import BOTH, Action, Asked, Done
from monitoring.desk.filters import StartingFilter
from monitoring.desk.pages import Fixed, list_url, row_url
from monitoring.models import TaskRun
from monitoring.services import running

State = TaskRun.State
BAD = (State.FAILED, State.ERRORED, State.LOST)
OVER = (State.SUCCEEDED, State.CANCELLED, *BAD)


class RunsToSee(StartingFilter):
    title = "show"
    options = {
        "needs": (
            "Live, or failed within a day",
            lambda now: (
                Q(state__in=TaskRun.LIVE)
                | Q(state__in=BAD, created_at__gte=now - timedelta(days=1))
            ),
        ),
        "live": ("Queued or running", lambda now: Q(state__in=TaskRun.LIVE)),
        "bad": ("Failed, errored or lost", lambda now: Q(state__in=BAD)),
    }


def cancel(asked: Asked) -> Done:
    for run in asked.rows:
        running.cancel_run(run_id=run.pk, actor=asked.actor, now=asked.now)
    return Done("Asked to stop." if len(asked.rows) == 1 else f"Asked {len(asked.rows)} to stop.")


def retry(asked: Asked) -> Done:
    runs = [
        running.retry_run(run_id=run.pk, actor=asked.actor, now=asked.now, user=asked.user)
        for run in asked.rows
    ]
    text = f"Queued {len(runs)} again." if len(runs) > 1 else "Queued again; this is the new run."
    return Done(text, row_url(runs[0]) if len(runs) == 1 else "")


CANCEL = Action(
    name="cancel",
    title="Cancel",
    permission="monitoring.change_taskrun",
    consequence="A queued run never starts. A running one stops at its next safe point; what it"
    " has finished by then stays done.",
    act=cancel,
    valid=lambda run: run.state in TaskRun.LIVE and run.cancel_requested_at is None,
    invalid="{row} is over, or was asked to stop already.",
    icon="stop_circle",
    is_dangerous=True,
    on=BOTH,
)
RETRY = Action(
    name="retry",
    title="Run again",
    permission="monitoring.add_taskrun",
    consequence="A new run with the same arguments is queued. Work that was finished is found"
    " done and not repeated.",
    act=retry,
    valid=lambda run: run.state in (*BAD, State.CANCELLED),
    invalid="{row} did not fail, so there is nothing to run again.",
    icon="replay",
    on=BOTH,
)


@admin.register(TaskRun)
class TaskRunAdmin(Fixed):
    list_display = (
        "state_chip", "job", "who", "created", "started", "took", "attempts", "message",
    )  # fmt: skip
    list_filter = (
        RunsToSee,
        ("state", ChoicesDropdownFilter),
        ("trigger", ChoicesDropdownFilter),
        ("queue", admin.AllValuesFieldListFilter),
    )
    search_fields = ("task", "actor", "run_key", "worker")
    search_help_text = "Task, who asked, logical time, worker"
    ordering = ("-created_at",)
    desk_actions = (CANCEL, RETRY)
    facts_template = "monitoring/run.html"
    detail_related = ("parent", "user")
    empty_text = (
        "No run is live and none failed within a day. Choose “All” to see those that succeeded,"
        " or start one from Jobs."
    )

    state_chip = columns.state("state")

    @display(description="Job", ordering="task")
    def job(self, run: TaskRun) -> str:
        return chips.two_lines(asking.title(run.task), str(run.pk)[:8])

    @display(description="Asked by", ordering="trigger")
    def who(self, run: TaskRun) -> str:
        return chips.two_lines(run.get_trigger_display(), run.actor)

    created = columns.moment("created_at", "Queued")
    started = columns.moment("started_at", "Started")

    @display(description="Took")
    def took(self, run: TaskRun) -> str:
        return chips.duration(seconds_of(run))

    @display(description="Attempt, worker")
    def attempts(self, run: TaskRun) -> str:
        return chips.two_lines(f"{run.attempt} of {run.max_attempts}", run.worker or "–")

    @display(description="Progress, message")
    def message(self, run: TaskRun) -> str:
        if run.state == State.RUNNING and run.progress_total:
            share = min(100, 100 * run.progress_done // run.progress_total)
            return format_html(
                '<span class="cl-progress cl-bar"><div style="width:{}%"></div></span> {}',
                share,
                run.progress_message or f"{run.progress_done} of {run.progress_total}",
            )
        return chips.clip((run.error or run.progress_message)[:300])

    def tiles(self, request: HttpRequest) -> list[sections.Tile]:
        since = timezone.now() - timedelta(days=1)
        rows = TaskRun.objects.filter(
            Q(state__in=TaskRun.LIVE) | Q(state__in=BAD, created_at__gte=since)
        )
        counts = dict(rows.order_by().values_list("state").annotate(n=Count("pk")))
        failed = sum(counts.get(state, 0) for state in BAD)
        return [
            _tile("Queued", counts.get(State.QUEUED, 0), show="live", state__exact="QUEUED"),
            _tile("Running", counts.get(State.RUNNING, 0), show="live", state__exact="RUNNING"),
            _tile("Failed within a day", failed, "bad" if failed else "", show="needs"),
        ]

    def badges(self, run: TaskRun) -> list[Any]:
        badges = [chips.state(run.state, run.get_state_display())]
        if run.is_dry_run:
            badges.append(chips.chip("Dry run", "note", "science"))
        if run.cancel_requested_at and run.state in TaskRun.LIVE:
            badges.append(chips.chip("Asked to stop", "warn", "stop_circle"))
        return badges

    def detail_context(self, request: HttpRequest, run: TaskRun) -> dict[str, Any]:
        return {
            **super().detail_context(request, run),
            "title": f"{asking.title(run.task)} · {str(run.pk)[:8]}",
            "run": run,
            "is_over": run.state in OVER,
            "took": chips.duration(seconds_of(run)),
            "live_url": reverse("admin:monitoring_taskrun_live", args=[run.pk]),
            "share": _share(run),
        }

    def parts(self, request: HttpRequest, run: TaskRun) -> list[sections.Section]:
        return run_sections(run)

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.live_view)
        return [
            path("<uuid:run_id>/live/", view, name="monitoring_taskrun_live"),
            *super().get_urls(),
        ]

    def live_view(self, request: HttpRequest, run_id: Any) -> HttpResponse:
        """Answer the moving part of a run's page; "X-Live: over" ends the asking."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        run = self.get_object(request, str(run_id))
        if run is None:
            raise Http404
        answer = render(request, "monitoring/run_live.html", self.detail_context(request, run))
        if run.state in OVER:
            answer["X-Live"] = "over"
        return answer


def run_sections(run: TaskRun) -> list[sections.Section]:
    """Return a run's facts, failure first where it failed, and what hangs on it."""
    parts: list[sections.Section] = []
    if run.error:
        parts.append(sections.Text("Error", run.error, tone="bad"))
    if run.traceback:
        parts.append(sections.Text("Traceback", run.traceback, tone="bad"))
    parts += [_facts(run), _timeline(run)]
    none = [("None", "")]
    parts.append(sections.Facts("Arguments", list(run.arguments.items()) or none))
    result = run.result if isinstance(run.result, dict) else {"result": run.result}
    parts.append(sections.Facts("Result", list(result.items()) if run.result else none))
    return [*parts, *_linked(run)]


def _facts(run: TaskRun) -> sections.Facts:
    return sections.Facts(
        "Facts",
        [
            ("Task", run.task),
            ("Queue", run.queue),
            ("Asked by", f"{run.get_trigger_display()} · {run.actor}"),
            ("Logical time", run.run_key),
            ("Attempt", f"{run.attempt} of {run.max_attempts}"),
            ("Worker", run.worker),
            ("Started by run", run.parent),
            ("Only one at a time", run.singleton_key),
        ],
    )


def _timeline(run: TaskRun) -> sections.Facts:
    waited = (run.started_at - run.created_at).total_seconds() if run.started_at else None
    return sections.Facts(
        "Timeline",
        [
            ("Queued", run.created_at),
            ("Not before", run.not_before),
            ("Published", run.published_at),
            ("Started", run.started_at),
            ("Asked to stop", run.cancel_requested_at),
            ("Finished", run.finished_at),
            ("Waited", chips.duration(waited)),
            ("Took", chips.duration(seconds_of(run))),
        ],
    )


def _linked(run: TaskRun) -> list[sections.Section]:
    children = list(run.children.order_by("created_at")[:50])
    incidents = list(run.incident_set.order_by("-opened_at")[:20])
    linked: list[sections.Section] = []
    if children:
        rows = [
            (chips.state(c.state, c.get_state_display()), chips.link(c), c.created_at, c.error[:80])
            for c in children
        ]
        linked.append(sections.Table("Runs it started", ("State", "Run", "Queued", "Error"), rows))
    if incidents:
        found = [
            (chips.severity(i.severity), chips.state(i.state), chips.link(i), i.opened_at)
            for i in incidents
        ]
        headers = ("Severity", "State", "Incident", "Opened")
        linked.append(sections.Table("Incidents", headers, found))
    return linked


def seconds_of(run: TaskRun) -> float | None:
    """Return how long a run took, or has been taking."""
    if run.started_at is None:
        return None
    return ((run.finished_at or timezone.now()) - run.started_at).total_seconds()


def _share(run: TaskRun) -> int | None:
    if not run.progress_total:
        return None
    return min(100, round(100 * run.progress_done / run.progress_total))


def _tile(label: str, n: int, tone: str = "", **query: object) -> sections.Tile:
    return sections.Tile(label, n, list_url(TaskRun, **query), tone)
