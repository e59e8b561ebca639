"""Make the queue move although messages get lost, workers die and beat stops.

Runs in every worker's main process, apart from beat and from the broker; one at a time does
the work, under an advisory lock that goes with its connection.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import connection
from django.db.models import Count, F, Q, QuerySet
from django.db.models.functions import Coalesce

from monitoring.models import TaskRun
from monitoring.services import beating, broker, checking, publishing, recovering

SWEEP_LOCK = 0x5357_4545_5052  # "SWEEPR"
MOST_AT_ONCE = 2000
WATCHED = ("monitoring.beat-down", "monitoring.job-missed", "monitoring.queue-stalled")


@dataclass(frozen=True, slots=True)
class Swept:
    published: int = 0
    queued_again: int = 0
    given_up: int = 0
    findings: int = 0
    was_mine: bool = True  # False: another worker was sweeping


def sweep(*, worker: str, now: datetime, watch: bool = True) -> Swept:
    """Show this worker alive; then, if no other is at it, do one round.

    ``watch`` is False while everything has just been started: beat is given time to come.
    """
    beating.beat_heart(name=f"{beating.WORKER}{worker}", now=now)
    with connection.cursor() as cursor:
        cursor.execute("select pg_try_advisory_lock(%s)", [SWEEP_LOCK])
        if not cursor.fetchone()[0]:
            return Swept(was_mine=False)
    try:
        recovered = recovering.recover_lost(now=now)
        published = publish_again(now=now)
        findings = checking.run_due(now=now, kinds=WATCHED).findings if watch else 0
    finally:
        with connection.cursor() as cursor:
            cursor.execute("select pg_advisory_unlock(%s)", [SWEEP_LOCK])
    return Swept(
        published=published,
        queued_again=recovered.queued_again,
        given_up=recovered.given_up,
        findings=findings,
    )


def publish_again(*, now: datetime) -> int:
    """Publish the waiting runs whose message was never sent, or must have been lost.

    Runs that were put off, or asked for while the broker was away, are sent as soon as they
    are due.  Of those sent before, a queue gets at most as many again as it has fewer
    messages than waiting runs: an honest backlog is not doubled every few seconds.
    """
    at_once = Q(published_at=None) & (
        Q(not_before__isnull=False) | Q(created_at__lte=now - settings.SWEEP_EVERY)
    )
    long_ago = Q(published_at__lte=now - settings.PUBLISH_AGAIN_AFTER)
    waiting = TaskRun.objects.filter(state=TaskRun.State.QUEUED).filter(
        Q(not_before=None) | Q(not_before__lte=now)
    )
    candidates = list(
        waiting.filter(at_once | long_ago)
        .order_by(Coalesce(F("published_at"), F("created_at")), "pk")
        .only("pk", "task", "queue", "published_at")[:MOST_AT_ONCE]
    )
    if not candidates or (depths := broker.depths()) is None:
        return 0
    chosen = _lacking(candidates, waiting_by_queue=_count(waiting), depths=depths)
    sent = publishing.publish([(run.pk, run.task, run.queue) for run in chosen])
    ids = [run.pk for run in chosen[:sent]]
    TaskRun.objects.filter(pk__in=ids, state=TaskRun.State.QUEUED).update(published_at=now)
    return sent


def _lacking(
    candidates: Sequence[TaskRun], *, waiting_by_queue: dict[str, int], depths: dict[str, int]
) -> list[TaskRun]:
    """Return the runs to send: all that were never sent, and as many others as lack a message."""
    chosen = [run for run in candidates if run.published_at is None]
    room = {queue: count - depths.get(queue, 0) for queue, count in waiting_by_queue.items()}
    for run in chosen:
        room[run.queue] = room.get(run.queue, 0) - 1
    for run in candidates:
        if run.published_at is not None and room.get(run.queue, 0) > 0:
            room[run.queue] -= 1
            chosen.append(run)
    return chosen


def _count(waiting: QuerySet[TaskRun]) -> dict[str, int]:
    rows = waiting.values("queue").annotate(n=Count("pk")).order_by("queue")
    return {row["queue"]: row["n"] for row in rows}
