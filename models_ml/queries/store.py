"""How the store fares: what is damaged, and how long ago it was filled."""

from datetime import datetime, timedelta

from django.db.models import QuerySet

from models_ml.models import EtlRun, StoreFile

LATE = timedelta(hours=26)  # a night was missed


def damaged_parts() -> QuerySet[StoreFile]:
    """Return the parts that are not what was written."""
    return StoreFile.objects.filter(state=StoreFile.State.DAMAGED).order_by("part")


def latest_runs() -> list[EtlRun]:
    """Return the last filling of each shelf that came to its end."""
    rows = (
        EtlRun.objects.exclude(finished_at=None)
        .select_related("sport")
        .order_by("sport_id", "is_simulated", "-began_at", "-pk")
        .distinct("sport_id", "is_simulated")
    )
    return list(rows)


def late_runs(*, now: datetime) -> list[EtlRun]:
    """Return the last filling of each shelf that should have been filled again by now."""
    return [run for run in latest_runs() if run.watermark < now - LATE]
