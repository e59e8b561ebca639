"""How the sources fare."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Count

from markets.domain import levels, quotas
from markets.models import Fetch, FetchProblem, Source
from monitoring import thresholds

#: After a failure a source is asked again this soon, then after twice as long, and so on.
FIRST_RETRY = timedelta(minutes=5)
LOOKED_BACK = timedelta(days=1)  # for latency, success and errors
#: Upper bounds of the latency histogram, in seconds.
BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)

_LATENCY = """
    SELECT source_id, count(*) FILTER (WHERE state <> 'FAILED'), count(*),
           percentile_cont(0.5) WITHIN GROUP (ORDER BY latency_ms),
           percentile_cont(0.95) WITHIN GROUP (ORDER BY latency_ms),
           sum(rows_read), sum(rows_parked), sum(rows_rejected),
           count(*) FILTER (WHERE state = 'FAILED' AND place <= %(newest)s)
    FROM (
        SELECT *, row_number() OVER (PARTITION BY source_id ORDER BY started_at DESC, id DESC)
            AS place
        FROM markets_fetch
        WHERE started_at > %(since)s AND started_at <= %(now)s AND state <> 'RUNNING'
    ) AS looks
    GROUP BY source_id
"""
_REFUSED = """
    SELECT f.source_id, refused.key, sum(refused.value::bigint)::bigint
    FROM markets_fetch f, jsonb_each_text(f.counts -> 'refused') AS refused
    WHERE f.started_at > %(since)s AND f.started_at <= %(now)s
        AND jsonb_typeof(f.counts -> 'refused') = 'object'
    GROUP BY 1, 2 ORDER BY 3 DESC, 2
"""
_REFUSED_EVER = """
    SELECT s.code, refused.key, sum(refused.value::bigint)::bigint
    FROM markets_fetch f JOIN markets_source s ON s.id = f.source_id,
        jsonb_each_text(f.counts -> 'refused') AS refused
    WHERE jsonb_typeof(f.counts -> 'refused') = 'object'
    GROUP BY 1, 2 ORDER BY 1, 2
"""
_HISTOGRAM = """
    SELECT s.code, width_bucket(f.latency_ms / 1000.0, %(bounds)s), count(*),
           sum(f.latency_ms) / 1000.0
    FROM markets_fetch f JOIN markets_source s ON s.id = f.source_id
    WHERE f.latency_ms IS NOT NULL GROUP BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class Looks:
    """How a source's looks of a day ended: ``latency`` is spent waiting for its answers."""

    succeeded: int = 0
    total: int = 0
    p50_ms: float | None = None
    p95_ms: float | None = None
    rows_read: int = 0
    rows_parked: int = 0
    rows_rejected: int = 0
    errors: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)  # prices that the gate turned away: why
    failed_lately: int = 0  # of the newest ones

    @property
    def success_share(self) -> float | None:
        return round(self.succeeded / self.total, 4) if self.total else None


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """How a source fares: ``is_stale`` when its last success is some cadences old."""

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
    timeout_seconds: int
    not_before: datetime | None
    breaker_state: str
    breaker_retry_at: datetime | None
    quota_limit: int | None
    quota_used: int | None
    quota_remaining: int | None
    quota_forecast: float | None  # share of the limit used by its end, at the pace so far
    is_quota_low: bool
    looks: Looks

    @property
    def is_read(self) -> bool:
        """Say whether it is read on schedule."""
        return self.is_enabled and bool(self.location)

    @property
    def is_left_alone(self) -> bool:
        """Say whether its breaker is open, or a single look tries it."""
        return self.breaker_state != Source.Breaker.CLOSED

    @property
    def state(self) -> str:
        """Return in a word or two how it is."""
        if not self.is_enabled:
            return f"off: {self.disabled_reason}"
        if self.is_left_alone:
            return "left alone"
        if self.is_stale:
            return "stale"
        if self.failures_in_a_row:
            return "failing"
        return "well" if self.last_success_at is not None else "never read"

    @property
    def needs_a_look(self) -> bool:
        return self.is_enabled and (
            self.is_stale or self.failures_in_a_row > 0 or self.is_left_alone
        )

    def as_dict(self) -> dict[str, Any]:
        """Return it ready for JSON."""
        fields = {name: getattr(self, name) for name in self.__slots__ if name != "pk"}
        looks: Looks = fields.pop("looks")
        plain = {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in fields.items()
        }
        return plain | {
            "needs_a_look": self.needs_a_look,
            "looks": looks.total,
            "success_share": looks.success_share,
            "p50_ms": looks.p50_ms,
            "p95_ms": looks.p95_ms,
            "errors": looks.errors,
            "rows_read": looks.rows_read,
            "rows_parked": looks.rows_parked,
            "rows_rejected": looks.rows_rejected,
            "prices_refused": looks.refused,
        }


def source_health(*, now: datetime) -> list[SourceHealth]:
    """Return how every source fares, the real ones first; four queries."""
    looks = _looks(now)
    return [
        _health(source, looks.get(source.pk, Looks()), now)
        for source in Source.objects.order_by("is_simulated", "code")
    ]


