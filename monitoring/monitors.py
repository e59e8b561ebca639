"""What monitoring knows of itself: the queue, beat and the timetable."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from django.db.models import Count
from django.utils import timezone

from monitoring import queries, registry, thresholds
from monitoring.domain.findings import Finding, Severity
from monitoring.domain.thresholds import declare
from monitoring.models import Heartbeat, TaskRun
from monitoring.registry import Sample
from monitoring.services import beating, broker, health, timetable

STALLED_AFTER = declare(
    "monitoring.queue-stalled-after", 2, "min",
    "A queue whose oldest run waits longer than this while none begins opens an incident.",
    lowest=0.5, highest=1_440,
)  # fmt: skip
MONEY = ("execute", "settle")  # queues whose standstill costs money


@registry.check("monitoring.beat-down", every=timedelta(seconds=15))
def beat_down(now: datetime) -> Iterable[Finding]:
    heart = Heartbeat.objects.filter(name=beating.BEAT).first()
    if heart is None:
        yield Finding(Severity.P1, "Beat has never given a sign: nothing runs by itself")
    elif now - heart.at > thresholds.span(health.BEAT_SILENT_AFTER):
        yield Finding(Severity.P1, f"Beat gave its last sign at {heart.at:%Y-%m-%d %H:%M:%S} UTC")


@registry.check("monitoring.job-missed", every=timedelta(seconds=15))
def job_missed(now: datetime) -> Iterable[Finding]:
    for slot in timetable.missed(now=now):
        yield Finding(
            Severity.P2,
            f"{slot.name} ({slot.timetable}) was due at {slot.next_at:%Y-%m-%d %H:%M:%S} UTC"
            " and has not been asked for",
            subject=f"job:{slot.name}",
        )


@registry.check("monitoring.queue-stalled", every=timedelta(seconds=30))
def queue_stalled(now: datetime) -> Iterable[Finding]:
    longest = thresholds.span(STALLED_AFTER)
    for state in queries.queue_states(now=now):
        waited = state.oldest_age(now)
        began = state.latest_started_at
        if waited > longest and (began is None or now - began > longest):
            yield Finding(
                Severity.P1 if state.queue in MONEY else Severity.P2,
                f"{state.waiting} runs wait in {state.queue}, the oldest for"
                f" {waited.total_seconds():.0f} s, and none has begun",
                subject=f"queue:{state.queue}",
            )


@registry.panel("queue", title="Queue", template="monitoring/panel_queue.html", order=80, width=6)
def queue_panel(now: datetime) -> Mapping[str, object]:
    return {
        "queues": queries.queue_states(now=now),
        "live": queries.live_runs()[:10],
        "recent": queries.recent_runs()[:10],
        "workers": queries.workers(now=now),
        "beat": Heartbeat.objects.filter(name=beating.BEAT).first(),
        "now": now,
    }


@registry.panel(
    "incidents", title="Open incidents", template="monitoring/panel_incidents.html", order=10
)
def incident_panel(now: datetime) -> Mapping[str, object]:
    found = queries.open_incidents()
    return {"incidents": found[:20], "count": found.count(), "now": now}


@registry.gauge("runs", help="Run rows by task and state")
def run_samples() -> Iterable[Sample]:
    rows = TaskRun.objects.values_list("task", "state").annotate(Count("pk")).order_by()
    return [({"task": task, "state": state}, count) for task, state, count in rows]


@registry.gauge("runs_finished_last_hour", help="Runs that ended within an hour, by task and state")
def finished_samples() -> Iterable[Sample]:
    since = timezone.now() - timedelta(hours=1)
    rows = (
        TaskRun.objects.filter(finished_at__gte=since, created_at__gte=since - timedelta(hours=1))
        .values_list("task", "state")
        .annotate(Count("pk"))
        .order_by()
    )
    return [({"task": task, "state": state}, count) for task, state, count in rows]


@registry.gauge("queue_waiting", help="Runs that wait, by queue")
def waiting_samples() -> Iterable[Sample]:
    states = queries.queue_states(now=timezone.now())
    return [({"queue": state.queue}, state.waiting) for state in states]


@registry.gauge("queue_running", help="Runs that work, by queue")
def running_samples() -> Iterable[Sample]:
    states = queries.queue_states(now=timezone.now())
    return [({"queue": state.queue}, state.running) for state in states]


@registry.gauge("queue_oldest_seconds", help="Age of the oldest run that may begin, by queue")
def age_samples() -> Iterable[Sample]:
    now = timezone.now()
    return [
        ({"queue": state.queue}, state.oldest_age(now).total_seconds())
        for state in queries.queue_states(now=now)
    ]


@registry.gauge("broker_messages", help="Messages that the broker holds, by queue")
def message_samples() -> Iterable[Sample]:
    return [({"queue": queue}, depth) for queue, depth in (broker.depths() or {}).items()]


@registry.gauge("incidents_open", help="Open incidents, by severity")
def incident_samples() -> Iterable[Sample]:
    found = Counter(queries.open_incidents().values_list("severity", flat=True))
    return [({"severity": severity.value}, found[severity.value]) for severity in Severity]


@registry.gauge("heartbeat_age_seconds", help="Time since beat and each worker gave a sign")
def heartbeat_samples() -> Iterable[Sample]:
    now = timezone.now()
    recent = Heartbeat.objects.filter(at__gt=now - timedelta(days=1))
    return [({"name": heart.name}, (now - heart.at).total_seconds()) for heart in recent]
