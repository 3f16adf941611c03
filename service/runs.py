"""Use-cases of a run's life: claim, renew, record, end, give back, cancel.

Each holds one short transaction. Every write a worker asks for names its claim: the run and
the attempt. A write whose attempt is no longer the run's changes nothing and raises
``LeaseLostError``, which makes the loser stop.
"""

import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import and_, case, delete, exists, false, func, insert, or_, select, update
from sqlalchemy.orm import Session, aliased

from service import layers
from service.config import Settings
from service.diagnoses import NO_INSIGHT, Insight
from service.errors import NotFoundError
from service.events import NewEvent, announce, publish
from service.models import ENDED, METRICS, RESULT_COLUMNS, Attempt, Epoch, Layers, Run
from service.numbers import to_json
from service.transitions import (
    close_attempt,
    finished_event,
    publish_endings,
    reuse_finished,
    take_back,
)


class LeaseLostError(Exception):
    """The run is no longer this worker's: its lease expired, or the run is gone."""


@dataclass(frozen=True)
class Claim:
    """A run in a worker's hands. ``attempt`` is its fencing token.

    ``recorded_epochs`` are already stored by an earlier attempt on the same engine; training
    is repeatable, so they are lived again and not written again. ``engine`` is the run's: the
    worker has to compute with its number of threads.
    """

    run_id: uuid.UUID
    experiment_id: uuid.UUID
    attempt: int
    config: dict[str, Any]
    seed: int
    epochs: int
    recorded_epochs: int
    engine: dict[str, Any]


def claim(
    session: Session, *, worker: str, engine: Mapping[str, Any], settings: Settings
) -> Claim | None:
    """Take the next run this worker's device may train, or None where nothing waits.

    A run that has meanwhile been trained elsewhere is ended with that history instead.

    Args:
        session: a session outside any transaction.
        worker: the worker's name.
        engine: what the bits depend on (``device`` and more); recorded with the run.
        settings: gives the length of the lease.
    """
    while True:
        with session.begin():
            run_id = session.scalar(_next_run(str(engine["device"])))
            if run_id is None:
                return None
            reused = reuse_finished(session, Run.id == run_id)
            if not reused:
                return _take(session, run_id, worker, dict(engine), settings)
            publish_endings(
                session, reused[0].experiment_id, [finished_event(each) for each in reused]
            )


