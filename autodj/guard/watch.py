"""One look at all connections, again and again, and the count of those that were closed."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from typing import Protocol

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from autodj.guard.limits import Limits
from autodj.guard.refusals import Refusal


class Watched(Protocol):
    """A connection, as the guard sees it."""

    def look(self, now_s: float, since_s: float) -> None:
        """End what is overdue; ``since_s`` have passed since the last look."""


class Guard(Collector):
    """Watches the connections of one server.

    One timer for all of them: a timer for each would cost every request a start and a stop.
    ``draining`` says that the process is about to stop and wants no new work.
    """

    def __init__(
        self, limits: Limits | None = None, registry: CollectorRegistry | None = None
    ) -> None:
        self.limits = limits or Limits()
        self.closed: Counter[str] = Counter()
        self.draining = False
        self._connections: set[Watched] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._looked_s = 0.0
        if registry is not None:
            registry.register(self)

    @property
    def is_full(self) -> bool:
        return len(self._connections) > self.limits.max_connections

    @property
    def is_flooded(self) -> bool:
        """So far above the limit that there is no time for words."""
        return len(self._connections) > self.limits.max_connections * 5 // 4

    def join(self, connection: Watched) -> None:
        self._connections.add(connection)
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._looked_s = loop.time()
            self._timer = loop.call_later(self.limits.tick_s, self._look)

    def leave(self, connection: Watched) -> None:
        self._connections.discard(connection)

    def count(self, refusal: Refusal) -> None:
        self.closed[refusal.reason] += 1

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        now_s = loop.time()
        since_s, self._looked_s = now_s - self._looked_s, now_s
        for connection in list(self._connections):
            connection.look(now_s, since_s)
        self._timer = None
        if self._connections:
            self._timer = loop.call_later(self.limits.tick_s, self._look)

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "autodj_connections", "Connections open.", value=len(self._connections)
        )
        closed = CounterMetricFamily(
            "autodj_connections_refused",
            "Connections closed because of what the client did, by reason.",
            labels=("reason",),
        )
        for reason, count in sorted(self.closed.items()):
            closed.add_metric((reason,), count)
        yield closed
