"""Tasks on trained networks: the API stores them, workers do them, and the results stay an hour.

Postgres has the tasks, so that none is lost with a message. A worker does what waits before it
claims runs, and between two jobs; one that ends in the middle leaves its task to the next.
"""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session

from service.database.tables import NetworkTask, Run
from service.errors import ConflictError, NotFoundError, UnavailableError
from service.ids import uuid7
from service.runs.capacity import count_workers
from service.settings import Settings
from service.statuses import NetworkTaskKind, NetworkTaskStatus, RunStatus

#: Most tasks that wait at a time, of all callers.
MOST_WAITING = 200
#: A task whose worker has not ended it for so long is another worker's.
_LOST_AFTER = timedelta(seconds=120)
_MOST_ATTEMPTS = 3
_KEPT = timedelta(hours=1)


@dataclass(frozen=True)
class TakenTask:
    """A task that a worker does now, with the run whose network it needs."""

    id: uuid.UUID
    attempt: int
    kind: NetworkTaskKind
    body: bytes | None
    run_id: uuid.UUID
    config: dict[str, Any]
    config_hash: str
    seed: int


def ask(
    session: Session,
    run_id: uuid.UUID,
    kind: NetworkTaskKind,
    body: bytes | None,
    *,
    caller: str,
    settings: Settings,
) -> uuid.UUID:
    """Store a task and return its id; an export that waits already is not stored twice.

    Args:
        session: a session outside any transaction.
        run_id: the run.
        kind: what is made.
        body: what it is made from.
        caller: the name of the API key that asks.
        settings: say which workers are alive.

    Raises:
        NotFoundError: there is no such run.
        UnavailableError: no worker is alive, or too many tasks wait.
    """
    with session.begin():
        kept = select(Run.id).where(Run.id == run_id).with_for_update(read=True, key_share=True)
        if session.scalar(kept) is None:
            raise NotFoundError(f"There is no run {run_id}.")
        if not sum(count_workers(session, settings).values()):
            raise UnavailableError(
                "No worker is running, and only a worker can compute with a network. Start one "
                "(python -m workers) and ask again."
            )
        waiting = select(NetworkTask.id).where(NetworkTask.ended_at.is_(None))
        if kind == NetworkTaskKind.ONNX:
            same = waiting.where(NetworkTask.run_id == run_id, NetworkTask.kind == kind)
            if (found := session.scalar(same.limit(1))) is not None:
                return found
        if len(session.scalars(waiting.limit(MOST_WAITING)).all()) == MOST_WAITING:
            raise UnavailableError(f"{MOST_WAITING} such tasks wait already; ask again later.")
        task = NetworkTask(id=uuid7(), run_id=run_id, kind=kind, body=body, created_by=caller)
        session.add(task)
    return task.id


def look(
    session: Session, run_id: uuid.UUID, task_id: uuid.UUID, kind: NetworkTaskKind
) -> NetworkTask:
    """Return a task as it is now.

    Raises:
        NotFoundError: there is none, or no more.
        ConflictError: it could not be done; the sentence says why.
    """
    with session.begin():
        task = session.get(NetworkTask, task_id, populate_existing=True)
    if task is None or (task.run_id, task.kind) != (run_id, kind):
        raise NotFoundError(
            f"There is no task {task_id} of run {run_id}; results are kept for an hour."
        )
    if task.error is not None:
        raise ConflictError(task.error)
    return task


def status_of(task: NetworkTask) -> NetworkTaskStatus:
    """Return how far a task is."""
    if task.ended_at is not None:
        return NetworkTaskStatus.COMPLETED
    running = task.started_at is not None
    return NetworkTaskStatus.RUNNING if running else NetworkTaskStatus.WAITING


def reason_of(session: Session, task: NetworkTask, settings: Settings) -> str | None:
    """Return why a task is not done yet; None of one that is."""
    match status_of(task):
        case NetworkTaskStatus.COMPLETED:
            return None
        case NetworkTaskStatus.RUNNING:
            return "A worker is computing it."
    with session.begin():
        workers = sum(count_workers(session, settings).values())
        training = session.scalar(
            select(func.count(Run.worker.distinct())).where(Run.status == RunStatus.RUNNING)
        )
    if not workers:
        return "No worker is running; it is done when one starts."
    if training and training >= workers:
        return (
            "Every worker is training; the first that has finished the runs it is training does it."
        )
    return "A worker has been woken for it."


def take(session: Session) -> TakenTask | None:
    """Take the task that waits longest; None where none waits.

    Args:
        session: a session outside any transaction.
    """
    lost = NetworkTask.started_at < func.now() - _LOST_AFTER
    waiting = (
        select(NetworkTask.id)
        .where(NetworkTask.ended_at.is_(None), or_(NetworkTask.started_at.is_(None), lost))
        .order_by(NetworkTask.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    while True:
        with session.begin():
            task = session.scalar(
                update(NetworkTask)
                .where(NetworkTask.id == waiting)
                .values(attempts=NetworkTask.attempts + 1, started_at=func.now())
                .returning(NetworkTask)
                .execution_options(synchronize_session=False, populate_existing=True)
            )
            if task is None:
                return None
            run = session.execute(
                select(Run.config, Run.config_hash, Run.seed).where(Run.id == task.run_id)
            ).one()
        taken = TakenTask(
            id=task.id,
            attempt=task.attempts,
            kind=NetworkTaskKind(task.kind),
            body=task.body,
            run_id=task.run_id,
            config=run.config,
            config_hash=run.config_hash,
            seed=run.seed,
        )
        if task.attempts <= _MOST_ATTEMPTS:
            return taken
        end(session, taken, error=f"{_MOST_ATTEMPTS} workers ended while they computed this.")


def end(
    session: Session, task: TakenTask, *, result: bytes | None = None, error: str | None = None
) -> None:
    """Store the result of a task, or why there is none, unless another worker has it by now."""
    with session.begin():
        session.execute(
            update(NetworkTask)
            .where(
                NetworkTask.id == task.id,
                NetworkTask.attempts == task.attempt,
                NetworkTask.ended_at.is_(None),
            )
            .values(result=result, error=error, body=None, ended_at=func.now())
            .execution_options(synchronize_session=False)
        )


def purge(session: Session) -> int:
    """Delete the tasks that were asked for more than an hour ago; return their number."""
    with session.begin():
        gone = session.scalars(
            delete(NetworkTask)
            .where(NetworkTask.created_at < func.now() - _KEPT)
            .returning(NetworkTask.id)
        )
        return len(gone.all())
