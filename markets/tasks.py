"""Doors for the schedule and for whoever asks for a run; each hands on to one service."""

from datetime import date, timedelta

from django.db import transaction
from django.utils import timezone

from markets import queries
from markets.services import closing, ingesting, partitions, simulating, sources
from monitoring.domain.progress import RunHandle
from monitoring.models import TaskRun
from monitoring.recorded import recorded_task
from monitoring.services import running

SIMULATED_PRICES_KEPT = timedelta(hours=6)  # after this, matches keep only what is needed again


@recorded_task(
    title="Read a source",
    permission="markets.change_source",
    arguments={
        "source": "the source's code",
        "path": "a file or folder on the worker's machine; empty: the source's own location",
        "url": "an http or https address",
        "since": "leave out events before this day (YYYY-MM-DD)",
        "dry_run": "count and write nothing",
    },
    soft_time_limit=900,
    time_limit=930,
)
def ingest(
    run: RunHandle,
    *,
    source: str,
    path: str | None = None,
    url: str | None = None,
    since: str | None = None,
    dry_run: bool = False,
) -> dict[str, object]:
    """Read a source now.  What is known already changes nothing."""
    report = ingesting.ingest(
        source_code=source,
        path=path or None,
        url=url or None,
        since=date.fromisoformat(since) if since else None,
        dry_run=dry_run,
        actor=run.asked_by,
        now=timezone.now(),
        progress=run,
    )
    return {**report, "problems": len(report["problems"])}


@recorded_task(
    title="Read the sources that are due", permission="markets.change_source", singleton=True
)
def ingest_due_sources(run: RunHandle) -> dict[str, object]:
    """Ask for a run of each source whose cadence has passed."""
    now = timezone.now()
    sources.ensure_default_sources(now=now)
    asked = []
    for source in queries.sources_due(now=now):
        with transaction.atomic():
            child = running.request_run(
                task="markets.tasks.ingest",
                arguments={"source": source.code},
                trigger=TaskRun.Trigger.TASK,
                actor=run.actor,
                now=now,
                parent=TaskRun.objects.filter(pk=run.run_id).first(),
                run_key=f"ingest:{source.code}@{source.last_attempt_at}",
            )
        asked.append({"source": source.code, "run": str(child.pk)})
    return {"asked": asked}


@recorded_task(
    title="Record closing prices",
    permission="markets.change_event",
    singleton=True,
    soft_time_limit=270,
    time_limit=300,
)
def record_closes(run: RunHandle) -> dict[str, object]:
    """Record opening and closing prices of events that have started."""
    now = timezone.now()
    return {"events": closing.record_closes(as_of=now, now=now, progress=run)}


@recorded_task(
    title="Move the simulated league on", permission="markets.change_event", singleton=True
)
def simulate_tick(run: RunHandle) -> dict[str, object]:
    """Record what became due in the simulated league."""
    return dict(simulating.tick(now=timezone.now()))


@recorded_task(
    title="Look after the price history", permission="markets.change_event", singleton=True
)
def keep_prices(run: RunHandle) -> dict[str, object]:
    """Make the coming months' partitions, and thin out simulated prices of past matches."""
    now = timezone.now()
    return {
        "partitions": partitions.ensure_ahead(now=now),
        "retired": simulating.retire(now=now, keep=SIMULATED_PRICES_KEPT),
    }