def _next_run(device: str) -> Any:
    twin = aliased(Run)
    # A twin in training will answer this run too, so it is worth waiting for.
    in_training = exists().where(
        twin.config_hash == Run.config_hash, twin.seed == Run.seed, twin.status == "running"
    )
    return (
        select(Run.id)
        .where(
            Run.status == "queued",
            Run.device_request.in_(("auto", device)),
            or_(Run.not_before.is_(None), Run.not_before <= func.now()),
            or_(~Run.reuse, ~in_training),
        )
        .order_by(Run.priority.desc(), Run.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )


def _take(
    session: Session, run_id: uuid.UUID, worker: str, engine: dict[str, Any], settings: Settings
) -> Claim:
    before = session.scalar(select(Run.engine).where(Run.id == run_id))
    if before is not None and before == engine | {"threads": before["threads"]}:
        engine = before  # any worker can compute with the number of threads that a run began with
    elif before is not None:
        # Another engine may round differently, and a history is never of two makes.
        for table in (Epoch, Layers):
            session.execute(delete(table).where(table.run_id == run_id))
        results = dict.fromkeys((*RESULT_COLUMNS, "verdict", "findings"))
        session.execute(update(Run).where(Run.id == run_id).values(epoch=0, **results))
    run = session.scalars(
        update(Run)
        .where(Run.id == run_id, Run.status == "queued")
        .values(
            status="running",
            attempt=Run.attempt + 1,
            lease_expires_at=_lease_end(settings),
            started_at=func.coalesce(Run.started_at, func.now()),
            not_before=None,
            worker=worker,
            engine=engine,
            error=None,
        )
        .returning(Run)
        .execution_options(populate_existing=True)
    ).one()
    session.execute(
        insert(Attempt).values(run_id=run.id, attempt=run.attempt, worker=worker, engine=engine)
    )
    started = {"attempt": run.attempt, "worker": worker, "epoch": run.epoch, "epochs": run.epochs}
    publish(session, run.experiment_id, [NewEvent("run.started", run.id, started)])
    return Claim(
        run_id=run.id,
        experiment_id=run.experiment_id,
        attempt=run.attempt,
        config=run.config,
        seed=run.seed,
        epochs=run.epochs,
        recorded_epochs=run.epoch,
        engine=engine,
    )


def _lease_end(settings: Settings) -> Any:
    return func.now() + timedelta(seconds=settings.lease_seconds)


def _owned(held: Claim) -> Any:
    return and_(Run.id == held.run_id, Run.attempt == held.attempt, Run.status == "running")


def renew(
    session: Session, held: Claim, *, epoch: int, fraction: float, settings: Settings
) -> bool:
    """Keep a run for another lease and tell listeners how far its epoch is.

    Returns:
        Whether the run is to be cancelled.

    Raises:
        LeaseLostError: the run is no longer this claim's.
    """
    with session.begin():
        row = session.execute(
            update(Run)
            .where(_owned(held))
            .values(lease_expires_at=_lease_end(settings))
            .returning(Run.cancel_requested_at)
        ).one_or_none()
        if row is None:
            raise LeaseLostError(f"Run {held.run_id} is no longer attempt {held.attempt}'s.")
        progress = {"epoch": epoch, "epochs": held.epochs, "fraction": round(fraction, 4)}
        announce(session, held.experiment_id, held.run_id, progress)
        return row.cancel_requested_at is not None


def record_start(session: Session, held: Claim, insight: Insight, settings: Settings) -> bool:
    """Store what is seen of a run before its first step; doing so again changes nothing.

    Returns:
        Whether the run is to be cancelled.

    Raises:
        LeaseLostError: the run is no longer this claim's.
    """
    with session.begin():
        row = session.execute(
            update(Run)
            .where(_owned(held))
            .values(lease_expires_at=_lease_end(settings), **_diagnosed(insight))
            .returning(Run.cancel_requested_at)
        ).one_or_none()
        if row is None:
            raise LeaseLostError(f"Run {held.run_id} is no longer attempt {held.attempt}'s.")
        if insight.layers is not None:
            layers.store(session, held.run_id, 0, insight.layers)
        return row.cancel_requested_at is not None


def record_epoch(
    session: Session,
    held: Claim,
    *,
    epoch: int,
    metrics: Mapping[str, float],
    settings: Settings,
    ending: str | None = None,
    insight: Insight = NO_INSIGHT,
) -> bool:
    """Store one epoch with the run's progress and, with the last one, its ending.

    Args:
        session: a session outside any transaction.
        held: the claim.
        epoch: counted from 1; each is recorded once, in order. Recording the latest again
            changes nothing.
        metrics: the columns of ``Epoch``, and ``test_loss`` and ``test_accuracy`` at the end.
        settings: gives the length of the lease.
        ending: ``completed`` or ``diverged`` where this is the run's last epoch.
        insight: the epoch's layer statistics, and the diagnosis where it changed.

    Returns:
        Whether the run is to be cancelled (never once it has ended).

    Raises:
        LeaseLostError: the run is no longer this claim's.
    """
    with session.begin():
        row = session.execute(
            update(Run)
            .where(_owned(held), Run.epoch == epoch - 1)
            .values(
                epoch=epoch,
                lease_expires_at=_lease_end(settings),
                **_latest(epoch, metrics),
                **_diagnosed(insight),
            )
            .returning(Run.cancel_requested_at)
        ).one_or_none()
        if row is None:
            return _recorded_before(session, held, epoch, ending)
        columns = {name: metrics[name] for name in METRICS if name in metrics}
        session.execute(insert(Epoch).values(run_id=held.run_id, epoch=epoch, **columns))
        if insight.layers is not None:
            layers.store(session, held.run_id, epoch, insight.layers)
        shown = {name: to_json(value) for name, value in columns.items()}
        event = NewEvent(
            "run.epoch", held.run_id, {"epoch": epoch, "epochs": held.epochs, "metrics": shown}
        )
        if ending is None:
            publish(session, held.experiment_id, [event])
            return row.cancel_requested_at is not None
        ended = _end(session, held, ending)
        publish_endings(session, held.experiment_id, [event, finished_event(ended)])
        return False


def _recorded_before(session: Session, held: Claim, epoch: int, ending: str | None) -> bool:
    """Recognise an epoch this very attempt has recorded, and answer as ``record_epoch`` did.

    A connection that breaks during a commit leaves open whether it counted, so the recorder
    tries again. Only the attempt's own worker writes under its number, and in order: where the
    run stands at this epoch in the state asked for, the first try was the one that counted.
    """
    run = session.scalars(
        select(Run)
        .where(Run.id == held.run_id, Run.attempt == held.attempt, Run.epoch == epoch)
        .where(Run.status == (ending or "running"))
        .execution_options(populate_existing=True)
    ).one_or_none()
    if run is None:
        raise LeaseLostError(f"Run {held.run_id} is no longer attempt {held.attempt}'s.")
    return ending is None and run.cancel_requested_at is not None


def _latest(epoch: int, metrics: Mapping[str, float]) -> dict[str, Any]:
    """The run's own columns after an epoch: the last metrics, and the best by validation."""
    accuracy = metrics["val_accuracy"]
    better = or_(Run.best_val_accuracy.is_(None), Run.best_val_accuracy < accuracy)
    if math.isnan(accuracy):  # the largest of all to Postgres
        better = false()
    kept = ("loss", "accuracy", "val_loss", "val_accuracy", "test_loss", "test_accuracy")
    return {
        **{name: metrics[name] for name in kept if name in metrics},
        "best_epoch": case((better, epoch), else_=Run.best_epoch),
        "best_val_accuracy": case((better, accuracy), else_=Run.best_val_accuracy),
    }


def _diagnosed(insight: Insight) -> dict[str, Any]:
    return insight.diagnosis.columns() if insight.diagnosis is not None else {}


def finish(session: Session, held: Claim) -> None:
    """End a run that has no epochs left to record (``epochs: 0``, or all of them stored).

    Raises:
        LeaseLostError: the run is no longer this claim's.
    """
    with session.begin():
        ended = _end(session, held, "completed")
        publish_endings(session, held.experiment_id, [finished_event(ended)])


def confirm_cancel(session: Session, held: Claim) -> None:
    """End a run whose cancel was asked for while it trained."""
    with session.begin():
        ended = _end(session, held, "cancelled")
        publish_endings(session, held.experiment_id, [finished_event(ended)])


def _end(session: Session, held: Claim, status: str, error: str | None = None) -> Run:
    ended = session.scalars(
        update(Run)
        .where(_owned(held))
        .values(status=status, lease_expires_at=None, finished_at=func.now(), error=error)
        .returning(Run)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if ended is None:
        raise LeaseLostError(f"Run {held.run_id} is no longer attempt {held.attempt}'s.")
    close_attempt(session, held.run_id, held.attempt, status, error)
    return ended


def release(session: Session, held: Claim, reason: str, settings: Settings) -> None:
    """Give a run back unharmed: a worker that stops uses up none of its attempts.

    Raises:
        LeaseLostError: the run is no longer this claim's.
    """
    with session.begin():
        take_back(session, _hold(session, held), "released", reason, settings)


def fail_attempt(session: Session, held: Claim, reason: str, settings: Settings) -> None:
    """Write down our failure: the run waits and is tried again, or has failed for good.

    Raises:
        LeaseLostError: the run is no longer this claim's.
    """
    with session.begin():
        take_back(session, _hold(session, held), "error", reason, settings)


def _hold(session: Session, held: Claim) -> Run:
    run = session.scalars(
        select(Run).where(_owned(held)).with_for_update().execution_options(populate_existing=True)
    ).one_or_none()
    if run is None:
        raise LeaseLostError(f"Run {held.run_id} is no longer attempt {held.attempt}'s.")
    return run


def cancel(session: Session, run_id: uuid.UUID) -> Run:
    """Cancel a run: at once where it waits, within seconds where it trains.

    A run that has ended stays as it is.

    Raises:
        NotFoundError: there is no such run.
    """
    with session.begin():
        run = session.get(Run, run_id, with_for_update=True)
        if run is None:
            raise NotFoundError(f"There is no run {run_id}.")
        cancel_locked(session, run.experiment_id, [run])
        return run


def cancel_locked(session: Session, experiment_id: uuid.UUID, locked: list[Run]) -> None:
    """Cancel runs whose rows this transaction has locked; those that ended stay as they are."""
    now = session.scalar(select(func.now()))
    events = []
    for run in locked:
        if run.status in ENDED:
            continue
        run.cancel_requested_at = run.cancel_requested_at or now
        if run.status == "queued":
            run.status, run.finished_at = "cancelled", now
            events.append(finished_event(run))
    session.flush()
    if events:
        publish_endings(session, experiment_id, events)
