"""Use-cases of the scheduler: forgetting what has outlived its use.

Each call is one short transaction that skips rows another scheduler holds, so any number of
schedulers may run at once.
"""

from datetime import timedelta

from sqlalchemy import delete, exists, func, select
from sqlalchemy.orm import Session

from service.database.tables import Event, Run, Worker
from service.database.webhook_tables import WebhookDelivery
from service.settings import Settings
from service.statuses import ACTIVE, DeliveryStatus

#: A worker silent for so long will not come back under its name.
_WORKER_DAYS = 1.0


def purge_events(session: Session, settings: Settings, *, limit: int = 5000) -> int:
    """Delete events that can no longer be replayed, of experiments where nothing happens any more.

    Returns:
        How many were deleted; ``limit`` where there may be more.
    """
    active = exists().where(Run.experiment_id == Event.experiment_id, Run.status.in_(ACTIVE))
    old = (
        select(Event.id)
        .where(Event.created_at < func.now() - timedelta(days=settings.event_retention_days))
        .where(~active)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    with session.begin():
        purged = session.scalars(delete(Event).where(Event.id.in_(old)).returning(Event.id))
        return len(purged.all())


def purge_deliveries(session: Session, settings: Settings, *, limit: int = 5000) -> int:
    """Delete deliveries as old as the events that can no longer be replayed; none that waits.

    Returns:
        How many were deleted; ``limit`` where there may be more.
    """
    horizon = func.now() - timedelta(days=settings.event_retention_days)
    old = (
        select(WebhookDelivery.id)
        .where(
            WebhookDelivery.created_at < horizon, WebhookDelivery.status != DeliveryStatus.PENDING
        )
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    with session.begin():
        purged = session.scalars(
            delete(WebhookDelivery).where(WebhookDelivery.id.in_(old)).returning(WebhookDelivery.id)
        )
        return len(purged.all())


def purge_workers(session: Session) -> int:
    """Delete workers unseen for a day; return how many."""
    horizon = func.now() - timedelta(days=_WORKER_DAYS)
    with session.begin():
        purged = session.scalars(
            delete(Worker).where(Worker.seen_at < horizon).returning(Worker.name)
        )
        return len(purged.all())
