from dataclasses import asdict
from typing import Any

from django.utils import timezone

from monitoring.domain.progress import RunHandle
from monitoring.recorded import recorded_task
from monitoring.services import checking, purging


@recorded_task(
    title="Run the checks that are due", permission="monitoring.change_checkstate", singleton=True
)
def run_checks(run: RunHandle) -> dict[str, Any]:
    return asdict(checking.run_due(now=timezone.now()))


@recorded_task(
    title="Delete old runs",
    permission="monitoring.delete_taskrun",
    arguments={"limit": "the most to delete"},
    singleton=True,
)
def purge_runs(run: RunHandle, *, limit: int = 500_000) -> dict[str, Any]:
    return {"deleted": purging.purge_runs(now=timezone.now(), limit=limit)}
