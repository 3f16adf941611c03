"""Reuse: a run that was trained before takes over that history."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, aliased

from service.catalog.metrics import EPOCH_METRICS, RESULT_COLUMNS
from service.database.tables import Epoch, Layers, Run
from service.statuses import FINISHED, RunStatus
from service.weights.files import FilesOfRun

#: Columns that a reused run takes over from the run that it repeats.
_TAKEN_OVER = (
    *("status", "epoch", *RESULT_COLUMNS),
    *("outcome", "verdict", "findings", "diagnosis_version", "worker", "engine"),
)


def reuse_finished(session: Session, scope: ColumnElement[bool]) -> list[Run]:
    """End queued runs whose configuration and seed have already been trained.

    Args:
        session: inside a transaction.
        scope: the condition on the runs to look at.

    Returns:
        The runs that took over a history.
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
        .where(scope, Run.status == RunStatus.QUEUED, Run.reuse, Run.epoch == 0)
        .ext(distinct_on(Run.id))
        .order_by(Run.id, twin.reused_from.is_not(None), twin.id)
    ).all()
    return _copy_results(session, [(run_id, twin_id) for run_id, twin_id in pairs])


def _copy_results(session: Session, pairs: Sequence[tuple[uuid.UUID, uuid.UUID]]) -> list[Run]:
    if not pairs:
        return []
    # Locked, so that a history cannot be deleted while it is copied.
    sources = {
        run.id: run
        for run in session.scalars(
            select(Run)
            .where(Run.id.in_({source for _, source in pairs}))
            .order_by(Run.id)
            .with_for_update(read=True, key_share=True)
        )
    }
    updates: list[dict[str, Any]] = []
    for run_id, source_id in pairs:
        if source_id in sources:
            source = sources[source_id]
            values = {name: getattr(source, name) for name in _TAKEN_OVER}
            files = FilesOfRun.of(source)
            values |= {"weights_run": files.run_id, "weights_attempt": files.attempt}
            updates.append({"id": run_id, "reused_from": source_id, **values})
    if not updates:
        return []
    session.execute(update(Run), updates)
    ids = [columns["id"] for columns in updates]
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
    for table, columns in ((Epoch, ("epoch", *EPOCH_METRICS)), (Layers, ("epoch", "payload"))):
        session.execute(
            insert(table).from_select(
                ["run_id", *columns],
                select(Run.id, *(getattr(table, name) for name in columns))
                .join(table, table.run_id == Run.reused_from)
                .where(Run.id.in_(ids)),
            )
        )
