"""Use-cases of an experiment: read, cancel, retry, delete.

Each write is one short transaction. It locks the runs in the order of their ids and publishes
last.
"""

import uuid
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import delete as delete_rows
from sqlalchemy import exists, func, select, update
from sqlalchemy.orm import Session

from service.database.tables import Event, Experiment, Run, UploadedDataset
from service.errors import ConflictError, GoneError
from service.events.event_types import EventType, NewEvent
from service.events.publishing import publish
from service.experiments import overviews
from service.experiments.progress import ExperimentProgress, missing, read_progress
from service.experiments.versions import require_version
from service.runs.endings import cancel_locked
from service.specs.uploads import UPLOADED
from service.statuses import ACTIVE, RunStatus


def get(session: Session, experiment_id: uuid.UUID) -> ExperimentProgress:
    """Return an experiment with its progress.

    Raises:
        NotFoundError: there is no such experiment.
    """
    with session.begin():
        return read_progress(session, experiment_id)


def require(session: Session, experiment_id: uuid.UUID) -> None:
    """Raise an error unless there is such an experiment.

    Raises:
        NotFoundError: there is none.
    """
    with session.begin():
        if session.get(Experiment, experiment_id) is None:
            raise missing(experiment_id)


def has_finished(session: Session, experiment_id: uuid.UUID) -> bool:
    """Whether no run of an experiment is queued or running."""
    with session.begin():
        active = exists().where(Run.experiment_id == experiment_id, Run.status.in_(ACTIVE))
        return not session.scalar(select(active))


def cancel(session: Session, experiment_id: uuid.UUID) -> ExperimentProgress:
    """Cancel an experiment: queued runs at once, running ones within seconds.

    Where no run is queued or running, nothing changes.

    Raises:
        NotFoundError: there is no such experiment.
    """
    with session.begin():
        active = _lock_ids(session, experiment_id, ACTIVE)
        if active:
            first = func.coalesce(Experiment.cancelled_at, func.now())
            _set(session, experiment_id, cancelled_at=first)
            cancel_locked(session, active)
        return read_progress(session, experiment_id)


def retry(session: Session, experiment_id: uuid.UUID, caller: str) -> ExperimentProgress:
    """Queue the failed and cancelled runs of an experiment again.

    The numbers of their attempts go on, since they are fencing tokens, and their recorded epochs
    are kept.

    Raises:
        NotFoundError: there is no such experiment.
        GoneError: an uploaded data set that they need was deleted.
    """
    with session.begin():
        ended = lock_runs(session, experiment_id, (RunStatus.FAILED, RunStatus.CANCELLED))
        if ended:
            _require_uploads(session, ended)
            _set(session, experiment_id, cancelled_at=None)
            overviews.reopen(session, experiment_id)
            _requeue(session, experiment_id, ended, caller)
        return read_progress(session, experiment_id)


def _require_uploads(session: Session, runs: Sequence[Run]) -> None:
    """Keep the uploaded data sets of runs from being deleted until it is committed.

    Raises:
        GoneError: one was deleted.
    """
    datasets = [run.config["dataset"] for run in runs]
    wanted = {dataset["sha256"] for dataset in datasets if dataset["name"] == UPLOADED}
    if not wanted:
        return
    stored = session.scalars(
        select(UploadedDataset.sha256)
        .where(UploadedDataset.sha256.in_(wanted))
        .order_by(UploadedDataset.id)
        .with_for_update(key_share=True, read=True)
    )
    gone = wanted.difference(stored)
    if gone:
        needing = sum(dataset.get("sha256") in gone for dataset in datasets)
        runs_need = (
            "A run that failed or was cancelled needs"
            if needing == 1
            else (f"{needing:,} runs that failed or were cancelled need")
        )
        raise GoneError(
            f"{runs_need} an uploaded data set that was deleted. Upload the same file again, then "
            "retry."
        )


def _requeue(session: Session, experiment_id: uuid.UUID, ended: Sequence[Run], caller: str) -> None:
    reason = f"Retried by {caller}."
    events = [
        NewEvent(
            EventType.RUN_REQUEUED,
            experiment_id,
            run.id,
            {"attempt": run.attempt, "outcome": run.status, "reason": reason},
        )
        for run in ended
    ]
    session.execute(
        update(Run)
        .where(Run.id.in_([run.id for run in ended]))
        .values(
            status=RunStatus.QUEUED,
            caller=select(Experiment.created_by)
            .where(Experiment.id == experiment_id)
            .scalar_subquery(),
            failures=0,
            error=None,
            not_before=None,
            cancel_requested_at=None,
            finished_at=None,
        )
        .execution_options(synchronize_session=False)
    )
    publish(session, events)


def delete(
    session: Session,
    experiment_id: uuid.UUID,
    is_expected: Callable[[str], bool] = lambda _version: True,
) -> None:
    """Delete an experiment with its runs, their histories and its events; one event says so.

    Args:
        session: outside any transaction.
        experiment_id: the experiment.
        is_expected: whether its version is the one that the caller read.

    Raises:
        NotFoundError: there is no such experiment.
        PreconditionFailedError: it has another version.
        ConflictError: a run of it is queued or running.
    """
    with session.begin():
        statuses = session.execute(
            select(Run.status)
            .where(Run.experiment_id == experiment_id)
            .order_by(Run.id)
            .with_for_update()
        ).scalars()
        if any(status in ACTIVE for status in statuses):
            raise ConflictError(
                "The experiment has runs that are queued or running. Cancel it first."
            )
        experiment = session.get(
            Experiment, experiment_id, with_for_update=True, populate_existing=True
        )
        if experiment is None:
            raise missing(experiment_id)
        require_version(experiment, is_expected)
        session.execute(
            delete_rows(Experiment)
            .where(Experiment.id == experiment_id)
            .execution_options(synchronize_session=False)
        )
        session.execute(delete_rows(Event).where(Event.experiment_id == experiment_id))
        publish(session, [NewEvent(EventType.EXPERIMENT_DELETED, experiment_id)])


def _lock_ids(
    session: Session, experiment_id: uuid.UUID, statuses: Sequence[str]
) -> list[uuid.UUID]:
    locked = session.scalars(
        select(Run.id)
        .where(Run.experiment_id == experiment_id, Run.status.in_(statuses))
        .order_by(Run.id)
        .with_for_update()
    )
    return list(locked)


def lock_runs(session: Session, experiment_id: uuid.UUID, statuses: Sequence[str]) -> list[Run]:
    locked = session.scalars(
        select(Run)
        .where(Run.experiment_id == experiment_id, Run.status.in_(statuses))
        .order_by(Run.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return list(locked)


def _set(session: Session, experiment_id: uuid.UUID, *, cancelled_at: Any) -> None:
    session.execute(
        update(Experiment)
        .where(Experiment.id == experiment_id)
        .values(cancelled_at=cancelled_at)
        .execution_options(synchronize_session=False)
    )
