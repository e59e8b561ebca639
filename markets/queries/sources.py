"""How the sources fare."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count

from markets.models import Fetch, FetchProblem, Source

#: A source is stale when it was last read this many cadences ago.
STALE_AFTER = 3
#: After a failure a source is asked again this soon, then after twice as long, and so on.
FIRST_RETRY = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """How a source fares: ``is_stale`` when its last success is older than three cadences."""

    pk: int
    code: str
    name: str
    is_enabled: bool
    disabled_reason: str
    is_simulated: bool
    location: str
    cadence_seconds: int
    last_success_at: datetime | None
    last_attempt_at: datetime | None
    failures_in_a_row: int
    age_seconds: float | None
    is_stale: bool

    @property
    def is_read(self) -> bool:
        """Say whether it is read on schedule."""
        return self.is_enabled and bool(self.location)

    @property
    def needs_a_look(self) -> bool:
        return self.is_enabled and (self.is_stale or self.failures_in_a_row > 0)

    def as_dict(self) -> dict[str, Any]:
        """Return it ready for JSON."""
        moments = {
            name: value.isoformat() if value is not None else None
            for name, value in (
                ("last_success_at", self.last_success_at),
                ("last_attempt_at", self.last_attempt_at),
            )
        }
        fields = {name: getattr(self, name) for name in self.__slots__ if name != "pk"}
        return fields | moments | {"needs_a_look": self.needs_a_look}


def source_health(*, now: datetime) -> list[SourceHealth]:
    """Return how every source fares, the real ones first."""
    return [_health(source, now) for source in Source.objects.order_by("is_simulated", "code")]


def _health(source: Source, now: datetime) -> SourceHealth:
    age = None if source.last_success_at is None else now - source.last_success_at
    is_read = source.is_enabled and bool(source.location)
    longest = STALE_AFTER * timedelta(seconds=source.cadence_seconds)
    return SourceHealth(
        pk=source.pk,
        code=source.code,
        name=str(source),
        is_enabled=source.is_enabled,
        disabled_reason=source.disabled_reason,
        is_simulated=source.is_simulated,
        location=source.location,
        cadence_seconds=source.cadence_seconds,
        last_success_at=source.last_success_at,
        last_attempt_at=source.last_attempt_at,
        failures_in_a_row=source.failures_in_a_row,
        age_seconds=None if age is None else age.total_seconds(),
        is_stale=is_read
        and (age > longest if age is not None else source.last_attempt_at is not None),
    )


def sources_due(*, now: datetime) -> list[Source]:
    """Return the sources to be read now; one that fails is asked less often with each failure."""
    read = Source.objects.filter(is_enabled=True, is_simulated=False).exclude(location="")
    return [
        source
        for source in read.order_by("code")
        if source.last_attempt_at is None or now - source.last_attempt_at >= _pause(source)
    ]


def _pause(source: Source) -> timedelta:
    cadence = timedelta(seconds=source.cadence_seconds)
    if not source.failures_in_a_row:
        return cadence
    return min(cadence, FIRST_RETRY * 2 ** min(source.failures_in_a_row - 1, 10))


def latest_error(*, source_id: int) -> str:
    """Return what the source's newest failed look said."""
    failed = Fetch.objects.filter(source_id=source_id, state=Fetch.State.FAILED)
    latest = failed.order_by("-started_at").values_list("error", flat=True).first()
    return latest or "no look on record"


def problems_since(*, since: datetime) -> dict[str, int]:
    """Return how many rows and fields were turned away, by source."""
    rows = FetchProblem.objects.filter(fetch__started_at__gte=since)
    return dict(
        rows.values_list("fetch__source__code")
        .annotate(n=Count("pk"))
        .values_list("fetch__source__code", "n")
    )
