"""How many requests there were, how long they took, and since when a store fails."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from autodj.storage.health import Health

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKETS_S = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)


class HttpMetrics(Collector):
    """Requests and their duration by method, route template and status class.

    Counted in plain lists by the event loop's one thread and made into metrics when they are
    read: the usual metric objects, with their locks, cost several times as much.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._counts: dict[tuple[str, str, int], list[int]] = {}
        self._sums_s: dict[tuple[str, str, int], float] = {}
        registry.register(self)

    def observe(self, *, method: str, route: str, status: int, duration_s: float) -> None:
        labels = (method if method in _METHODS else "other", route, status // 100)
        counts = self._counts.get(labels)
        if counts is None:
            counts = self._counts[labels] = [0] * (len(_BUCKETS_S) + 1)
            self._sums_s[labels] = 0.0
        counts[bisect_left(_BUCKETS_S, duration_s)] += 1
        self._sums_s[labels] += duration_s

    def collect(self) -> Iterator[Metric]:
        labels = ("method", "route", "status")
        requests = CounterMetricFamily("autodj_http_requests", "Requests answered.", labels=labels)
        durations = HistogramMetricFamily(
            "autodj_http_request_duration_seconds",
            "Time from the request to the last byte of the answer.",
            labels=labels,
        )
        bounds = [*map(str, _BUCKETS_S), "+Inf"]
        for labels_of, counts in list(self._counts.items()):
            method, route, hundreds = labels_of
            values = (method, route, f"{hundreds}xx")
            requests.add_metric(values, sum(counts))
            buckets = list(zip(bounds, accumulate(counts), strict=True))
            durations.add_metric(values, buckets, self._sums_s[labels_of])
        yield requests
        yield durations


class StoreFigures(Collector):
    """For how long each store has failed: 0 while it answers."""

    def __init__(self, registry: CollectorRegistry, stores: Mapping[str, Health]) -> None:
        self._stores = stores
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        failing = GaugeMetricFamily(
            "autodj_store_failing_seconds",
            "Time since the first failure after the last success; 0 while it answers.",
            labels=("basket",),
        )
        now = datetime.now(UTC)
        for basket, health in self._stores.items():
            since = health.failing_since or now
            failing.add_metric((basket,), max(0.0, (now - since).total_seconds()))
        yield failing
