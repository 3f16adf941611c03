"""Read stored events (all, one experiment's or one run's), and whether more can come."""

import uuid
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, exists, or_, select, text, true
from sqlalchemy.orm import Session

from service.database.tables import Event, Run
from service.events.live_event import LiveEvent, StoredEvent
from service.statuses import ACTIVE


@dataclass(frozen=True)
class Subject:
    """What a stream reports on: all experiments, one experiment, or one run.

    Where ``types`` are named, only events of these types.
    """

    experiment_id: uuid.UUID | None = None
    run_id: uuid.UUID | None = None
    types: frozenset[str] = frozenset()

    def includes(self, event: LiveEvent) -> bool:
        """Whether an event of the followed experiments belongs in the stream."""
        return (self.run_id is None or event.run_id == self.run_id) and (
            not self.types or event.type in self.types
        )


def events_after(
    session: Session, subject: Subject, after: int, limit: int, *, up_to: int | None = None
) -> list[LiveEvent]:
    """Return stored events after a number, in order, at most ``limit``.

    Args:
        session: a session outside any transaction.
        subject: what the events report on.
        after: the number before the first event's.
        limit: the most events.
        up_to: the highest number; none where left out.
    """
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
            .where(
                _selected(subject), Event.id > after, true() if up_to is None else Event.id <= up_to
            )
            .order_by(Event.id)
            .limit(limit)
        )
        return [LiveEvent.stored(StoredEvent(*row)) for row in rows]


def is_over(session: Session, subject: Subject, after: int) -> bool:
    """Whether no event can follow a number: no run is active, and no later event is stored.

    Both are read in one statement, and so at one moment. A stream of all experiments never ends.
    """
    if subject.experiment_id is None:
        return False
    runs = Run.experiment_id == subject.experiment_id
    if subject.run_id is not None:
        runs = Run.id == subject.run_id
    active = exists().where(and_(runs, Run.status.in_(ACTIVE)))
    newer = exists().where(and_(_selected(subject), Event.id > after))
    with session.begin():
        return not session.scalar(select(or_(active, newer)))


def newest_number(session: Session) -> int:
    """Return a number that no stored event exceeds, and none that was ever sent to a client."""
    with session.begin():
        numbers = text("SELECT last_value FROM events_id_seq")
        newest: int = session.scalars(numbers).one()
        return newest


def _selected(subject: Subject) -> ColumnElement[bool]:
    if subject.run_id is not None:
        return Event.run_id == subject.run_id
    if subject.experiment_id is not None:
        return Event.experiment_id == subject.experiment_id
    return Event.type.in_(subject.types) if subject.types else true()
