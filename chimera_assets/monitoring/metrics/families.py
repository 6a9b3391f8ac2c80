"""Every metric, ours and those of packs, and values of them in Prometheus's form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector, CollectorRegistry

from chimera_assets.packs.aggregates import active_aggregates
from chimera_assets.platform_metrics import LAST_METRIC, PLATFORM_METRICS, Family

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from prometheus_client.metrics_core import Metric


@dataclass(frozen=True, slots=True)
class Sample:
    """A value of the family `name`; its labels' values in the family's order."""

    name: str
    labels: tuple[str, ...]
    value: float


def families() -> dict[str, Family]:
    """Every metric by name: ours, and those that packs draw from their aggregates.

    Raises:
        PackError: A pack's file cannot be used, or gives a metric the name of another.
    """
    found = dict(PLATFORM_METRICS)
    for aggregate in active_aggregates():
        if (metrics := aggregate.metrics) is None:
            continue
        for name, figure in metrics.figures.items():
            found[name] = Family(figure.help, tuple(metrics.labels))
    return found | LAST_METRIC


def registry_of(samples: Iterable[Sample]) -> CollectorRegistry:
    """A registry that holds just these samples."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Samples(list(samples)))
    return registry


class _Samples(Collector):
    """Samples in Prometheus's form, every family with its help; one without samples is left out."""

    def __init__(self, samples: list[Sample]) -> None:
        self._samples = samples

    def collect(self) -> Iterator[Metric]:
        for name, family in families().items():
            kind = CounterMetricFamily if family.counter else GaugeMetricFamily
            metric = kind(name, family.help, labels=family.labels)
            for sample in self._samples:
                if sample.name == name:
                    metric.add_metric(sample.labels, sample.value)
            if metric.samples:
                yield metric
