"""What happened to runs since the last scrape, read from the stored events.

Events are written in the transactions that they report, by whichever process. So every API process
counts all of them, whoever trained, and from its own start. A scrape reads what was stored since
the one before, and no event twice.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row, and_, func, select, text
from sqlalchemy.orm import Session

from service.database.tables import Attempt, Event, Run
from service.events.event_types import EventType
from service.events.global_order import Watermark
from service.statuses import AttemptOutcome, RunStatus

#: The most events that one scrape reads. Where more were stored since the one before, in hours
#: without any, the oldest are not counted.
MOST_EVENTS = 100_000

#: Numbers of events and transactions at one moment.
_MOMENT = text(
    """
    SELECT pg_snapshot_xmin(snapshot)::text::bigint AS oldest_active,
           pg_snapshot_xmax(snapshot)::text::bigint AS next_transaction,
           coalesce((SELECT max(id) FROM events), 0) AS newest
    FROM pg_current_snapshot() AS snapshot
    """
)

#: Endings that may be those of a run whose worker was lost, with no attempt left or a cancel.
_MAYBE_LOST = frozenset({RunStatus.FAILED, RunStatus.CANCELLED})


@dataclass
class Happened:
    """What happened to runs.

    Attributes:
        waits: of each run that began for the first time its caller, and the seconds since it was
            submitted.
        durations: of each run that ended and was trained its status, and the seconds since it began
            for the first time.
        lost: how many attempts ended because their worker gave no sign of life or died.
    """

    waits: list[tuple[str, float]] = field(default_factory=list)
    durations: list[tuple[str, float]] = field(default_factory=list)
    lost: int = 0


class RunEvents:
    """Reads each event about runs once, from the first call on."""

    def __init__(self) -> None:
        self._watermark = Watermark()
        self._after: int | None = None

    def read(self, session: Session) -> Happened:
        """Return what happened since the call before, nothing at the first; inside a transaction.

        An event whose transaction was committed out of turn is told by a later call.
        """
        moment = session.execute(_MOMENT).one()
        complete = self._watermark.advance(
            moment.newest, moment.oldest_active, moment.next_transaction
        )
        if self._after is None:
            self._after = moment.newest
        after = max(self._after, complete - MOST_EVENTS)
        if complete <= after:
            return Happened()
        rows = session.execute(_between(after, complete)).all()
        self._after = complete
        return _happened(rows)


def _between(after: int, up_to: int) -> Any:
    kinds = (EventType.RUN_STARTED, EventType.RUN_REQUEUED, EventType.RUN_FINISHED)
    since_begin = func.extract("epoch", Event.created_at - Run.started_at)
    return (
        select(
            Event.type,
            Event.data,
            Run.caller,
            func.extract("epoch", Event.created_at - Run.created_at).label("waited"),
            since_begin.label("trained"),
            Attempt.outcome,
        )
        .join(Run, Run.id == Event.run_id)
        .outerjoin(Attempt, and_(Attempt.run_id == Run.id, Attempt.attempt == Run.attempt))
        .where(Event.id > after, Event.id <= up_to, Event.type.in_(kinds))
    )


def _happened(rows: Iterable[Row[Any]]) -> Happened:
    happened = Happened()
    for row in rows:
        if row.type == EventType.RUN_STARTED:
            if row.data["attempt"] == 1:
                happened.waits.append((row.caller, float(row.waited)))
        elif row.type == EventType.RUN_REQUEUED:
            happened.lost += row.data["outcome"] == AttemptOutcome.LOST
        else:
            status = row.data["status"]
            happened.lost += status in _MAYBE_LOST and row.outcome == AttemptOutcome.LOST
            # A run that was cancelled in the queue never began, nor did one that took over a
            # history; one that was retried since may have begun later than this end.
            if not row.data["reused_from"] and row.trained is not None and row.trained >= 0:
                happened.durations.append((status, float(row.trained)))
    return happened
