"""Registration: a worker's row in Postgres, kept fresh while it can hear the doorbell."""

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
from workers.process.identity import Station

PROCESS = "worker"
BEAT_SECONDS = 5.0

_log = structlog.get_logger(__name__)


class Registration(bootsteps.StartStopStep):  # type: ignore[misc]
    """A step of Celery's worker that registers it and renews that from the event loop's timer.

    A timer and no thread: the parent forks children, and a fork while a thread holds a lock
    leaves it locked in the child for ever. For the same reason no connection outlives a beat.
    """

    requires = ("celery.worker.components:Timer",)

    def __init__(self, parent: Any, *, station: Station, **options: Any) -> None:
        super().__init__(parent, **options)
        self._station = station
        self._engine = create_database_engine(station.settings, pool_size=1)
        self._sessions = session_factory(self._engine)
        self._outage = Outage("Postgres")
        self._timer: Any = None

    def start(self, parent: Any) -> None:
        """Register the worker and keep doing so."""
        self._write(self._leave)  # a row left by a worker that died under this name
        self._beat()
        every = min(BEAT_SECONDS, self._station.settings.worker_seen_seconds / 4)
        self._timer = parent.timer.call_repeatedly(every, self._beat)

    def stop(self, _parent: Any) -> None:
        """Take the worker off the list."""
        if self._timer is not None:
            self._timer.cancel()
        self._write(self._leave)

    #: A worker that is told to end at once leaves no row behind either.
    terminate = stop

    def _beat(self) -> None:
        self._write(self._enter)
        mark_alive(self._station.settings, PROCESS)

    def _enter(self, session: Session) -> None:
        row = insert(Worker).values(name=self._station.name, device=self._station.device)
        session.execute(
            row.on_conflict_do_update(
                index_elements=[Worker.name],
                set_={"device": row.excluded.device, "seen_at": func.now()},
            )
        )

    def _leave(self, session: Session) -> None:
        session.execute(delete(Worker).where(Worker.name == self._station.name))

    def _write(self, change: Any) -> None:
        """Make a change that may fail: a worker trains on while Postgres is away."""
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
