"""Reading the rows of a run; every read is a transaction of its own."""

import uuid
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, sessionmaker

from service.catalog.metrics import EPOCH_METRICS
from service.database.tables import Attempt, Epoch, Event, Layers, Run


def rows(sessions: sessionmaker[Session], query: Select[Any]) -> list[tuple[Any, ...]]:
    """Return the rows of a query now."""
    with sessions() as session:
        return [tuple(row) for row in session.execute(query)]


class Looks:
    """Reads the state of runs as it is now."""

    def __init__(self, sessions: sessionmaker[Session]) -> None:
        self._sessions = sessions

    def run(self, run_id: uuid.UUID) -> Run:
        """Return the run's row."""
        with self._sessions() as session:
            found = session.get(Run, run_id)
            assert found is not None
            return found

    def history(self, run_id: uuid.UUID) -> list[tuple[Any, ...]]:
        """Return each epoch's number and metrics, without the seconds it took."""
        columns = [getattr(Epoch, name) for name in EPOCH_METRICS if name != "epoch_seconds"]
        wanted = select(Epoch.epoch, *columns).where(Epoch.run_id == run_id)
        return rows(self._sessions, wanted.order_by(Epoch.epoch))

    def layers(self, run_id: uuid.UUID) -> list[tuple[Any, ...]]:
        """Return the run's stored layer statistics: epoch and payload."""
        wanted = select(Layers.epoch, Layers.payload).where(Layers.run_id == run_id)
        return rows(self._sessions, wanted.order_by(Layers.epoch))

    def attempts(self, run_id: uuid.UUID) -> list[Attempt]:
        """Return the run's attempts in order."""
        with self._sessions() as session:
            wanted = select(Attempt).where(Attempt.run_id == run_id)
            return list(session.scalars(wanted.order_by(Attempt.attempt)))

    def outcomes(self, run_id: uuid.UUID) -> list[str | None]:
        """Return the outcomes of the run's attempts, in order."""
        return [attempt.outcome for attempt in self.attempts(run_id)]

    def events(self, run_id: uuid.UUID) -> list[str]:
        """Return the types of the run's events, in order."""
        wanted = select(Event.type).where(Event.run_id == run_id).order_by(Event.id)
        return [kind for (kind,) in rows(self._sessions, wanted)]
