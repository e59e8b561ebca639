"""Is the installation well?  For the health pages, the commands and the dashboard."""

import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor

from monitoring import queries, registry, thresholds
from monitoring.domain.findings import Severity
from monitoring.domain.thresholds import Threshold, declare
from monitoring.models import CheckState, Heartbeat
from monitoring.services import beating, broker, checking, outcomes

BEAT_SILENT_AFTER = declare(
    "monitoring.beat-silent-after", 30, "s",
    "Beat, which starts every job, counts as down when its last sign is older than this.",
    lowest=15, highest=3_600,
)  # fmt: skip
LOW_DISK = declare(
    "monitoring.disk-low", 10, "GiB",
    "With less room on the disk than this the health check warns.",
    lowest=0.1, highest=100_000,
)  # fmt: skip
NO_DISK = declare(
    "monitoring.disk-out", 1, "GiB",
    "With less room on the disk than this the health check fails.",
    lowest=0.1, highest=100_000,
)  # fmt: skip
OK, WARNING, FAILED = "OK", "WARNING", "FAILED"
GRAVE = (Severity.P0, Severity.P1)


@dataclass(frozen=True, slots=True)
class Examined:
    """One thing looked at: how it is, and what was seen."""

    name: str
    status: str
    detail: str


def readiness(now: datetime) -> dict[str, Any]:
    """Tell whether this process can serve: its database answers and has every table.

    Broker, workers and beat are told beside it, but the pages stand without them.
    """
    parts = [_examine(name, look, now) for name, look in (("database", _database), *OUTER)]
    return {
        "ready": parts[0].status == OK,
        "parts": {part.name: {"status": part.status, "detail": part.detail} for part in parts},
    }


def overview(now: datetime) -> dict[str, Any]:
    """Return how engines, workers, beat, queues and incidents are, in plain data."""
    parts = [_examine(name, look, now) for name, look in (("database", _database), *OUTER)]
    report: dict[str, Any] = {part.name: asdict(part) for part in parts}
    if parts[0].status == FAILED:
        return {**report, "queues": [], "incidents": {}, "status": FAILED}
    report["queues"] = [
        {
            "queue": state.queue,
            "waiting": state.waiting,
            "running": state.running,
            "oldest_seconds": round(state.oldest_age(now).total_seconds(), 1),
        }
        for state in queries.queue_states(now=now)
    ]
    report |= {name: list(rows(now)) for name, rows in sorted(registry.tables.items())}
    severities = list(queries.open_incidents().values_list("severity", flat=True))
    report["incidents"] = {name: severities.count(name) for name in sorted(set(severities))}
    grave = any(severity in GRAVE for severity in severities)
    report["status"] = _worst([*(part.status for part in parts), WARNING if severities else OK])
    report["status"] = FAILED if grave else report["status"]
    return report


def examine_all(now: datetime) -> list[Examined]:
    """Look at everything: the basics, then every registered check, whichever of them breaks."""
    basics = (("database", _database), *OUTER, ("disk", _disk))
    found = [_examine(name, look, now) for name, look in basics]
    if found[0].status == FAILED:
        return found
    return [*found, *(_registered(kind, now) for kind in sorted(registry.checks))]


def worst(examined: list[Examined]) -> str:
    """Return the worst status among what was looked at."""
    return _worst([part.status for part in examined])


def _worst(statuses: list[str]) -> str:
    return max(statuses, key=(OK, WARNING, FAILED).index, default=OK)


def _registered(kind: str, now: datetime) -> Examined:
    """Run one registered check now; its incidents open and close as they do on schedule."""
    outcome = checking.run_check(kind=kind, now=now)
    if outcome.broken:
        return Examined(kind, FAILED, CheckState.objects.get(kind=kind).error)
    if not outcome.findings:
        return Examined(kind, OK, "nothing found")
    rows = list(queries.open_incidents().filter(kind=kind).values_list("severity", "summary"))
    grave = any(severity in GRAVE for severity, _ in rows)
    detail = "; ".join(summary for _, summary in rows[:3])
    return Examined(kind, FAILED if grave else WARNING, f"{outcome.findings} found: {detail}")


Look = Callable[[datetime], tuple[str, str]]


def _examine(name: str, look: Look, now: datetime) -> Examined:
    """Look at one thing; what raises has failed, and the others are looked at all the same."""
    try:
        status, detail = look(now)
    except Exception as fault:
        status, detail = FAILED, outcomes.presentable(f"{type(fault).__name__}: {fault}")
    return Examined(name, status, detail)


def _database(now: datetime) -> tuple[str, str]:
    try:
        with connection.cursor() as cursor:
            cursor.execute("select current_setting('server_version'), pg_is_in_recovery()")
            version, is_standby = cursor.fetchone()
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except Error as error:
        return FAILED, f"PostgreSQL does not answer: {outcomes.presentable(str(error))}"
    if is_standby:
        return FAILED, f"PostgreSQL {version} is a standby: it takes no writes"
    if missing:
        return FAILED, f"{len(missing)} migrations are not applied, first {missing[0][0]}"
    return OK, f"PostgreSQL {version}"


def _broker(now: datetime) -> tuple[str, str]:
    state = broker.look()
    if not state.reachable:
        return FAILED, state.problems[0]
    if state.problems:
        return FAILED, "; ".join(state.problems)
    return OK, f"{state.version}, {sum((state.depths or {}).values())} messages waiting"


def _workers(now: datetime) -> tuple[str, str]:
    alive = queries.workers(now=now)
    if not alive:
        return FAILED, f"no worker has given a sign for {_words(queries.WORKER_SILENT_AFTER)}"
    return OK, ", ".join(heart.name.removeprefix(beating.WORKER) for heart in alive)


def _words(threshold: Threshold) -> str:
    return threshold.in_words(thresholds.value(threshold))


def _beat(now: datetime) -> tuple[str, str]:
    heart = Heartbeat.objects.filter(name=beating.BEAT).first()
    if heart is None:
        return FAILED, "beat has never given a sign"
    silent = max(now - heart.at, timedelta(0))
    text = f"last sign {silent.total_seconds():.0f} s ago"
    return (FAILED if silent > thresholds.span(BEAT_SILENT_AFTER) else OK), text


def _disk(now: datetime) -> tuple[str, str]:
    free = shutil.disk_usage(settings.CLOSINGLINE_HOME).free / 1024**3
    least, little = thresholds.value(NO_DISK), thresholds.value(LOW_DISK)
    status = FAILED if free < least else WARNING if free < little else OK
    return status, f"{free:.1f} GiB free for {settings.CLOSINGLINE_HOME.name}"


OUTER: tuple[tuple[str, Look], ...] = (
    ("broker", _broker),
    ("workers", _workers),
    ("beat", _beat),
)
