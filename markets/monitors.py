"""What markets hangs on monitoring: sources that fall silent, and the figures of the feeds."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from markets import queries
from markets.models import Source
from markets.services import switching
from monitoring import registry
from monitoring.domain.findings import Finding, Severity
from monitoring.registry import Sample

STALE, FAILING = "markets.source-stale", "markets.fetch-failing"
FAILING_AFTER = 3  # looks in a row that brought nothing
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
    for source in queries.source_health(now=now):
        if source.is_enabled and source.failures_in_a_row >= FAILING_AFTER:
            yield Finding(
                Severity.P2,
                f"{source.name}: {source.failures_in_a_row} looks in a row failed:"
                f" {queries.latest_error(source_id=source.pk)}",
                subject=f"markets.Source:{source.pk}",
            )


@registry.panel(
    "markets.sources", title="Sources", template="markets/panel_sources.html", order=60, width=12
)
def sources(now: datetime) -> Mapping[str, object]:
    return {"sources": queries.source_health(now=now), "now": now}


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


@registry.gauge("closingline_prices_stored", help="Prices in the history, as PostgreSQL estimates.")
def prices_stored() -> Iterable[Sample]:
    yield {}, queries.estimated_prices()


@registry.response(
    "markets.disable-source",
    title="Switch the source off",
    kinds=[STALE, FAILING],
    permission="markets.change_source",
)
def disable_source(*, subject: str, actor: str, reason: str, now: datetime) -> str:
    source = Source.objects.get(pk=int(subject.rpartition(":")[2]))
    switching.disable(source_code=source.code, reason=reason, actor=actor, now=now)
    return f"{source.name} is switched off"
