"""Metrics for Prometheus: requests and streams of this process, runs and workers of all."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from service.database.tables import Run
from service.runs.capacity import count_workers, seen_memory
from service.runs.doorbell import DEVICES
from service.settings import Settings
from service.statuses import RunStatus

_LATENCY_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60)


class Metrics:
    """The metrics of one application, in a registry of their own: a process may have two."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        self._registry = registry
        self.requests = Counter(
            "actinium_requests",
            "Requests answered, by the route's template.",
            ["method", "route", "status"],
            registry=registry,
        )
        self.latency = Histogram(
            "actinium_request_seconds",
            "Seconds from a request to the first byte of its answer.",
            ["method", "route"],
            buckets=_LATENCY_BUCKETS,
            registry=registry,
        )
        self.open_streams = Gauge(
            "actinium_open_streams", "Streams of events open in this process.", registry=registry
        )
        self._database_up = Gauge(
            "actinium_database_up", "Whether the database answered the scrape.", registry=registry
        )
        self._runs = Gauge("actinium_runs", "Runs by status.", ["status"], registry=registry)
        self._workers = Gauge(
            "actinium_workers_seen", "Workers seen lately.", ["device"], registry=registry
        )
        self._memory = Gauge(
            "actinium_worker_memory_bytes",
            "What the largest worker seen lately has for a run.",
            ["device"],
            registry=registry,
        )
        self._queue = Gauge(
            "actinium_queue_length",
            "Runs that wait for a worker, by requested device.",
            ["device"],
            registry=registry,
        )

    def count_shared(self, session: Session, settings: Settings) -> None:
        """Count the runs and workers of all processes; without a database, show no count.

        Raises:
            sqlalchemy.exc.OperationalError: the database cannot be reached.
        """
        for gauge in (self._runs, self._workers, self._memory, self._queue):
            gauge.clear()
        self._database_up.set(0)
        with session.begin():
            by_status = _counts(session, select(Run.status, func.count()).group_by(Run.status))
            queued = _counts(
                session,
                select(Run.device_request, func.count())
                .where(Run.status == RunStatus.QUEUED)
                .group_by(Run.device_request),
            )
            workers = count_workers(session, settings)
            memory = seen_memory(session, settings)
        for status in RunStatus:
            self._runs.labels(status).set(by_status.get(status, 0))
        for device in DEVICES:
            self._workers.labels(device).set(workers.get(device, 0))
        for device, largest in memory.items():
            self._memory.labels(device).set(largest)
        for device in ("auto", *DEVICES):
            self._queue.labels(device).set(queued.get(device, 0))
        self._database_up.set(1)

    def text(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self._registry)


def _counts(session: Session, statement: Select[str, int]) -> dict[str, int]:
    return dict(session.execute(statement).all())
