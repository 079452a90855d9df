"""What the lanes do, for Prometheus."""

from collections.abc import Mapping
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from controlplane.db.decisions import Decisions

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
_ITEMS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


class LaneMetrics:
    """The watch of the lanes, see ``controlplane.db.lanes.settling``."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Count from zero."""
        self._registry = registry
        self._items = Histogram(
            "controlplane_lane_batch_items",
            "Items that one statement carried.",
            ("call",),
            buckets=_ITEMS,
            registry=registry,
        )
        self._seconds = Histogram(
            "controlplane_lane_batch_seconds",
            "Seconds until a batch was settled, with all that was sent again.",
            ("call",),
            buckets=_SECONDS,
            registry=registry,
        )
        self._wait = Histogram(
            "controlplane_lane_wait_seconds",
            "Seconds that a request waited for its turn.",
            ("call",),
            buckets=_SECONDS,
            registry=registry,
        )
        self._deferred = Counter(
            "controlplane_lane_deferred_items",
            "Items that came back because their customer's gate was held elsewhere.",
            registry=registry,
        )
        self._retries = Counter(
            "controlplane_lane_retries",
            "Batches that were sent again, by the reason.",
            ("why",),
            registry=registry,
        )
        # Children are looked up under a lock; there are few, and each is wanted thousands of times a second.
        self._wait_of = cache(self._wait.labels)

    def sent(self, call: str, items: int, seconds: float) -> None:
        """A statement is over."""
        self._items.labels(call).observe(items)
        self._seconds.labels(call).observe(seconds)

    def waited(self, call: str, seconds: float) -> None:
        """A ticket has waited so long for its turn."""
        self._wait_of(call).observe(seconds)

    def deferred(self, items: int) -> None:
        """So many items came back."""
        self._deferred.inc(items)

    def retried(self, why: str) -> None:
        """A batch is sent again."""
        self._retries.labels(why).inc()

    def show_depth(self, decisions: Decisions) -> None:
        """Show how many items wait, as it is when somebody asks."""
        self._registry.register(_Depth(decisions))


class _Depth(Collector):
    def __init__(self, decisions: Decisions) -> None:
        self._decisions = decisions

    def collect(self) -> list[GaugeMetricFamily]:
        family = GaugeMetricFamily(
            "controlplane_lane_depth_items", "Items that wait for their turn.", labels=("lanes",)
        )
        depth: Mapping[str, int] = self._decisions.depth
        for lanes, items in depth.items():
            family.add_metric([lanes], items)
        return [family]
