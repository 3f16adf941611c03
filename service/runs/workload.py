"""What waits and who works: the workers that were seen lately, and the queued runs per caller."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import Session

from service.database.tables import Experiment, Run, Worker
from service.runs.capacity import seen_lately
from service.settings import Settings
from service.statuses import ACTIVE, RunStatus

BlockedReason = Literal["no_worker", "no_device", "no_memory"]


@dataclass(frozen=True)
class WorkerState:
    """A worker that was seen lately, and what it trains.

    Attributes:
        processor: of the runs that it trains now; None while it is idle.
        memory_bytes: what it has for its runs; None of a worker of an older version.
        runs: how many runs it trains; those of a pack are trained together.
        experiment_ids: the experiments of these runs.
        busy_since: when the first of these runs started.
    """

    name: str
    device: str
    processor: str | None
    memory_bytes: int | None
    started_at: datetime
    seen_at: datetime
    runs: int
    experiment_ids: Sequence[uuid.UUID]
    busy_since: datetime | None


@dataclass(frozen=True)
class CallerState:
    """The runs of a caller that wait or are trained; the callers take turns.

    Attributes:
        waiting_since: when the experiment of the longest waiting run was submitted.
    """

    caller: str
    queued: int
    running: int
    waiting_since: datetime | None


@dataclass(frozen=True)
class BlockedRuns:
    """Queued runs that no worker seen lately can take.

    Attributes:
        device: that they ask for.
        memory_bytes: what the smallest of them needs.
    """

    device: str
    runs: int
    memory_bytes: int
    reason: BlockedReason


@dataclass(frozen=True)
class QueueState:
    """The queue, per caller, and what of it no worker can take."""

    queued: int
    running: int
    workers: int
    callers: list[CallerState]
    blocked: list[BlockedRuns]


def read_workers(session: Session, settings: Settings) -> list[WorkerState]:
    """Return the workers that were seen lately, by name.

    Args:
        session: a session outside any transaction.
        settings: say how long a worker counts as seen.
    """
    with session.begin():
        seen = session.scalars(
            select(Worker).where(seen_lately(settings)).order_by(Worker.name)
        ).all()
        working = session.execute(
            select(
                Run.worker,
                func.count().label("runs"),
                func.min(Run.started_at).label("since"),
                func.max(Run.engine["name"].astext).label("processor"),
                func.array_agg(Run.experiment_id.distinct()).label("experiment_ids"),
            )
            .where(Run.status == RunStatus.RUNNING)
            .group_by(Run.worker)
        ).all()
    by_worker = {row.worker: row for row in working}
    return [_worker_state(worker, by_worker.get(worker.name)) for worker in seen]


def _worker_state(worker: Worker, working: Any) -> WorkerState:
    return WorkerState(
        name=worker.name,
        device=worker.device,
        processor=working and working.processor,
        memory_bytes=worker.memory_bytes,
        started_at=worker.started_at,
        seen_at=worker.seen_at,
        runs=working.runs if working else 0,
        experiment_ids=working.experiment_ids if working else (),
        busy_since=working and working.since,
    )


def read_queue(session: Session, settings: Settings) -> QueueState:
    """Return what waits and what is trained, per caller, those who wait for most first.

    Args:
        session: a session outside any transaction.
        settings: say how long a worker counts as seen.
    """
    with session.begin():
        devices = session.scalars(select(Worker.device).where(seen_lately(settings))).all()
        callers = _callers(session)
        blocked = _blocked(session, settings, devices)
    return QueueState(
        queued=sum(caller.queued for caller in callers),
        running=sum(caller.running for caller in callers),
        workers=len(devices),
        callers=callers,
        blocked=blocked,
    )


def _callers(session: Session) -> list[CallerState]:
    is_queued = Run.status == RunStatus.QUEUED
    queued = func.count().filter(is_queued)
    rows = session.execute(
        select(
            Run.caller,
            queued.label("queued"),
            func.count().filter(Run.status == RunStatus.RUNNING).label("running"),
            func.min(Experiment.created_at).filter(is_queued).label("waiting_since"),
        )
        .join(Experiment, Experiment.id == Run.experiment_id)
        .where(Run.status.in_(ACTIVE))
        .group_by(Run.caller)
        .order_by(queued.desc(), Run.caller)
    )
    return [CallerState(**row._mapping) for row in rows]


def _blocked(session: Session, settings: Settings, devices: Sequence[str]) -> list[BlockedRuns]:
    can_take = exists().where(
        seen_lately(settings),
        or_(Run.device_request == "auto", Worker.device == Run.device_request),
        or_(Worker.memory_bytes.is_(None), Worker.memory_bytes >= Run.memory_bytes),
    )
    rows = session.execute(
        select(
            Run.device_request.label("device"),
            func.count().label("runs"),
            func.min(Run.memory_bytes).label("memory_bytes"),
        )
        .where(Run.status == RunStatus.QUEUED, ~can_take)
        .group_by(Run.device_request)
        .order_by(Run.device_request)
    )
    return [BlockedRuns(**row._mapping, reason=blocked_reason(row.device, devices)) for row in rows]


def blocked_reason(device: str, devices: Sequence[str]) -> BlockedReason:
    """Return why none of the workers takes runs that ask for a device.

    Args:
        device: ``auto``, ``cpu`` or ``cuda``.
        devices: of the workers seen lately.
    """
    if not devices:
        return "no_worker"
    return "no_memory" if device == "auto" or device in devices else "no_device"
