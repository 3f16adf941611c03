"""How a run's state may change: every guarded write that more than one use-case needs.

Nothing here opens a transaction; the use-cases in ``service.claiming``, ``service.recording``,
``service.runs`` and ``service.experiments`` do.
"""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, insert, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, aliased

from service.config import Settings
from service.events import NewEvent, lock_streams, publish_all
from service.models import FINISHED, METRICS, RESULT_COLUMNS, Attempt, Epoch, Layers, Run
from service.numbers import to_json
from service.webhook_deliveries import enqueue

#: What a reused run takes over from the one it repeats.
_TAKEN_OVER = ("status", "epoch", *RESULT_COLUMNS, "verdict", "findings", "worker", "engine")


def close_attempts(
    session: Session, taken: Sequence[Run], outcome: str, reason: str | None
) -> None:
    """Write down how the attempts of some runs ended, once."""
    tokens = [(each.id, each.attempt) for each in taken]
    session.execute(
        update(Attempt)
        .where(tuple_(Attempt.run_id, Attempt.attempt).in_(tokens), Attempt.outcome.is_(None))
        .values(outcome=outcome, reason=reason, ended_at=func.now())
        .execution_options(synchronize_session=False)
    )


def end_runs(session: Session, ids: Collection[uuid.UUID], status: str) -> list[Run]:
    """End running runs whose rows this transaction has locked, and their attempts."""
    ended = session.scalars(
        update(Run)
        .where(Run.id.in_(ids))
        .values(status=status, lease_expires_at=None, finished_at=func.now(), error=None)
        .returning(Run)
        .execution_options(populate_existing=True, synchronize_session=False)
    ).all()
    close_attempts(session, ended, status, None)
    return sorted(ended, key=lambda run: run.id)


def finished_event(run: Run) -> NewEvent:
    """Tell that a run ended."""
    return NewEvent(
        "run.finished",
        run.id,
        {
            "status": run.status,
            "epoch": run.epoch,
            "epochs": run.epochs,
            "val_accuracy": to_json(run.val_accuracy),
            "val_loss": to_json(run.val_loss),
            "reused_from": str(run.reused_from) if run.reused_from else None,
            "error": run.error,
        },
    )


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


def take_back(
    session: Session, taken: Sequence[Run], outcome: str, reason: str, settings: Settings
) -> None:
    """Take locked runs from their attempts: to the queue, or to the end where none may follow."""
    close_attempts(session, taken, outcome, reason)
    now = session.scalars(select(func.now())).one()
    told = []
    for run in taken:
        run.lease_expires_at = None
        if outcome != "released":
            run.failures += 1
        if run.cancel_requested_at is not None:
            run.status, run.error, run.finished_at = "cancelled", None, now
        elif run.failures >= run.max_attempts:
            run.status, run.error, run.finished_at = "failed", reason, now
        else:
            run.status = "queued"
            if outcome == "error":
                pause = settings.retry_backoff_seconds * 2 ** (run.failures - 1)
                run.not_before = now + timedelta(seconds=pause)
        told.append((run.experiment_id, _left_event(run, outcome, reason)))
    session.flush()
    ended = any(run.status != "queued" for run in taken)
    (publish_endings if ended else publish_all)(session, streams_of(told))


def _left_event(run: Run, outcome: str, reason: str) -> NewEvent:
    if run.status != "queued":
        return finished_event(run)
    data = {"attempt": run.attempt, "outcome": outcome, "reason": reason}
    return NewEvent("run.requeued", run.id, data)


def reuse_finished(session: Session, scope: ColumnElement[bool]) -> list[Run]:
    """End queued runs whose very configuration and seed have already been trained.

    Args:
        session: inside a transaction.
        scope: which queued runs are looked at.

    Returns:
        The runs that now carry the history of another.
    """
    twin = aliased(Run)
    pairs = session.execute(
        select(Run.id, twin.id)
        .join(
            twin,
            and_(
                twin.config_hash == Run.config_hash,
                twin.seed == Run.seed,
                twin.status.in_(FINISHED),
                or_(
                    Run.device_request == "auto",
                    twin.engine["device"].astext == Run.device_request,
                ),
            ),
        )
        .where(scope, Run.status == "queued", Run.reuse, Run.epoch == 0)
        .ext(distinct_on(Run.id))
        .order_by(Run.id, twin.reused_from.is_not(None), twin.id)
    ).all()
    return _copy_results(session, [(run_id, twin_id) for run_id, twin_id in pairs])


def _copy_results(session: Session, pairs: Sequence[tuple[uuid.UUID, uuid.UUID]]) -> list[Run]:
    if not pairs:
        return []
    # Locked, so that a history cannot be deleted while it is copied.
    sources = {
        each.id: each
        for each in session.scalars(
            select(Run)
            .where(Run.id.in_({source for _, source in pairs}))
            .order_by(Run.id)
            .with_for_update(read=True, key_share=True)
        )
    }
    updates: list[dict[str, Any]] = []
    for run_id, source_id in pairs:
        if source_id in sources:
            values = {name: getattr(sources[source_id], name) for name in _TAKEN_OVER}
            updates.append({"id": run_id, "reused_from": source_id, **values})
    if not updates:
        return []
    session.execute(update(Run), updates)
    ids = [each["id"] for each in updates]
    session.execute(
        update(Run)
        .where(Run.id.in_(ids))
        .values(started_at=func.now(), finished_at=func.now())
        .execution_options(synchronize_session=False)
    )
    _copy_histories(session, ids)
    return list(
        session.scalars(
            select(Run)
            .where(Run.id.in_(ids))
            .order_by(Run.id)
            .execution_options(populate_existing=True)
        )
    )


def _copy_histories(session: Session, ids: list[uuid.UUID]) -> None:
    for table, columns in ((Epoch, ("epoch", *METRICS)), (Layers, ("epoch", "payload"))):
        session.execute(
            insert(table).from_select(
                ["run_id", *columns],
                select(Run.id, *(getattr(table, name) for name in columns))
                .join(table, table.run_id == Run.reused_from)
                .where(Run.id.in_(ids)),
            )
        )
