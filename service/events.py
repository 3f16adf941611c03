"""Events: what live streams replay and follow.

An event is a row written in the transaction it tells of, and a NOTIFY that wakes listeners
when that transaction commits. Progress inside an epoch is worth a NOTIFY only.
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import func, insert, select, text
from sqlalchemy.orm import Session

from service.models import Event

CHANNEL = "actinium_events"


@dataclass(frozen=True)
class NewEvent:
    """An event before it has its number. ``run_id`` is None for the experiment's own."""

    type: str
    run_id: uuid.UUID | None = None
    data: dict[str, Any] = field(default_factory=dict)


def lock_stream(session: Session, experiment_id: uuid.UUID) -> None:
    """Let this transaction alone add to an experiment's stream until it ends.

    Numbers are handed out before transactions commit; without the lock a reader could see a
    higher number first and take the lower one, committed later, for already read. Take it
    after every row lock of the transaction, so that no two can wait for each other.
    """
    key = func.hashtextextended(str(experiment_id), 0)
    session.execute(select(func.pg_advisory_xact_lock(key)))


def publish(session: Session, experiment_id: uuid.UUID, events: Iterable[NewEvent]) -> None:
    """Write events and wake the listeners on commit. The last act of a transaction."""
    rows = [
        {
            "experiment_id": experiment_id,
            "run_id": each.run_id,
            "type": each.type,
            "data": each.data,
        }
        for each in events
    ]
    if not rows:
        return
    lock_stream(session, experiment_id)
    session.execute(insert(Event), rows)
    _notify(session, {"experiment_id": str(experiment_id)})


def announce(
    session: Session, experiment_id: uuid.UUID, run_id: uuid.UUID, data: dict[str, Any]
) -> None:
    """Tell listeners of a run's progress inside an epoch; nothing is stored or replayed."""
    _notify(
        session,
        {"experiment_id": str(experiment_id), "run_id": str(run_id), "progress": data},
    )


def _notify(session: Session, payload: dict[str, Any]) -> None:
    session.execute(
        text("SELECT pg_notify(:channel, :payload)"),
        {"channel": CHANNEL, "payload": orjson.dumps(payload).decode()},
    )
