"""Capacity: the workers that could be at work."""

from datetime import timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from service.database.tables import Run, Worker
from service.settings import Settings
from service.statuses import RunStatus


def workers_wanted(session: Session, settings: Settings) -> dict[str, int]:
    """Count, for each device, the workers worth waking: as many as wait runs or stand idle.

    At least one where anything waits: a worker that is just starting is not seen yet.
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
        if not waiting:
            return {}
        seen = count_workers(session, settings)
        busy: dict[str, int] = dict(
            session.execute(
                # A worker has one pack at a time, and many runs in it.
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


def count_workers(session: Session, settings: Settings) -> dict[str, int]:
    """Count the workers lately seen, by device."""
    horizon = func.now() - timedelta(seconds=settings.worker_seen_seconds)
    rows = session.execute(
        select(Worker.device, func.count()).where(Worker.seen_at > horizon).group_by(Worker.device)
    )
    return dict(rows.all())
