"""How a run's state may change: every guarded write that more than one use-case needs.

Nothing here opens a transaction; the use-cases in ``service.runs`` and
``service.experiments`` do.
"""

import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, aliased

from service.config import Settings
from service.events import NewEvent, lock_stream, publish
from service.models import FINISHED, METRICS, RESULT_COLUMNS, Attempt, Epoch, Layers, Run
from service.numbers import to_json
from service.webhook_deliveries import enqueue

#: What a reused run takes over from the one it repeats.
_TAKEN_OVER = ("status", "epoch", *RESULT_COLUMNS, "verdict", "findings", "worker", "engine")


def close_attempt(
    session: Session, run_id: uuid.UUID, attempt: int, outcome: str, reason: str | None
) -> None:
    """Write down how an attempt ended, once."""
    session.execute(
        update(Attempt)
        .where(Attempt.run_id == run_id, Attempt.attempt == attempt, Attempt.outcome.is_(None))
        .values(outcome=outcome, reason=reason, ended_at=func.now())
    )


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


def publish_endings(session: Session, experiment_id: uuid.UUID, events: list[NewEvent]) -> None:
    """Publish that runs ended, and that the experiment did where none is left.

    Webhooks that are to be told get a delivery each, in this same transaction.
    """
    lock_stream(session, experiment_id)
    # Counted under the lock: of two runs that end together, the later one sees both ended.
    counts: dict[str, int] = dict(
        session.execute(
            select(Run.status, func.count())
            .where(Run.experiment_id == experiment_id)
            .group_by(Run.status)
        ).all()
    )
    if not counts.get("queued") and not counts.get("running"):
        events = [*events, NewEvent("experiment.finished", None, {"runs": counts})]
    enqueue(session, experiment_id, events)
    publish(session, experiment_id, events)


def take_back(session: Session, run: Run, outcome: str, reason: str, settings: Settings) -> None:
    """Take a locked run from its attempt: to the queue, or to its end where none may follow."""
    close_attempt(session, run.id, run.attempt, outcome, reason)
    run.lease_expires_at = None
    if outcome != "released":
        run.failures += 1
    if run.cancel_requested_at is not None:
        _end_locked(session, run, "cancelled", None)
    elif run.failures >= run.max_attempts:
        _end_locked(session, run, "failed", reason)
    else:
        run.status = "queued"
        if outcome == "error":
            pause = settings.retry_backoff_seconds * 2 ** (run.failures - 1)
            run.not_before = session.scalar(select(func.now() + timedelta(seconds=pause)))
        session.flush()
        data = {"attempt": run.attempt, "outcome": outcome, "reason": reason}
        publish(session, run.experiment_id, [NewEvent("run.requeued", run.id, data)])


def _end_locked(session: Session, run: Run, status: str, error: str | None) -> None:
    run.status, run.error = status, error
    run.finished_at = session.scalar(select(func.now()))
    session.flush()
    publish_endings(session, run.experiment_id, [finished_event(run)])


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
