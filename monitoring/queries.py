"""What the queue, the desk and the health pages read."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, Max, Min, Q, QuerySet
from django.db.models.functions import Greatest

from monitoring import thresholds
from monitoring.domain.thresholds import declare
from monitoring.models import AuditEntry, Heartbeat, Incident, TaskRun

WORKER_SILENT_AFTER = declare(
    "monitoring.worker-silent-after", 60, "s",
    "A worker whose last sign is older than this counts as gone.",
    lowest=30, highest=3_600,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class QueueState:
    """One queue: what waits, what works, and when it last began something."""

    queue: str
    waiting: int
    running: int
    oldest_waiting_at: datetime | None  # since when it could have begun
    latest_started_at: datetime | None

    def oldest_age(self, now: datetime) -> timedelta:
        """Return how long the oldest run that may begin has waited, 0 where none does."""
        return now - self.oldest_waiting_at if self.oldest_waiting_at else timedelta(0)


def open_incidents() -> QuerySet[Incident]:
    """Return what is wrong now, the gravest and oldest first."""
    return Incident.objects.filter(resolved_at=None).order_by("severity", "opened_at")


def recent_runs(*, with_idle: bool = False) -> QuerySet[TaskRun]:
    """Return runs, the newest first; idle ones of the schedule only when asked for."""
    runs = TaskRun.objects.order_by("-created_at")
    return runs if with_idle else runs.exclude(result__idle=True)


def live_runs() -> QuerySet[TaskRun]:
    """Return what waits or works, the oldest first."""
    return TaskRun.objects.filter(state__in=TaskRun.LIVE).order_by("created_at")


def queue_states(*, now: datetime) -> list[QueueState]:
    """Return the state of every queue, in the order of the settings.

    A run that was put off waits only from its time on.
    """
    may_begin = Q(state=TaskRun.State.QUEUED) & (Q(not_before=None) | Q(not_before__lte=now))
    rows: dict[str, Mapping[str, object]] = {
        row["queue"]: row
        for row in TaskRun.objects.filter(state__in=TaskRun.LIVE)
        .values("queue")
        .annotate(
            waiting=Count("pk", filter=Q(state=TaskRun.State.QUEUED)),
            running=Count("pk", filter=Q(state=TaskRun.State.RUNNING)),
            oldest=Min(Greatest("created_at", "not_before"), filter=may_begin),
        )
        .order_by("queue")
    }
    started = dict(
        TaskRun.objects.filter(started_at__gte=now - timedelta(hours=1))
        .values_list("queue")
        .annotate(Max("started_at"))
        .order_by("queue")
    )
    return [
        QueueState(
            queue=queue,
            waiting=rows.get(queue, {}).get("waiting", 0),  # type: ignore[arg-type]
            running=rows.get(queue, {}).get("running", 0),  # type: ignore[arg-type]
            oldest_waiting_at=rows.get(queue, {}).get("oldest"),  # type: ignore[arg-type]
            latest_started_at=started.get(queue),
        )
        for queue in settings.QUEUES
    ]


def workers(*, now: datetime) -> list[Heartbeat]:
    """Return the workers that gave a sign lately."""
    since = now - thresholds.span(WORKER_SILENT_AFTER)
    return list(Heartbeat.objects.filter(name__startswith="worker:", at__gt=since).order_by("name"))


def audit_entries(*, since: datetime | None = None) -> QuerySet[AuditEntry]:
    """Return the audit in the order of writing, from a moment on or all of it."""
    entries = AuditEntry.objects.order_by("pk")
    return entries.filter(at__gte=since) if since else entries
