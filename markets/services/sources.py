"""The sources that this product knows, and what became of a look at one."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F

from markets.models import Source

DEFAULTS: dict[str, dict[str, object]] = {
    "football_data": {
        "name": "football-data.co.uk",
        "creates_names": True,
        "cadence_seconds": int(timedelta(hours=12).total_seconds()),
    },
}


def ensure_default_sources(*, now: datetime) -> None:
    """Make the sources that are missing; those that stand are left as their operators set them.

    The simulator's is made by the simulator itself, when its league is founded.
    """
    found = set(Source.objects.filter(code__in=DEFAULTS).values_list("code", flat=True))
    locations = {"football_data": settings.ENVIRONMENT.football_data_url}
    Source.objects.bulk_create(
        [
            Source(code=code, location=locations.get(code, ""), **DEFAULTS[code])
            for code in DEFAULTS
            if code not in found
        ],
        ignore_conflicts=True,
    )


def note_success(*, source: Source, now: datetime) -> None:
    """Write down that the source could be read."""
    Source.objects.filter(pk=source.pk).update(
        last_attempt_at=now, last_success_at=now, failures_in_a_row=0
    )


def note_failure(*, source: Source, now: datetime) -> None:
    """Write down that the source could not be read."""
    Source.objects.filter(pk=source.pk).update(
        last_attempt_at=now, failures_in_a_row=F("failures_in_a_row") + 1
    )
