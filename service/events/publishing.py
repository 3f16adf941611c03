"""Publishing: the one way in which an event reaches streams and webhooks.

An event is a row written in the transaction that it reports, and a NOTIFY that wakes listeners when
that transaction commits. Progress inside an epoch is a NOTIFY only.
"""

import uuid
from collections.abc import Iterable, Sequence
from typing import Any

import orjson
from sqlalchemy import ARRAY, Integer, Text, Uuid, bindparam, cast, func, insert, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from service.database.arrays import table_of
from service.database.tables import Event, Run
from service.events.event_types import EventType, NewEvent
from service.events.outbox import enqueue
from service.statuses import ACTIVE

CHANNEL = "actinium_events"


def publish(session: Session, events: Iterable[NewEvent]) -> None:
    """Store events and their webhook deliveries, and wake the listeners on commit.

    Call it last in a transaction: it locks the streams of the experiments. Where the last active
    run of an experiment ended, the end of the experiment is published after it.

    Args:
        session: inside a transaction that has locked every run it changed.
        events: in the order in which their streams get them.
    """
    published = list(events)
    if not published:
        return
    experiment_ids = list(dict.fromkeys(event.experiment_id for event in published))
    _lock_streams(session, experiment_ids)
    published += _experiment_endings(session, published)
    _store(session, published)
    enqueue(session, published)
    _notify(session, [{"experiment_id": str(experiment_id)} for experiment_id in experiment_ids])


def _store(session: Session, events: Sequence[NewEvent]) -> None:
    """Store events in their order, in one statement: a cancel can end thousands of runs."""
    new = table_of(
        "new",
        {
            "place": (Integer, range(len(events))),
            "experiment_id": (Uuid, [event.experiment_id for event in events]),
            "run_id": (Uuid, [event.run_id for event in events]),
            "type": (Text, [event.type for event in events]),
            "data": (Text, [orjson.dumps(event.data).decode() for event in events]),
        },
    )
    columns: dict[Any, Any] = {
        Event.experiment_id: new.c.experiment_id,
        Event.run_id: new.c.run_id,
        Event.type: new.c.type,
        Event.data: cast(new.c.data, JSONB),
    }
    rows = select(*columns.values()).order_by(new.c.place)
    session.execute(insert(Event).from_select(list(columns), rows))


def announce(
    session: Session, progress: Iterable[tuple[uuid.UUID, uuid.UUID, dict[str, Any]]]
) -> None:
    """Send listeners the progress inside an epoch; nothing is stored or replayed.

    Args:
        session: inside a transaction.
        progress: experiment, run and content, for each run.
    """
    _notify(
        session,
        [
            {"experiment_id": str(experiment_id), "run_id": str(run_id), "progress": data}
            for experiment_id, run_id, data in progress
        ],
    )


def _lock_streams(session: Session, experiment_ids: Iterable[uuid.UUID]) -> None:
    """Lock the streams of some experiments until this transaction ends.

    Postgres assigns numbers before transactions commit. Without the lock a reader could see a
    higher number first, and skip the lower one that is committed later. All streams are locked at
    once and in one order, after the transaction's row locks, so that no two transactions wait for
    each other.
    """
    ordered = bindparam("ids", sorted(map(str, experiment_ids)), type_=ARRAY(Text))
    experiment_id = func.unnest(ordered).column_valued("experiment_id")
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(experiment_id, 0))))


def _experiment_endings(session: Session, events: Sequence[NewEvent]) -> list[NewEvent]:
    """Return the end of every experiment whose last active run has just ended.

    Runs are counted under the lock of the streams: where two runs end at the same time, the later
    transaction sees both ends.
    """
    ended = {event.experiment_id for event in events if event.type == EventType.RUN_FINISHED}
    if not ended:
        return []
    counts: dict[uuid.UUID, dict[str, int]] = {experiment_id: {} for experiment_id in ended}
    for experiment_id, status, count in session.execute(
        select(Run.experiment_id, Run.status, func.count())
        .where(Run.experiment_id.in_(ended))
        .group_by(Run.experiment_id, Run.status)
    ):
        counts[experiment_id][status] = count
    return [
        NewEvent(EventType.EXPERIMENT_FINISHED, experiment_id, data={"runs": runs})
        for experiment_id, runs in counts.items()
        if not runs.keys() & set(ACTIVE)
    ]


def _notify(session: Session, payloads: Sequence[dict[str, Any]]) -> None:
    texts = [orjson.dumps(payload).decode() for payload in payloads]
    payload = func.unnest(bindparam("payloads", texts, type_=ARRAY(Text))).column_valued("payload")
    session.execute(select(func.pg_notify(CHANNEL, payload)))
