"""Heartbeat: a worker's row in Postgres, renewed while the worker can receive messages.

A worker has a row from when it can train: its child needs seconds to import torch.
"""

import os
from collections.abc import Callable
from typing import Any

import structlog
from celery import bootsteps
from sqlalchemy import delete, func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from service.database.engine import create_database_engine, session_factory
from service.database.outages import Outage, is_outage
from service.database.tables import Worker
from service.liveness import mark_alive
from workers.process.identity import WorkerIdentity
from workers.process.usage import usage_of

#: The name under which a worker leaves its sign of life (``service.liveness``).
PROCESS = "worker"

#: Longest time between two heartbeats.
BEAT_SECONDS = 5.0

#: Time between two looks at whether the child can train.
_LOOK_SECONDS = 0.05

_log = structlog.get_logger(__name__)


class Heartbeat(bootsteps.StartStopStep):  # type: ignore[misc]
    """A step of Celery's worker that renews the worker's row from the event loop's timer.

    A timer and not a thread: the parent forks children, and a lock that a thread holds during a
    fork stays locked in the child for ever. For the same reason no database connection stays open
    between two beats.
    """

    requires = ("celery.worker.components:Timer",)

    def __init__(self, parent: Any, *, identity: WorkerIdentity, **options: Any) -> None:
        super().__init__(parent, **options)
        self._identity = identity
        self._engine = create_database_engine(identity.settings, pool_size=1)
        self._sessions = session_factory(self._engine)
        self._outage = Outage("Postgres")
        self._timers: list[Any] = []

    def start(self, parent: Any) -> None:
        """Write the worker's row once its child can train, and renew it from then on."""
        self._write(self._delete_row)  # one may be left from a worker of this name that died
        self._beat()
        interval = min(BEAT_SECONDS, self._identity.settings.worker_seen_seconds / 4)
        self._timers = [
            parent.timer.call_repeatedly(interval, self._beat),
            parent.timer.call_repeatedly(_LOOK_SECONDS, self._beat_when_ready),
        ]

    def stop(self, _parent: Any) -> None:
        """Delete the worker's row."""
        for timer in self._timers:
            timer.cancel()
        self._write(self._delete_row)

    #: A worker that has to end at once leaves no row behind either.
    terminate = stop

    def _beat_when_ready(self) -> None:
        """Beat at once when the child becomes ready, and look no more."""
        if self._identity.ready.is_set():
            self._timers.pop().cancel()
            self._beat()

    def _beat(self) -> None:
        if self._identity.ready.is_set():
            self._write(self._renew_row)
        mark_alive(self._identity.settings, PROCESS)

    def _renew_row(self, session: Session) -> None:
        usage = usage_of(os.getpid())
        described = {
            "device": self._identity.device,
            "memory_bytes": self._identity.memory_bytes,
            "resident_bytes": usage and usage.resident_bytes,
            "processor_seconds": usage and usage.processor_seconds,
        }
        row = insert(Worker).values(name=self._identity.name, **described)
        session.execute(
            row.on_conflict_do_update(
                index_elements=[Worker.name],
                set_={**described, "seen_at": func.now()},
            )
        )

    def _delete_row(self, session: Session) -> None:
        session.execute(delete(Worker).where(Worker.name == self._identity.name))

    def _write(self, change: Callable[[Session], None]) -> None:
        """Run a change in a transaction; skip it while Postgres is away, for the training goes on.

        Raises:
            DBAPIError: the database refused the change for another reason.
        """
        try:
            with self._sessions() as session, session.begin():
                change(session)
        except DBAPIError as error:
            if not is_outage(error):
                raise
            self._outage.began(error.orig)
        else:
            self._outage.ended()
        finally:
            self._engine.dispose()
