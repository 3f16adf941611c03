"""The outbox: a delivery for each event and subscribed webhook, written with the event.

Few deliveries are rows written in the transaction of their events, so neither is stored without the
other. Many (10,000 runs of an experiment end at once, and 100 webhooks want to know) would hold
that transaction, its locks and the caller for minutes. Then one row says what is to be delivered to
whom, and ``expand_batch`` makes the deliveries of one webhook after the other. Either way Postgres
makes them, in one statement. ``service.webhooks.dispatch`` passes due deliveries to senders.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.orm import Session

from service.database.webhook_tables import Webhook, WebhookBatch
from service.events.event_types import WEBHOOK_EVENTS, NewEvent
from service.ids import uuid7

#: Most deliveries that are made in the transaction of their events.
MOST_AT_ONCE = 1_000

#: Ids are of version 7, so that those of one webhook are in the order of the events.
_DELIVER = """
    INSERT INTO webhook_deliveries (id, webhook_id, event, payload)
    SELECT (lpad(to_hex(CAST(1000 * extract(epoch FROM now()) AS bigint) + place / 4096), 12, '0')
            || '7' || lpad(to_hex(place % 4096), 3, '0')
            || right(replace(CAST(gen_random_uuid() AS text), '-', ''), 16))::uuid,
           webhooks.id, message ->> 'type', message
    FROM jsonb_array_elements({messages}) WITH ORDINALITY AS told (message, place)
    JOIN webhooks ON webhooks.events @> ARRAY[message ->> 'type']
    WHERE webhooks.id = ANY (:webhook_ids) AND webhooks.disabled_at IS NULL
    ORDER BY place, webhooks.id
"""
_DELIVER_NOW = text(_DELIVER.format(messages="CAST(:messages AS jsonb)"))
_DELIVER_BATCH = text(
    _DELIVER.format(messages="(SELECT messages FROM webhook_batches WHERE id = :batch)")
)


def enqueue(session: Session, events: Sequence[NewEvent]) -> None:
    """Store what is to be delivered of events, in their transaction."""
    wanted = [event for event in events if event.type in WEBHOOK_EVENTS]
    if not wanted:
        return
    types = list({event.type for event in wanted})
    # Locked, so that no webhook can be deleted before its deliveries are committed.
    subscribers = session.execute(
        select(Webhook.id, func.now())
        .where(Webhook.disabled_at.is_(None), Webhook.events.overlap(types))
        .order_by(Webhook.id)
        .with_for_update(read=True, key_share=True)
    ).all()
    if not subscribers:
        return
    webhook_ids = [webhook_id for webhook_id, _ in subscribers]
    now = subscribers[0][1]
    messages = [message(event.type, now, _data(event)) for event in wanted]
    if len(messages) * len(webhook_ids) <= MOST_AT_ONCE:
        found = {"messages": orjson.dumps(messages).decode(), "webhook_ids": webhook_ids}
        session.execute(_DELIVER_NOW, found)
    else:
        row = {"id": uuid7(), "webhook_ids": webhook_ids, "messages": messages}
        session.execute(insert(WebhookBatch), [row])


def expand_batch(session: Session) -> bool:
    """Make the deliveries of the oldest batch to the first of its webhooks.

    A webhook that was disabled or deleted meanwhile gets none.

    Args:
        session: a session outside any transaction.

    Returns:
        Whether there was a batch that no other sender is expanding.
    """
    with session.begin():
        batch = session.execute(
            select(WebhookBatch.id, WebhookBatch.webhook_ids)
            .order_by(WebhookBatch.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        ).one_or_none()
        if batch is None:
            return False
        first, *others = batch.webhook_ids
        # Locked before its deliveries, as where it is disabled or deleted.
        session.execute(
            select(Webhook.id).where(Webhook.id == first).with_for_update(read=True, key_share=True)
        )
        session.execute(_DELIVER_BATCH, {"batch": batch.id, "webhook_ids": [first]})
        ours = WebhookBatch.id == batch.id
        rest = update(WebhookBatch).where(ours).values(webhook_ids=others)
        session.execute(rest if others else delete(WebhookBatch).where(ours))
        return True


def message(event: str, now: datetime, data: dict[str, Any]) -> dict[str, Any]:
    """Return a message, as a receiver gets it."""
    timestamp = now.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return {"type": event, "timestamp": timestamp, "data": data}


def _data(event: NewEvent) -> dict[str, Any]:
    ids = {"experiment_id": str(event.experiment_id)}
    if event.run_id is not None:
        ids["run_id"] = str(event.run_id)
    return ids | event.data
