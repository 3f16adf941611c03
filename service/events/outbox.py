"""The outbox: a delivery for each event and subscribed webhook, written with the event.

A delivery is a row written in the transaction of its event, so neither is stored without the other.
``service.webhooks.dispatch`` passes due deliveries to senders.
"""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from service.database.webhook_tables import Webhook, WebhookDelivery
from service.events.event_types import WEBHOOK_EVENTS, NewEvent
from service.ids import uuid7


def enqueue(session: Session, events: Sequence[NewEvent]) -> None:
    """Write a delivery for each event and subscriber, in the transaction of the events."""
    wanted = [event for event in events if event.type in WEBHOOK_EVENTS]
    if not wanted:
        return
    types = list({event.type for event in wanted})
    # Locked, so that no webhook can be deleted before its deliveries are committed.
    subscribers = session.execute(
        select(Webhook.id, Webhook.events, func.now())
        .where(Webhook.disabled_at.is_(None), Webhook.events.overlap(types))
        .order_by(Webhook.id)
        .with_for_update(read=True, key_share=True)
    ).all()
    rows = [
        delivery_row(webhook_id, event.type, now, _data(event))
        for event in wanted
        for webhook_id, subscribed, now in subscribers
        if event.type in subscribed
    ]
    if rows:
        session.execute(insert(WebhookDelivery), rows)


def delivery_row(
    webhook_id: uuid.UUID, event: str, now: datetime, data: dict[str, Any]
) -> dict[str, Any]:
    """Return the row of a message that is due at once."""
    timestamp = now.astimezone(UTC).isoformat().replace("+00:00", "Z")
    payload = {"type": event, "timestamp": timestamp, "data": data}
    return {"id": uuid7(), "webhook_id": webhook_id, "event": event, "payload": payload}


def _data(event: NewEvent) -> dict[str, Any]:
    ids = {"experiment_id": str(event.experiment_id)}
    if event.run_id is not None:
        ids["run_id"] = str(event.run_id)
    return ids | event.data
