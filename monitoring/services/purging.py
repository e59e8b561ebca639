"""Keep the run table bounded."""

from datetime import datetime

from django.conf import settings
from django.db.models import Exists, OuterRef, Q

from monitoring.models import Incident, ScheduledJob, TaskRun

BATCH = 5000


def purge_runs(*, now: datetime, limit: int = 500_000) -> int:
    """Delete ended runs past their time, idle ones sooner; return how many.

    Live runs stay, and so do those that an incident, a scheduled job or a younger run names.
    """
    old = Q(finished_at__lt=now - settings.RUN_RETENTION)
    idle = Q(finished_at__lt=now - settings.IDLE_RUN_RETENTION, result__idle=True)
    due = (
        TaskRun.objects.exclude(state__in=TaskRun.LIVE)
        .filter(old | idle)
        .exclude(Exists(Incident.objects.filter(run=OuterRef("pk"))))
        .exclude(Exists(ScheduledJob.objects.filter(latest_run=OuterRef("pk"))))
        .exclude(Exists(TaskRun.objects.filter(parent=OuterRef("pk"))))
        .order_by("created_at")
    )
    deleted = 0
    while deleted < limit:
        ids = list(due.values_list("pk", flat=True)[: min(BATCH, limit - deleted)])
        if not ids:
            break
        deleted += TaskRun.objects.filter(pk__in=ids).delete()[0]
    return deleted
