"""Where experiments were asked for: the trace contexts that their first events carry."""

import uuid
from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.database.tables import Event
from service.events.event_types import EventType
from service.tracing import TRACEPARENT


def read_origins(session: Session, experiment_ids: Collection[uuid.UUID]) -> list[str]:
    """Return the trace contexts of the requests that submitted experiments, in their order.

    Experiments that were submitted while traces were off, or so long ago that their first event is
    no longer stored, have none.

    Args:
        session: a session outside any transaction.
        experiment_ids: the experiments, the first one first.
    """
    found = select(Event.experiment_id, Event.data[TRACEPARENT].astext).where(
        Event.experiment_id.in_(experiment_ids), Event.type == EventType.EXPERIMENT_CREATED
    )
    with session.begin():
        origins: dict[uuid.UUID, str | None] = dict(session.execute(found).all())
    contexts = (origins.get(experiment_id) for experiment_id in experiment_ids)
    return [context for context in contexts if context is not None]
