"""Retention: delete events, deliveries and workers that have outlived their use.

Every call is one short transaction that skips rows another scheduler has locked, so any number of
schedulers can run at once.
"""

from datetime import timedelta

from sqlalchemy import delete, exists, func, select
from sqlalchemy.orm import Session

from service.database.tables import Event, Run, Worker
from service.database.webhook_tables import WebhookDelivery
from service.settings import Settings
from service.statuses import ACTIVE, DeliveryStatus

#: A worker that was not seen for this long will not come back under its name.
_WORKER_DAYS = 1.0


def purge_events(session: Session, settings: Settings, *, limit: int = 5000) -> int:
    """Delete events that can no longer be replayed, of experiments without active runs.

    Returns:
        The number deleted; ``limit`` where there may be more.
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
    """Delete deliveries as old as events that can no longer be replayed, except pending ones.

    Returns:
        The number deleted; ``limit`` where there may be more.
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
    """Delete workers that were not seen for a day, and return their number."""
    horizon = func.now() - timedelta(days=_WORKER_DAYS)
    with session.begin():
        purged = session.scalars(
            delete(Worker).where(Worker.seen_at < horizon).returning(Worker.name)
        )
        return len(purged.all())
