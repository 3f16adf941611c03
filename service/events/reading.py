"""Reading events from the table, of all experiments, of one or of a run; what may follow."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

import orjson
from sqlalchemy import and_, exists, or_, select, true
from sqlalchemy.orm import Session

from service.database.tables import Event, Run
from service.events.event_types import RUN_PROGRESS, STREAM_OPENED
from service.statuses import ACTIVE


@dataclass(frozen=True)
class StoredEvent:
    """A row of the table."""

    id: int
    experiment_id: uuid.UUID
    run_id: uuid.UUID | None
    type: str
    data: dict[str, Any]
    created_at: datetime


@dataclass(frozen=True)
class LiveEvent:
    """An event as listeners get it, encoded once for all of them.

    ``id`` is the event's number, None for what is told and never stored; ``body`` is JSON.
    """

    id: int | None
    run_id: uuid.UUID | None
    type: str
    body: bytes

    @classmethod
    def stored(cls, row: StoredEvent) -> Self:
        """Encode a stored event."""
        body = {
            "experiment_id": row.experiment_id,
            "run_id": row.run_id,
            "created_at": row.created_at,
            **row.data,
        }
        return cls(row.id, row.run_id, row.type, orjson.dumps(body, option=orjson.OPT_UTC_Z))

    @classmethod
    def opened(cls, head: int) -> Self:
        """Encode where a stream begins that replays nothing."""
        body = {"experiment_id": None, "run_id": None}
        return cls(head, None, STREAM_OPENED, orjson.dumps(body))

    @classmethod
    def progress(cls, experiment_id: uuid.UUID, run_id: uuid.UUID, data: dict[str, Any]) -> Self:
        """Encode how far a run is inside an epoch."""
        body = {"experiment_id": experiment_id, "run_id": run_id, **data}
        return cls(None, run_id, RUN_PROGRESS, orjson.dumps(body))


@dataclass(frozen=True)
class Subject:
    """What a stream tells of: all experiments, one, or one of its runs; ``types`` narrow it."""

    experiment_id: uuid.UUID | None = None
    run_id: uuid.UUID | None = None
    types: frozenset[str] = frozenset()

    def concerns(self, event: LiveEvent) -> bool:
        """Say whether an event of what is followed belongs in the stream."""
        return (self.run_id is None or event.run_id == self.run_id) and (
            not self.types or event.type in self.types
        )


def events_after(
    session: Session, subject: Subject, after: int, limit: int, *, up_to: int | None = None
) -> list[LiveEvent]:
    """Read stored events after a number, in order; with ``up_to`` none beyond that number."""
    with session.begin():
        rows = session.execute(
            select(
                Event.id,
                Event.experiment_id,
                Event.run_id,
                Event.type,
                Event.data,
                Event.created_at,
            )
            .where(_of(subject), Event.id > after, true() if up_to is None else Event.id <= up_to)
            .order_by(Event.id)
            .limit(limit)
        )
        return [LiveEvent.stored(StoredEvent(*row)) for row in rows]


def is_over(session: Session, subject: Subject, after: int) -> bool:
    """Say whether nothing follows an event: no run is active, and none ended meanwhile.

    One statement, so that both are seen as of one moment. Of all experiments another may follow
    at any time.
    """
    if subject.experiment_id is None:
        return False
    runs = Run.experiment_id == subject.experiment_id
    if subject.run_id is not None:
        runs = Run.id == subject.run_id
    active = exists().where(and_(runs, Run.status.in_(ACTIVE)))
    newer = exists().where(and_(_of(subject), Event.id > after))
    with session.begin():
        return not session.scalar(select(or_(active, newer)))


def _of(subject: Subject) -> Any:
    if subject.run_id is not None:
        return Event.run_id == subject.run_id
    if subject.experiment_id is not None:
        return Event.experiment_id == subject.experiment_id
    return Event.type.in_(subject.types) if subject.types else true()
