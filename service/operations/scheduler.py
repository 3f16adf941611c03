"""The scheduler: requeues the runs of lost workers, wakes workers for waiting runs, sends webhooks.

Every step is a guarded, repeatable transaction, so several schedulers can run at once without
electing one, and a scheduler that dies leaves nothing half done.
"""

import argparse
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from service.database.engine import create_database_engine, session_factory
from service.database.outages import Outage, is_outage, wait_for_schema
from service.database.schema_version import SchemaVersionError
from service.datasets import store
from service.experiments import idempotency, labelling, leaders, overviews
from service.histories.older_outcomes import judge_older_runs
from service.inference import tasks
from service.liveness import is_alive, mark_alive
from service.logs import configure_logging
from service.operations import retention
from service.runs import capacity, endings, leases
from service.runs.doorbell import Doorbell
from service.settings import Settings, get_settings
from service.webhooks.sender import WebhookSender
from service.weights import files

PROCESS = "scheduler"
PURGE_SECONDS = 600.0

#: A turn can take this long where a server does not answer (5 s to connect, twice).
_SLOWEST_TURN_SECONDS = 30.0

_log = structlog.get_logger(__name__)


class Scheduler:
    """Sweeps until it is stopped, through outages of Postgres and Redis."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._engine = create_database_engine(settings, pool_size=1)
        self._sessions = session_factory(self._engine)
        self._doorbell = Doorbell(settings)
        self._postgres = Outage("Postgres")
        self._redis = Outage("Redis")
        self._purged_at = float("-inf")

    def run(self, stop: threading.Event) -> None:
        """Take a turn every ``sweep_seconds`` until ``stop`` is set."""
        while not stop.is_set():
            self.turn()
            mark_alive(self._settings, PROCESS)
            stop.wait(self._settings.sweep_seconds)

    def turn(self) -> None:
        """Do everything that is due, once."""
        try:
            with self._sessions() as session:
                self._recover(session)
                self._ring(session)
                self._label(session)
                self._judge(session)
                leaders.renew(session)
                self._purge(session)
        except DBAPIError as error:
            if not is_outage(error):
                raise
            self._postgres.began(error.orig)
        else:
            self._postgres.ended()

    def close(self) -> None:
        """Close the connections."""
        self._doorbell.close()
        self._engine.dispose()

    def _recover(self, session: Session) -> None:
        for run_id, attempt in leases.expired(session):
            if endings.recover(session, run_id, attempt, self._settings):
                _log.warning(
                    "Took a run back from a worker that gave no sign of life",
                    run_id=str(run_id),
                    attempt=attempt,
                )

    def _ring(self, session: Session) -> None:
        wanted = capacity.workers_wanted(session, self._settings)
        if self._doorbell.reachable():
            self._redis.ended()
            self._doorbell.ring(wanted)
        else:
            self._redis.began()

    def _label(self, session: Session) -> None:
        experiments = labelling.label_older_runs(session)
        if experiments:
            _log.info("Labelled runs that an older version submitted", experiments=experiments)

    def _judge(self, session: Session) -> None:
        runs = judge_older_runs(session)
        if runs:
            _log.info("Judged runs that an older version completed", runs=runs)

    def _purge(self, session: Session) -> None:
        if time.monotonic() - self._purged_at < PURGE_SECONDS:
            return
        overviews.add_missing(session)
        idempotency.purge(session)
        retention.purge_workers(session)
        tasks.purge(session)
        while retention.purge_events(session, self._settings):
            pass
        while retention.purge_deliveries(session, self._settings):
            pass
        files.purge(session, self._settings)
        store.purge(session, self._settings)
        self._purged_at = time.monotonic()


def main() -> None:
    """Run a scheduler; with ``--check``, exit with 0 if the one of this home is alive."""
    parser = argparse.ArgumentParser(
        prog="python -m service.operations.scheduler", description=__doc__
    )
    parser.add_argument(
        "--check", action="store_true", help="exit with 0 if the scheduler of this home is alive"
    )
    arguments = parser.parse_args()
    settings = get_settings()
    if arguments.check:
        within = settings.sweep_seconds + _SLOWEST_TURN_SECONDS
        sys.exit(0 if is_alive(settings, PROCESS, within=within) else "The scheduler is not alive.")
    configure_logging(settings)
    stop = _stop_event()
    try:
        wait_for_schema(settings, stop)
    except SchemaVersionError as error:
        sys.exit(str(error))
    scheduler = Scheduler(settings)
    _log.info("The scheduler runs", sweep_seconds=settings.sweep_seconds)
    try:
        _run(scheduler, WebhookSender(settings), stop)
    finally:
        scheduler.close()
    _log.info("The scheduler has stopped")


def _stop_event() -> threading.Event:
    """Return the event that SIGTERM and Ctrl-C set.

    A thread sets it, not the signal's handler: a handler can interrupt the event's own methods and
    would then wait forever for the lock that they hold. A ``SimpleQueue`` can be written to from
    any handler.
    """
    stop = threading.Event()
    signals: SimpleQueue[int] = SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: signals.put(number))

    def wait_for_signal() -> None:
        signals.get()
        stop.set()

    threading.Thread(target=wait_for_signal, name="signals", daemon=True).start()
    return stop


def _run(scheduler: Scheduler, sender: WebhookSender, stop: threading.Event) -> None:
    """Sweep and send webhooks at the same time: a receiver that hangs delays no sweep."""
    with ThreadPoolExecutor(1, "webhooks") as pool:
        sending = pool.submit(sender.run, stop)
        sending.add_done_callback(lambda _: stop.set())  # neither continues without the other
        try:
            scheduler.run(stop)
        finally:
            stop.set()
        sending.result()


if __name__ == "__main__":
    main()