def _looks(now: datetime) -> dict[int, Looks]:
    since = now - LOOKED_BACK
    errors: dict[int, dict[str, int]] = {}
    failed = Fetch.objects.filter(
        state=Fetch.State.FAILED, started_at__gt=since, started_at__lte=now
    )
    kinds = failed.values_list("source_id", "error_kind").annotate(n=Count("pk")).order_by("-n")
    for source_id, kind, n in kinds:
        errors.setdefault(source_id, {})[kind or Fetch.ErrorKind.FAULT] = n
    refused: dict[int, dict[str, int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_REFUSED, {"since": since, "now": now})
        for source_id, why, n in cursor.fetchall():
            refused.setdefault(source_id, {})[why] = n
        newest = thresholds.whole(levels.NEWEST)
        cursor.execute(_LATENCY, {"since": since, "now": now, "newest": newest})
        return {
            source_id: Looks(
                succeeded=succeeded,
                total=total,
                p50_ms=p50,
                p95_ms=p95,
                rows_read=int(read),
                rows_parked=int(parked),
                rows_rejected=int(rejected),
                failed_lately=failed_lately,
                errors=errors.get(source_id, {}),
                refused=refused.get(source_id, {}),
            )
            for (
                source_id,
                succeeded,
                total,
                p50,
                p95,
                read,
                parked,
                rejected,
                failed_lately,
            ) in cursor.fetchall()
        }


def _health(source: Source, looks: Looks, now: datetime) -> SourceHealth:
    age = None if source.last_success_at is None else now - source.last_success_at
    is_read = source.is_enabled and bool(source.location)
    longest = patience(cadence_seconds=source.cadence_seconds)
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
        timeout_seconds=source.timeout_seconds,
        not_before=source.not_before,
        breaker_state=source.breaker_state,
        breaker_retry_at=source.breaker_retry_at,
        quota_limit=source.quota_limit,
        quota_used=source.quota_used,
        quota_remaining=source.quota_remaining,
        quota_forecast=_forecast(source),
        is_quota_low=is_quota_low(source, now),
        looks=looks,
    )


def patience(*, cadence_seconds: int) -> timedelta:
    """Return how long a source of this cadence may stay silent."""
    return thresholds.value(levels.STALE_AFTER) * timedelta(seconds=cadence_seconds)


def is_quota_low(source: Source, now: datetime) -> bool:
    """Say whether a source's quota runs low; what was read before it began anew says nothing."""
    read_at = source.quota_read_at
    if read_at is None or quotas.resets_at(told=source.quota_resets_at, now=read_at) <= now:
        return False
    return quotas.is_low(
        limit=source.quota_limit,
        used=source.quota_used,
        remaining=source.quota_remaining,
        low=quotas.Low(
            share=thresholds.value(quotas.LOW_SHARE), left=thresholds.whole(quotas.LOW_LEFT)
        ),
    )


def _forecast(source: Source) -> float | None:
    read_at = source.quota_read_at
    if not source.quota_limit or source.quota_used is None or read_at is None:
        return None
    return quotas.forecast(
        used=source.quota_used,
        limit=source.quota_limit,
        now=read_at,
        ends_at=quotas.resets_at(told=source.quota_resets_at, now=read_at),
    )


def sources_due(*, now: datetime) -> list[Source]:
    """Return the sources to be read now.

    One that fails is asked less often with each failure, one whose breaker is open when a look
    may try it, and one whose quota runs low at a slower pace.
    """
    read = Source.objects.filter(is_enabled=True, is_simulated=False).exclude(location="")
    return [source for source in read.order_by("code") if _is_due(source, now)]


def _is_due(source: Source, now: datetime) -> bool:
    if source.not_before is not None and source.not_before > now:
        return False
    if source.breaker_retry_at is not None:
        return source.breaker_retry_at <= now
    return source.last_attempt_at is None or now - source.last_attempt_at >= _pause(source, now)


def _pause(source: Source, now: datetime) -> timedelta:
    cadence = timedelta(seconds=source.cadence_seconds)
    if is_quota_low(source, now):
        cadence *= thresholds.value(quotas.SLOWER)
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


def errors_by_kind() -> list[tuple[str, str, int]]:
    """Return how many looks failed ever since, by source and kind."""
    failed = Fetch.objects.filter(state=Fetch.State.FAILED)
    counted = failed.values_list("source__code", "error_kind").annotate(n=Count("pk"))
    return [
        (code, kind or Fetch.ErrorKind.FAULT, n)
        for code, kind, n in counted.order_by("source__code", "error_kind")
    ]


def refused_prices() -> list[tuple[str, str, int]]:
    """Return how many prices the gate turned away ever since, by source and reason."""
    with connection.cursor() as cursor:
        cursor.execute(_REFUSED_EVER)
        return cursor.fetchall()


def latency_histogram() -> dict[str, tuple[list[int], float]]:
    """Return by source how many looks took up to each of ``BUCKETS``, and one for all of them.

    Beside the counts the seconds of all together; counts grow from bucket to bucket.
    """
    with connection.cursor() as cursor:
        cursor.execute(_HISTOGRAM, {"bounds": list(BUCKETS)})
        rows = cursor.fetchall()
    found: dict[str, tuple[list[int], float]] = {}
    for code, bucket, n, seconds in rows:
        counts, total = found.get(code, ([0] * (len(BUCKETS) + 1), 0.0))
        for place in range(bucket, len(counts)):
            counts[place] += n
        found[code] = counts, total + float(seconds)
    return found
