"""The outbox: a delivery for each event and subscribed webhook, written with the event."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from service.database.webhook_tables import Webhook, WebhookDelivery
from service.events.event_types import EVENTS
from service.events.publishing import NewEvent
from service.ids import uuid7


def enqueue(session: Session, experiment_id: uuid.UUID, events: Sequence[NewEvent]) -> None:
    """Write a delivery for each event and subscriber, in the transaction of the events."""
    told = [each for each in events if each.type in EVENTS]
    if not told:
        return
    # Locked, so that none can be deleted before its deliveries are committed.
    subscribers = session.execute(
        select(Webhook.id, Webhook.events, func.now())
        .where(Webhook.disabled_at.is_(None), Webhook.events.overlap([e.type for e in told]))
        .order_by(Webhook.id)
        .with_for_update(read=True, key_share=True)
    ).all()
    rows = [
        delivery_row(webhook_id, event.type, now, _data(experiment_id, event))
        for event in told
        for webhook_id, wanted, now in subscribers
        if event.type in wanted
    ]
    if rows:
        session.execute(insert(WebhookDelivery), rows)


def _data(experiment_id: uuid.UUID, event: NewEvent) -> dict[str, Any]:
    ids = {"experiment_id": str(experiment_id)}
    if event.run_id is not None:
        ids["run_id"] = str(event.run_id)
    return ids | event.data


def delivery_row(
    webhook_id: uuid.UUID, event: str, now: datetime, data: dict[str, Any]
) -> dict[str, Any]:
    timestamp = now.astimezone(UTC).isoformat().replace("+00:00", "Z")
    payload = {"type": event, "timestamp": timestamp, "data": data}
    return {"id": uuid7(), "webhook_id": webhook_id, "event": event, "payload": payload}
