"""Events: what live streams replay and follow.

An event is a row written in the transaction it tells of, and a NOTIFY that wakes listeners
when that transaction commits. Progress inside an epoch is worth a NOTIFY only.
"""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import (
    ARRAY,
    Text,
    bindparam,
    func,
    insert,
    select,
)
from sqlalchemy.orm import Session

from service.database.tables import Event, Run
from service.events.outbox import enqueue

CHANNEL = "actinium_events"


@dataclass(frozen=True)
class NewEvent:
    """An event before it has its number. ``run_id`` is None for the experiment's own."""

    type: str
    run_id: uuid.UUID | None = None
    data: dict[str, Any] = field(default_factory=dict)


def lock_streams(session: Session, experiment_ids: Iterable[uuid.UUID]) -> None:
    """Let this transaction alone add to some experiments' streams until it ends.

    Numbers are handed out before transactions commit; without the lock a reader could see a
    higher number first and take the lower one, committed later, for already read. Take it
    after every row lock of the transaction, and all that it needs at once: they are taken in
    one order, so that no two transactions can wait for each other.
    """
    ordered = bindparam("ids", sorted(map(str, experiment_ids)), type_=ARRAY(Text))
    each = func.unnest(ordered).column_valued("experiment_id")
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(each, 0))))


def publish(session: Session, experiment_id: uuid.UUID, events: Sequence[NewEvent]) -> None:
    """Write events and wake the listeners on commit. The last act of a transaction."""
    publish_all(session, {experiment_id: events})


def publish_all(session: Session, streams: Mapping[uuid.UUID, Sequence[NewEvent]]) -> None:
    """Write events of several experiments, as ``publish`` does those of one."""
    rows = [
        {
            "experiment_id": experiment_id,
            "run_id": each.run_id,
            "type": each.type,
            "data": each.data,
        }
        for experiment_id, events in streams.items()
        for each in events
    ]
    if not rows:
        return
    told = [experiment_id for experiment_id, events in streams.items() if events]
    lock_streams(session, told)
    session.execute(insert(Event), rows)
    _notify(session, [{"experiment_id": str(each)} for each in told])


def announce(
    session: Session, progress: Iterable[tuple[uuid.UUID, uuid.UUID, dict[str, Any]]]
) -> None:
    """Tell listeners of progress inside an epoch; nothing is stored or replayed.

    Args:
        session: inside a transaction.
        progress: the experiment, the run and what is told of it, for each run.
    """
    _notify(
        session,
        [
            {"experiment_id": str(experiment_id), "run_id": str(run_id), "progress": data}
            for experiment_id, run_id, data in progress
        ],
    )


def _notify(session: Session, payloads: Sequence[dict[str, Any]]) -> None:
    texts = [orjson.dumps(each).decode() for each in payloads]
    each = func.unnest(bindparam("payloads", texts, type_=ARRAY(Text))).column_valued("payload")
    session.execute(select(func.pg_notify(CHANNEL, each)))


def streams_of(told: Iterable[tuple[uuid.UUID, NewEvent]]) -> dict[uuid.UUID, list[NewEvent]]:
    """Sort events into their experiments' streams, each in the order given."""
    streams: dict[uuid.UUID, list[NewEvent]] = defaultdict(list)
    for experiment_id, event in told:
        streams[experiment_id].append(event)
    return streams


def publish_endings(session: Session, streams: Mapping[uuid.UUID, Sequence[NewEvent]]) -> None:
    """Publish that runs ended, and that an experiment did where none of its is left.

    Webhooks that are to be told get a delivery each, in this same transaction.
    """
    lock_streams(session, streams)
    # Counted under the lock: of two runs that end together, the later one sees both ended.
    counts: dict[uuid.UUID, dict[str, int]] = {each: {} for each in streams}
    for experiment_id, status, count in session.execute(
        select(Run.experiment_id, Run.status, func.count())
        .where(Run.experiment_id.in_(list(streams)))
        .group_by(Run.experiment_id, Run.status)
    ):
        counts[experiment_id][status] = count
    finished = {
        experiment_id: [NewEvent("experiment.finished", None, {"runs": each})]
        for experiment_id, each in counts.items()
        if not each.get("queued") and not each.get("running")
    }
    told = {each: [*events, *finished.get(each, ())] for each, events in streams.items()}
    for experiment_id, events in told.items():
        enqueue(session, experiment_id, events)
    publish_all(session, told)
