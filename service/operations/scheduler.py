"""The scheduler: takes back the runs of lost workers, rings for runs that wait, sends webhooks.

Every step is a guarded, repeatable transaction, so several schedulers at once do no harm and
none needs to be elected; one that dies leaves nothing half done.
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
from service.experiments import idempotency, labelling
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

#: A turn may have to wait for a server that does not answer (5 s to connect, twice over).
_SLOWEST_TURN_SECONDS = 30.0

_log = structlog.get_logger(__name__)


class Scheduler:
    """Sweeps until it is told to stop; an outage of Postgres or Redis is waited out."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._engine = create_database_engine(settings, pool_size=1)
        self._sessions = session_factory(self._engine)
        self._doorbell = Doorbell(settings)
        self._postgres = Outage("Postgres")
        self._redis = Outage("Redis")
        self._purged_at = float("-inf")

    def run(self, stop: threading.Event) -> None:
        """Take a turn every ``sweep_seconds`` until stopped."""
        while not stop.is_set():
            self.turn()
            mark_alive(self._settings, PROCESS)
            stop.wait(self._settings.sweep_seconds)

    def turn(self) -> None:
        """Do all that is due, once."""
        try:
            with self._sessions() as session:
                self._recover(session)
                self._ring(session)
                self._label(session)
                self._purge(session)
        except DBAPIError as error:
            if not is_outage(error):
                raise
            self._postgres.began(error.orig)
        else:
            self._postgres.ended()

    def close(self) -> None:
        """Give the connections back."""
        self._doorbell.close()
        self._engine.dispose()

    def _recover(self, session: Session) -> None:
        for run_id, attempt in leases.expired(session):
            if endings.recover(session, run_id, attempt, self._settings):
                _log.warning(
                    "Took a run back from a worker that fell silent",
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

    def _purge(self, session: Session) -> None:
        if time.monotonic() - self._purged_at < PURGE_SECONDS:
            return
        idempotency.purge(session)
        retention.purge_workers(session)
        while retention.purge_events(session, self._settings):
            pass
        while retention.purge_deliveries(session, self._settings):
            pass
        files.purge(session, self._settings)
        self._purged_at = time.monotonic()


def main() -> None:
    """Run a scheduler, or say by the exit status whether this container's is alive."""
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
    stop = _told_to_stop()
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


def _told_to_stop() -> threading.Event:
    """Give the event that SIGTERM and Ctrl-C set.

    A thread sets it and no handler: a handler strikes also in the middle of the event's own
    methods, as does a second signal, and would wait for ever for the lock that it has interrupted.
    A queue of this kind is made for being written to anywhere.
    """
    stop = threading.Event()
    told: SimpleQueue[int] = SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: told.put(number))

    def heed() -> None:
        told.get()
        stop.set()

    threading.Thread(target=heed, name="signals", daemon=True).start()
    return stop


def _run(scheduler: Scheduler, sender: WebhookSender, stop: threading.Event) -> None:
    """Sweep, and send webhooks beside it: a receiver that hangs holds up no sweep."""
    with ThreadPoolExecutor(1, "webhooks") as beside:
        sending = beside.submit(sender.run, stop)
        sending.add_done_callback(lambda _: stop.set())  # neither goes on without the other
        try:
            scheduler.run(stop)
        finally:
            stop.set()
        sending.result()


if __name__ == "__main__":
    main()
