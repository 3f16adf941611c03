"""Capacity: how many workers there are, what they can hold, and how many are worth waking."""

from dataclasses import replace
from datetime import timedelta
from functools import cache

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from service.database.tables import NetworkTask, Run, Worker
from service.settings import Settings
from service.specs.limits import Limits
from service.statuses import RunStatus


def workers_wanted(session: Session, settings: Settings) -> dict[str, int]:
    """Return how many workers of each device are worth waking: idle ones, up to what waits.

    Runs wait, and tasks on trained networks, which any worker does. It is at least one where
    something waits: a worker that is just starting was not seen yet.
    """
    with session.begin():
        waiting: dict[str, int] = dict(
            session.execute(
                select(Run.device_request, func.count())
                .where(
                    Run.status == RunStatus.QUEUED,
                    or_(Run.not_before.is_(None), Run.not_before <= func.now()),
                )
                .group_by(Run.device_request)
            ).all()
        )
        tasks = session.scalar(
            select(func.count()).select_from(NetworkTask).where(NetworkTask.ended_at.is_(None))
        )
        if tasks:
            waiting["auto"] = waiting.get("auto", 0) + tasks
        if not waiting:
            return {}
        seen = count_workers(session, settings)
        busy: dict[str, int] = dict(
            session.execute(
                # A worker trains one pack at a time, with many runs in it.
                select(
                    Run.engine["device"].astext.label("device"), func.count(Run.worker.distinct())
                )
                .where(Run.status == RunStatus.RUNNING)
                .group_by("device")  # by its label: as an expression its parameters would differ
            ).all()
        )
    wanted = {}
    for device in ("cpu", "cuda"):
        runs = waiting.get("auto", 0) + waiting.get(device, 0)
        idle = seen.get(device, 0) - busy.get(device, 0)
        wanted[device] = min(runs, max(1, idle))
    return wanted


def seen_lately(settings: Settings) -> ColumnElement[bool]:
    """Return whether a worker was seen lately, as a condition."""
    return Worker.seen_at > func.now() - timedelta(seconds=settings.worker_seen_seconds)


def count_workers(session: Session, settings: Settings) -> dict[str, int]:
    """Return how many workers were seen lately, by device; inside a transaction."""
    rows = session.execute(
        select(Worker.device, func.count()).where(seen_lately(settings)).group_by(Worker.device)
    )
    return dict(rows.all())


def limits_of(session: Session, device: str, settings: Settings) -> Limits:
    """Return the limits of a spec, with the memory of the largest worker; inside a transaction.

    Args:
        session: inside a transaction.
        device: of the spec: ``auto``, ``cpu`` or ``cuda``.
        settings: give the other limits, and the memory of workers that start later.
    """

    @cache
    def largest() -> int | None:
        seen = seen_memory(session, settings)
        sizes = [size for name, size in seen.items() if device in {"auto", name}]
        if settings.worker_memory_bytes is not None:
            sizes.append(settings.worker_memory_bytes)
        return max(sizes, default=None)

    return replace(settings.limits, memory_bytes=largest)


def seen_memory(session: Session, settings: Settings) -> dict[str, int]:
    """Return what the largest worker seen lately has for a run, by device; in a transaction."""
    rows = session.execute(
        select(Worker.device, func.max(Worker.memory_bytes))
        .where(seen_lately(settings), Worker.memory_bytes.is_not(None))
        .group_by(Worker.device)
    )
    return {device: memory for device, memory in rows if memory is not None}
