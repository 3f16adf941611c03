"""Use-cases of the scheduler: runs whose worker is gone, and workers that could be at work."""

import uuid
from datetime import timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from service.config import Settings
from service.models import Run, Worker
from service.transitions import take_back


def expired(session: Session, limit: int = 100) -> list[tuple[uuid.UUID, int]]:
    """List runs whose lease is over, with the attempt that held it."""
    with session.begin():
        rows = session.execute(
            select(Run.id, Run.attempt)
            .where(Run.status == "running", Run.lease_expires_at < func.now())
            .order_by(Run.lease_expires_at)
            .limit(limit)
        )
        return [(run_id, attempt) for run_id, attempt in rows]


def recover(session: Session, run_id: uuid.UUID, attempt: int, settings: Settings) -> bool:
    """Take a run back from a worker that gave no sign of life for a whole lease.

    Returns:
        Whether it was taken back; False where its worker came back in between.
    """
    with session.begin():
        run = session.scalars(
            select(Run)
            .where(
                Run.id == run_id,
                Run.attempt == attempt,
                Run.status == "running",
                Run.lease_expires_at < func.now(),
            )
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        ).one_or_none()
        if run is None:
            return False
        reason = f"Worker {run.worker} gave no sign of life for {settings.lease_seconds:g} s."
        take_back(session, [run], "lost", reason, settings)
        return True


def workers_wanted(session: Session, settings: Settings) -> dict[str, int]:
    """Count, for each device, the workers worth waking: as many as wait runs or stand idle.

    At least one where anything waits: a worker that is just starting is not seen yet.
    """
    with session.begin():
        waiting: dict[str, int] = dict(
            session.execute(
                select(Run.device_request, func.count())
                .where(
                    Run.status == "queued",
                    or_(Run.not_before.is_(None), Run.not_before <= func.now()),
                )
                .group_by(Run.device_request)
            ).all()
        )
        if not waiting:
            return {}
        seen = count_workers(session, settings)
        busy: dict[str, int] = dict(
            session.execute(
                # A worker has one pack at a time, and many runs in it.
                select(
                    Run.engine["device"].astext.label("device"), func.count(Run.worker.distinct())
                )
                .where(Run.status == "running")
                .group_by("device")  # by its label: as an expression its parameters would differ
            ).all()
        )
    wanted = {}
    for device in ("cpu", "cuda"):
        runs = waiting.get("auto", 0) + waiting.get(device, 0)
        idle = seen.get(device, 0) - busy.get(device, 0)
        wanted[device] = min(runs, max(1, idle))
    return wanted


def count_workers(session: Session, settings: Settings) -> dict[str, int]:
    """Count the workers lately seen, by device."""
    horizon = func.now() - timedelta(seconds=settings.worker_seen_seconds)
    rows = session.execute(
        select(Worker.device, func.count()).where(Worker.seen_at > horizon).group_by(Worker.device)
    )
    return dict(rows.all())
