"""How fast predictions are answered, and how often from what was kept."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import accumulate

from models_ml.queries import figures
from monitoring import registry
from monitoring.domain.findings import Finding, Severity

SLOW = 0.01  # seconds
SHARE = 0.95


@registry.check("models_ml.prediction-slow", every=timedelta(minutes=5))
def answers_come_fast(now: datetime) -> Iterator[Finding]:
    """Of the answers of the processes at work, 95 % take at most a hundredth of a second."""
    service = figures.service(since=now - figures.ALIVE)
    took = service.percentile(SHARE)
    if took is not None and took > SLOW:
        yield Finding(
            Severity.P3,
            f"of {service.calls} predictions, 95 % took up to {took:g} s, more than {SLOW:g} s",
        )


@registry.gauge("closingline_prediction_cache_hits_total", help="Answers given from what was kept.")
def hits() -> Iterator[tuple[Mapping[str, str], float]]:
    yield {}, float(figures.service().hits)


@registry.gauge(
    "closingline_prediction_cache_misses_total", help="Answers that had to be computed."
)
def misses() -> Iterator[tuple[Mapping[str, str], float]]:
    yield {}, float(figures.service().misses)


@registry.gauge("closingline_prediction_seconds", help="Answers that took at most so many seconds.")
def seconds() -> Iterator[tuple[Mapping[str, str], float]]:
    buckets = sorted(figures.service().buckets.items(), key=lambda pair: float(pair[0]))
    for (bound, _), count in zip(buckets, accumulate(n for _, n in buckets), strict=True):
        yield {"le": bound}, float(count)
