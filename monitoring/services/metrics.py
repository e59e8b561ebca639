"""The metrics page: every registered gauge in Prometheus's text format, read when asked for.

Figures come from the database, not from counters in processes, so any web process gives the
same page and none has to collect from the workers.
"""

from collections.abc import Iterable, Iterator, Sequence

import structlog
from django.db import transaction
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from monitoring import registry
from monitoring.registry import Gauge

log = structlog.get_logger(__name__)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
NAMESPACE = "closingline_"


class _Gauges(Collector):
    def collect(self) -> Iterable[Metric]:
        broken = GaugeMetricFamily(
            f"{NAMESPACE}gauge_broken", "1 for each gauge that could not be read", labels=["gauge"]
        )
        for gauge in registry.gauges.values():
            try:
                with transaction.atomic():
                    yield _family(gauge)
            except Exception:
                log.exception("gauge.broken", gauge=gauge.name)
                broken.add_metric([gauge.name], 1)
        yield broken

    def describe(self) -> Iterator[Metric]:
        return iter(())  # names are known only once the gauges are read


def render() -> bytes:
    """Return the page; a gauge that breaks is named on it and does not take the others along."""
    collectors = CollectorRegistry(auto_describe=False)
    collectors.register(_Gauges())
    return generate_latest(collectors)


def _family(gauge: Gauge) -> Metric:
    samples = [(dict(labels), float(value)) for labels, value in gauge.samples()]
    names = sorted({name for labels, _ in samples for name in labels})
    name = gauge.name if gauge.name.startswith(NAMESPACE) else f"{NAMESPACE}{gauge.name}"
    if gauge.kind == "histogram":
        return _histogram(name, gauge.help, samples)
    make = CounterMetricFamily if gauge.kind == "counter" else GaugeMetricFamily
    family = make(name, gauge.help, labels=names)
    for labels, value in samples:
        family.add_metric([labels.get(name, "") for name in names], value)
    return family


def _histogram(
    name: str, help: str, samples: Sequence[tuple[dict[str, str], float]]
) -> HistogramMetricFamily:
    """Gather the samples of each set of labels: its buckets, and the sum of all it counts."""
    names = sorted({name for labels, _ in samples for name in labels} - {"le"})
    buckets: dict[tuple[str, ...], list[tuple[str, float]]] = {}
    sums: dict[tuple[str, ...], float] = {}
    for labels, value in samples:
        key = tuple(labels.get(name, "") for name in names)
        if labels["le"] == "sum":
            sums[key] = value
        else:
            buckets.setdefault(key, []).append((labels["le"], value))
    family = HistogramMetricFamily(name, help, labels=names)
    for key, found in buckets.items():
        family.add_metric(list(key), found, sums.get(key, 0.0))
    return family
