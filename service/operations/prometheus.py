"""Metrics for Prometheus: of this process, and of the runs, workers and webhooks of all.

docs/howto/monitoring.md explains each. Names follow Prometheus' conventions: base units, ``_total``
behind what only grows. What all processes share is the same in the answer of each.
"""

import threading
from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from service.database.statement_time import KINDS, time_statements
from service.operations.caller_names import CallerNames, read_caller_names
from service.operations.growth import Growth
from service.operations.run_events import Happened, RunEvents
from service.operations.shared_state import OTHER_WORKERS, SharedState, read_shared_state
from service.settings import Settings
from service.statuses import ENDED
from service.webhooks.results import DeliveryResult

_LATENCY_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60)
_STATEMENT_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1, 5, 30)
_WAIT_BUCKETS = (0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600, 14_400, 86_400)
_DURATION_BUCKETS = (1, 2.5, 5, 10, 30, 60, 300, 900, 3_600, 14_400, 86_400)


class Metrics:
    """The metrics of one application, in a registry of their own: a process may have two."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._lock = threading.Lock()
        self._events = RunEvents()
        self._add_own()
        self._add_happened()
        self._add_state()

    def _add_own(self) -> None:
        """Make the metrics of this process."""
        self.requests = Counter(
            "actinium_requests",
            "Requests answered, by the route's template.",
            ["method", "route", "status"],
            registry=self._registry,
        )
        self.latency = Histogram(
            "actinium_request_seconds",
            "Seconds from a request to the first byte of its answer.",
            ["method", "route"],
            buckets=_LATENCY_BUCKETS,
            registry=self._registry,
        )
        self.open_streams = self._gauge("actinium_open_streams", "Streams of events open here.")
        self._statements = Histogram(
            "actinium_database_statement_seconds",
            "Seconds that statements of this process took in the database.",
            ["kind"],
            buckets=_STATEMENT_BUCKETS,
            registry=self._registry,
        )
        for kind in KINDS:
            self._statements.labels(kind)
        self._memory = self._gauge(
            "actinium_process_resident_memory_bytes",
            "Memory that the API and its computing processes hold.",
            "process",
        )

    def _add_happened(self) -> None:
        """Make the metrics of what happened to runs since this process started."""
        self._waits = Histogram(
            "actinium_run_wait_seconds",
            "Seconds from a run's submission to the start of its training, by caller.",
            ["caller"],
            buckets=_WAIT_BUCKETS,
            registry=self._registry,
        )
        self._durations = Histogram(
            "actinium_run_duration_seconds",
            "Seconds from the start of a run's training to its end.",
            ["status"],
            buckets=_DURATION_BUCKETS,
            registry=self._registry,
        )
        self._named: frozenset[str] = frozenset()
        self._named_workers: frozenset[tuple[str, str]] = frozenset()
        self._delivered: Growth[str] = Growth()
        self._processor_time: Growth[tuple[str, str]] = Growth()
        for status in ENDED:
            self._durations.labels(status)
        self._deliveries = Counter(
            "actinium_webhook_deliveries",
            "Attempts to deliver messages of webhooks, and messages given up, by result.",
            ["result"],
            registry=self._registry,
        )
        for result in DeliveryResult:
            self._deliveries.labels(result)
        self._processor = Counter(
            "actinium_worker_processor_seconds",
            "Processor time that the processes of workers seen lately have taken.",
            ["device", "worker"],
            registry=self._registry,
        )
        self._lost = Counter(
            "actinium_runs_lost",
            "Times that a run was taken back from a worker that died or gave no sign of life.",
            registry=self._registry,
        )

    def _add_state(self) -> None:
        """Make the metrics of how things are now."""
        self._database_up = self._gauge(
            "actinium_database_up", "Whether the database answered the scrape."
        )
        self._runs = self._gauge("actinium_runs", "Runs by status.", "status")
        self._queue = self._gauge(
            "actinium_queue_length",
            "Runs that wait for a worker, by requested device.",
            "device",
        )
        self._blocked = self._gauge(
            "actinium_queue_blocked",
            "Waiting runs that no worker seen lately can take, by requested device.",
            "device",
        )
        self._oldest_wait = self._gauge(
            "actinium_queue_oldest_wait_seconds",
            "Since when the longest waiting run that has not begun waits, by caller.",
            "caller",
        )
        self._workers = self._gauge("actinium_workers_seen", "Workers seen lately.", "device")
        self._worker_memory = self._gauge(
            "actinium_worker_memory_bytes",
            "What each worker seen lately has for its runs.",
            *("device", "worker"),
        )
        self._worker_resident = self._gauge(
            "actinium_worker_resident_memory_bytes",
            "Memory that the processes of each worker seen lately hold.",
            *("device", "worker"),
        )
        self._webhooks = self._gauge(
            "actinium_webhooks", "Webhooks that work, whose receiver fails, or disabled.", "state"
        )
        self._messages = self._gauge(
            "actinium_webhook_messages",
            "Messages of webhooks that wait to be sent, or whose delivery fails, up to 10,000.",
            "state",
        )
        #: Without a database, none of these is known.
        self._shared = (
            *(self._runs, self._queue, self._blocked, self._oldest_wait, self._workers),
            *(self._worker_memory, self._worker_resident, self._webhooks, self._messages),
        )

    def _gauge(self, name: str, meaning: str, *labels: str) -> Gauge:
        return Gauge(name, meaning, labels, registry=self._registry)

    def time_statements(self, engine: Engine) -> None:
        """Measure the statements of an engine from now on."""
        time_statements(engine, lambda kind, took: self._statements.labels(kind).observe(took))

    def count_shared(self, session: Session, settings: Settings) -> None:
        """Read what all processes share; without a database, show none of it.

        Raises:
            sqlalchemy.exc.OperationalError: the database cannot be reached.
        """
        with self._lock:
            self._database_up.set(0)
            for gauge in self._shared:
                gauge.clear()
            with session.begin():
                names = read_caller_names(session)
                state = read_shared_state(session, settings, names)
                happened = self._events.read(session)
            self._show(state)
            self._count(happened, names)
            self._database_up.set(1)

    def _show(self, state: SharedState) -> None:
        for gauge, values in (
            (self._runs, state.runs),
            (self._queue, state.queue),
            (self._blocked, state.blocked),
            (self._oldest_wait, state.oldest_wait_seconds),
            (self._workers, state.workers),
            (self._webhooks, state.webhooks),
            (self._messages, state.messages),
        ):
            for label, value in values.items():
                gauge.labels(label).set(value)
        for sizes, by_worker in (
            (self._worker_memory, state.worker_memory_bytes),
            (self._worker_resident, state.worker_resident_bytes),
        ):
            for labels, size in by_worker.items():
                sizes.labels(*labels).set(size)
        self._count_growth(state)

    def _count_growth(self, state: SharedState) -> None:
        """Count by how much totals grew that the database keeps."""
        for result, more in self._delivered.grow(state.deliveries).items():
            self._deliveries.labels(result).inc(more)
        took = self._processor_time.grow(state.worker_processor_seconds)
        named = {
            key: key if key in state.worker_resident_bytes else (key[0], OTHER_WORKERS)
            for key in took
        }
        for gone in self._named_workers.difference(named.values()):
            self._processor.remove(*gone)
        self._named_workers = frozenset(named.values())
        for key, more in took.items():
            self._processor.labels(*named[key]).inc(more)

    def _count(self, happened: Happened, names: CallerNames) -> None:
        for gone in self._named.difference(names.all):
            self._waits.remove(gone)
        self._named = frozenset(names.all)
        for name in names.all:  # from 0, so that the first run of a caller is an increase
            self._waits.labels(name)
        for caller, seconds in happened.waits:
            self._waits.labels(names.of(caller)).observe(seconds)
        for status, seconds in happened.durations:
            self._durations.labels(status).observe(seconds)
        self._lost.inc(happened.lost)

    def show_memory(self, sizes: Mapping[str, int]) -> None:
        """Show the bytes that processes hold, by their names; those of before have ended."""
        with self._lock:
            self._memory.clear()
            for process, size in sizes.items():
                self._memory.labels(process).set(size)

    def text(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        with self._lock:
            return generate_latest(self._registry)
