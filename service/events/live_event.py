"""Events as listeners get them: each is framed once, and all its listeners get the same bytes."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

import orjson
import structlog

from service.events.event_types import RUN_PROGRESS, STREAM_OPENED

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class StoredEvent:
    """A row of the table of events."""

    id: int
    experiment_id: uuid.UUID
    run_id: uuid.UUID | None
    type: str
    data: dict[str, Any]
    created_at: datetime


@dataclass(frozen=True)
class LiveEvent:
    """An event, framed as a server-sent event (HTML standard, section 9.2).

    Attributes:
        id: the event's number; None where the event is not stored.
        run_id: the run it reports on; None for an experiment's own event.
        type: a type of ``service.events.event_types``.
        frame: the bytes that a stream sends.
    """

    id: int | None
    run_id: uuid.UUID | None
    type: str
    frame: bytes

    @classmethod
    def stored(cls, row: StoredEvent) -> Self:
        """Return a stored event; one that JSON cannot hold has none of its type's fields."""
        body = {
            "experiment_id": row.experiment_id,
            "run_id": row.run_id,
            "created_at": row.created_at,
        }
        try:
            frame = _frame(row.type, body | row.data, row.id)
        except orjson.JSONEncodeError:
            # An error here would end the streams of all experiments, at every new try.
            _log.exception("An event is sent without its fields", event_id=row.id, type=row.type)
            frame = _frame(row.type, body, row.id)
        return cls(row.id, row.run_id, row.type, frame)

    @classmethod
    def opened(cls, head: int) -> Self:
        """Return the first event of a stream that replays nothing: the number it begins after."""
        body = {"experiment_id": None, "run_id": None}
        return cls(head, None, STREAM_OPENED, _frame(STREAM_OPENED, body, head))

    @classmethod
    def progress(cls, experiment_id: uuid.UUID, run_id: uuid.UUID, data: dict[str, Any]) -> Self:
        """Return how far a run is inside an epoch."""
        body = {"experiment_id": experiment_id, "run_id": run_id, **data}
        return cls(None, run_id, RUN_PROGRESS, _frame(RUN_PROGRESS, body, None))


def _frame(event_type: str, body: dict[str, Any], number: int | None) -> bytes:
    # JSON as orjson writes it has no line breaks, so it is one line of data.
    data = orjson.dumps(body, option=orjson.OPT_UTC_Z)
    last_line = b"" if number is None else b"id: %d\n" % number
    return b"event: %s\ndata: %s\n%s\n" % (event_type.encode(), data, last_line)
