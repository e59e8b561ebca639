"""Doors for the schedule and for whoever asks for a run; each hands on to one service."""

from datetime import date, timedelta

from django.db import transaction
from django.utils import timezone

from markets import queries
from markets.services import (
    closing,
    ingesting,
    parking,
    partitions,
    qualifying,
    replaying_archive,
    retiring,
    simulating,
    simulating_sports,
    sources,
)
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
    title="Move the simulated leagues on", permission="markets.change_event", singleton=True
)
def simulate_tick(run: RunHandle) -> dict[str, object]:
    """Record what became due in the simulated leagues."""
    return dict(simulating_sports.tick(now=timezone.now()))


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


@recorded_task(
    title="Retire what is kept long enough",
    permission="markets.change_retentionpolicy",
    arguments={"dry_run": "say what would be retired and touch nothing"},
    singleton=True,
    soft_time_limit=3_000,
    time_limit=3_300,
)
def retire_prices(run: RunHandle, *, dry_run: bool = False) -> dict[str, object]:
    """Export old months to Parquet and drop them; forget old payloads and problems."""
    now = timezone.now()
    return dict(retiring.retire_due(now=now, actor=run.actor, dry_run=dry_run, progress=run))


@recorded_task(
    title="Begin the simulated leagues of other sports", permission="markets.change_source"
)
def simulate_leagues(run: RunHandle) -> dict[str, object]:
    """Begin football, basketball, races and a cup beside the simulated soccer league."""
    return dict(simulating_sports.found_leagues(now=timezone.now(), actor=run.actor))


@recorded_task(
    title="Let the simulated feed fail now and then",
    permission="markets.change_source",
    arguments={"on": "yes: it falls silent for a while now and then; no: it never does"},
)
def simulate_chaos(run: RunHandle, *, on: bool) -> dict[str, object]:
    """Switch the simulated feed's outages on or off."""
    changed = simulating_sports.set_chaos(on=on, actor=run.actor, now=timezone.now())
    return {"chaos": on, "changed": changed}


@recorded_task(
    title="Replay a source's archive",
    permission="markets.change_source",
    arguments={
        "source": "the source's code",
        "since": "first day (UTC, YYYY-MM-DD)",
        "until": "last day (UTC, YYYY-MM-DD)",
        "rewrite": "keep what came of it; otherwise it is compared alone",
    },
    max_attempts=1,
    soft_time_limit=3_000,
    time_limit=3_300,
)
def replay_archive(
    run: RunHandle, *, source: str, since: str, until: str, rewrite: bool = False
) -> dict[str, object]:
    """Read archived payloads again and compare the prices that come of them."""
    return replaying_archive.replay(
        source_code=source,
        since=date.fromisoformat(since),
        until=date.fromisoformat(until),
        rewrite=rewrite,
        actor=run.asked_by,
        now=timezone.now(),
        progress=run,
    )


@recorded_task(
    title="Load waiting rows",
    permission="markets.change_unknownname",
    arguments={
        "names": "numbers of the names to load what waits for; none: all of it",
        "source": "its code; none: all sources",
    },
)
def load_parked(
    run: RunHandle, *, names: list[int] | None = None, source: str | None = None
) -> dict[str, object]:
    """Read the records that wait for a name or an event again from their payloads."""
    return dict(
        parking.load_parked(
            name_ids=names, source_code=source, actor=run.actor, now=timezone.now(), progress=run
        )
    )


@recorded_task(
    title="Look for flaws in the data",
    permission="markets.change_qualityfinding",
    arguments={
        "rules": "kinds of flaws; none: all of them",
        "everything": "events however long they are over; else those of the last 14 days",
    },
    singleton=True,
    max_attempts=1,
    soft_time_limit=540,
    time_limit=570,
)
def look_for_flaws(
    run: RunHandle, *, rules: list[str] | None = None, everything: bool = False
) -> dict[str, object]:
    """Judge prices, events and seasons by every rule; open and close findings."""
    now = timezone.now()
    looked = qualifying.look(
        as_of=now,
        now=now,
        rules=rules,
        since=None if everything else now - qualifying.LOOKED_BACK,
        progress=run,
    )
    looked.raise_if_failed()
    return looked.as_dict()
