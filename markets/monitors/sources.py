"""What markets hangs on monitoring: sources that fall silent, and the figures of the feeds."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from markets import queries
from markets.domain import levels
from markets.domain.levels import Levels
from markets.models import Source
from markets.queries import sources as sources_queries
from markets.services import breaking, switching
from monitoring import registry, thresholds
from monitoring.domain.findings import Finding, Severity
from monitoring.registry import Sample

STALE, FAILING = "markets.source-stale", "markets.fetch-failing"
BROKEN, QUOTA, SLOW = "markets.breaker-open", "markets.quota-low", "markets.source-slow"
PROBLEMS_WITHIN = timedelta(days=1)


@registry.check(STALE, every=timedelta(minutes=1))
def source_stale(now: datetime) -> Iterator[Finding]:
    """Every source that is read on schedule was read lately, and tells what is due."""
    for source in queries.source_health(now=now):
        if source.is_read and (settings.ENVIRONMENT.simulator_enabled or not source.is_simulated):
            said = _silence(source, now)
            if said:
                yield Finding(
                    Severity.P2, f"{source.name}: {said}", subject=f"markets.Source:{source.pk}"
                )


def _silence(source: queries.SourceHealth, now: datetime) -> str:
    if source.is_stale:
        when = source.last_success_at
        last = f"last read at {when:%Y-%m-%d %H:%M} UTC" if when else "never read"
        return f"{last}, due every {source.cadence_seconds} s"
    owed = queries.owed_by(source=source, now=now)
    return f"it is read with success and brings nothing: {owed}" if owed else ""


@registry.check(FAILING, every=timedelta(minutes=1))
def fetch_failing(now: datetime) -> Iterator[Finding]:
    """No enabled source fails again and again."""
    at_most = thresholds.whole(levels.FAILING_AFTER)
    for source in queries.source_health(now=now):
        if source.is_enabled and source.failures_in_a_row >= at_most:
            yield Finding(
                Severity.P2,
                f"{source.name}: {source.failures_in_a_row} looks in a row failed:"
                f" {queries.latest_error(source_id=source.pk)}",
                subject=f"markets.Source:{source.pk}",
            )


@registry.check(BROKEN, every=timedelta(minutes=1))
def breaker_open(now: datetime) -> Iterator[Finding]:
    """No enabled source is left alone because it failed again and again."""
    for source in queries.source_health(now=now):
        if source.is_enabled and source.is_left_alone:
            retry = source.breaker_retry_at
            when = f"{retry:%Y-%m-%d %H:%M} UTC" if retry is not None else "the next look"
            yield Finding(
                Severity.P2,
                f"{source.name}: left alone after {source.failures_in_a_row} failures, tried again"
                f" at {when}: {queries.latest_error(source_id=source.pk)}",
                subject=f"markets.Source:{source.pk}",
            )


@registry.check(QUOTA, every=timedelta(minutes=10))
def quota_low(now: datetime) -> Iterator[Finding]:
    """No enabled source is about to use up how often it may be asked."""
    for source in queries.source_health(now=now):
        if source.is_enabled and source.is_quota_low:
            of_limit = f" of {source.quota_limit}" if source.quota_limit is not None else ""
            forecast = source.quota_forecast
            pace = f"; at this pace {forecast:.0%} by its end" if forecast is not None else ""
            yield Finding(
                Severity.P2 if source.quota_remaining == 0 else Severity.P3,
                f"{source.name}: {source.quota_remaining}{of_limit} requests left{pace}",
                subject=f"markets.Source:{source.pk}",
            )


@registry.check(SLOW, every=timedelta(minutes=10))
def source_slow(now: datetime) -> Iterator[Finding]:
    """Every enabled source keeps its service levels over a day."""
    asked = _levels()
    for source in queries.source_health(now=now):
        if not source.is_enabled:
            continue
        is_paged = _fails_much(source, asked)
        said = _broken_levels(source, asked)
        if said or is_paged:
            share = f"{source.looks.succeeded} of {source.looks.total} looks succeeded in a day"
            yield Finding(
                Severity.P1 if is_paged else Severity.P3,
                f"{source.name}: {'; '.join(said or [share])}",
                subject=f"markets.Source:{source.pk}",
            )


def _levels() -> Levels:
    """Return what is asked of the sources now."""
    return Levels(
        success=thresholds.value(levels.SUCCESS_SHARE),
        paged_success=thresholds.value(levels.PAGED_SHARE),
        paged_looks=thresholds.whole(levels.PAGED_LOOKS),
        failures=thresholds.whole(levels.FAILURES),
        looks=thresholds.whole(levels.LOOKS),
        latency=thresholds.value(levels.LATENCY_SHARE),
    )


def _fails_much(source: queries.SourceHealth, asked: Levels) -> bool:
    """Say whether so many looks fail, and still do, that somebody is to be called."""
    looks = source.looks
    return not source.is_simulated and levels.is_paged(
        levels=asked,
        succeeded=looks.succeeded,
        total=looks.total,
        failed_lately=looks.failed_lately,
    )


def _broken_levels(source: queries.SourceHealth, asked: Levels) -> list[str]:
    """Return which levels a source does not keep, in words."""
    looks, said = source.looks, []
    if levels.is_failing(levels=asked, succeeded=looks.succeeded, total=looks.total):
        said.append(f"{looks.succeeded} of {looks.total} looks succeeded in a day")
    timeout = timedelta(seconds=source.timeout_seconds)
    if levels.is_slow(levels=asked, total=looks.total, p95_ms=looks.p95_ms, timeout=timeout):
        said.append(f"one look in twenty waits {(looks.p95_ms or 0) / 1000:.1f} s or longer")
    return said


@registry.panel(
    "markets.sources", title="Sources", template="markets/panel_sources.html", order=60, width=12
)
def sources(now: datetime) -> Mapping[str, object]:
    return {"sources": queries.source_health(now=now), "now": now}


@registry.table("sources")
def source_table(now: datetime) -> Iterable[Mapping[str, object]]:
    """Return in few columns how every source that is read, or was, fares."""
    for source in queries.source_health(now=now):
        looks, at = source.looks, source.last_success_at
        if not source.location and not looks.total and source.last_attempt_at is None:
            continue
        yield {
            "source": source.code,
            "is_simulated": source.is_simulated,
            "state": source.state,
            "last_success": at.isoformat(" ", "seconds") if at is not None else None,
            "age_seconds": source.age_seconds and round(source.age_seconds),
            "cadence_seconds": source.cadence_seconds,
            "errors": ", ".join(f"{kind} × {n}" for kind, n in looks.errors.items()),
            "p50_ms": looks.p50_ms and round(looks.p50_ms),
            "p95_ms": looks.p95_ms and round(looks.p95_ms),
            "breaker": source.breaker_state,
            "requests_left": source.quota_remaining,
        }


@registry.gauge(
    "closingline_source_age_seconds", help="Time since a source was last read with success."
)
def source_age() -> Iterable[Sample]:
    for source in queries.source_health(now=timezone.now()):
        if source.age_seconds is not None:
            yield {"source": source.code}, source.age_seconds


@registry.gauge("closingline_source_failures", help="Looks in a row that failed, by source.")
def source_failures() -> Iterable[Sample]:
    for source in queries.source_health(now=timezone.now()):
        yield {"source": source.code}, float(source.failures_in_a_row)


@registry.gauge(
    "closingline_ingestion_problems", help="Rows and fields turned away in a day, by source."
)
def ingestion_problems() -> Iterable[Sample]:
    since = timezone.now() - PROBLEMS_WITHIN
    for code, count in queries.problems_since(since=since).items():
        yield {"source": code}, float(count)


@registry.gauge(
    "closingline_ingestion_latency_seconds",
    help="Seconds that looks waited for a source's answers.",
    kind="histogram",
)
def ingestion_latency() -> Iterable[Sample]:
    bounds = [*map(str, sources_queries.BUCKETS), "+Inf"]
    for code, (counts, seconds) in queries.latency_histogram().items():
        for bound, count in zip(bounds, counts, strict=True):
            yield {"source": code, "le": bound}, float(count)
        yield {"source": code, "le": "sum"}, seconds


@registry.gauge(
    "closingline_ingestion_errors_total",
    help="Looks that failed, by source and kind of error.",
    kind="counter",
)
def ingestion_errors() -> Iterable[Sample]:
    for code, kind, count in queries.errors_by_kind():
        yield {"source": code, "kind": kind}, float(count)


@registry.gauge(
    "closingline_breaker_state", help="0: it is asked; 1: one look tries it; 2: it is left alone."
)
def breaker_state() -> Iterable[Sample]:
    codes = {Source.Breaker.CLOSED: 0.0, Source.Breaker.HALF_OPEN: 1.0, Source.Breaker.OPEN: 2.0}
    for source in queries.source_health(now=timezone.now()):
        yield {"source": source.code}, codes[Source.Breaker(source.breaker_state)]


@registry.gauge("closingline_quota_remaining", help="Requests that a source still allows.")
def quota_remaining() -> Iterable[Sample]:
    for source in queries.source_health(now=timezone.now()):
        if source.quota_remaining is not None:
            yield {"source": source.code}, float(source.quota_remaining)


@registry.gauge(
    "closingline_prices_refused_total",
    help="Prices that the gate turned away, by source and reason.",
    kind="counter",
)
def prices_refused() -> Iterable[Sample]:
    for code, why, count in queries.refused_prices():
        yield {"source": code, "reason": why}, float(count)


@registry.gauge("closingline_prices_stored", help="Prices in the history, as PostgreSQL estimates.")
def prices_stored() -> Iterable[Sample]:
    yield {}, queries.estimated_prices()


@registry.response(
    "markets.disable-source",
    title="Switch the source off",
    kinds=[STALE, FAILING, BROKEN, QUOTA, SLOW],
    permission="markets.change_source",
)
def disable_source(*, subject: str, actor: str, reason: str, now: datetime) -> str:
    source = Source.objects.get(pk=int(subject.rpartition(":")[2]))
    switching.disable(source_code=source.code, reason=reason, actor=actor, now=now)
    return f"{source.name} is switched off"


@registry.response(
    "markets.reset-breaker",
    title="Ask the source again now",
    kinds=[BROKEN],
    permission="markets.change_source",
)
def reset_breaker(*, subject: str, actor: str, reason: str, now: datetime) -> str:
    source = Source.objects.get(pk=int(subject.rpartition(":")[2]))
    breaking.reset(source_code=source.code, reason=reason, actor=actor, now=now)
    return f"{source.name} is asked again from its next look on"
