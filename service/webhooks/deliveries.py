"""Deliveries: test messages, messages that are sent again, and the log of all messages.

``service.events.outbox`` writes the delivery of an event, ``service.webhooks.dispatch`` passes due
deliveries to senders.
"""

import uuid
from collections.abc import Sequence

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from service.database.paging import Order, fetch_page
from service.database.webhook_tables import Webhook, WebhookDelivery
from service.errors import ConflictError, NotFoundError
from service.events.event_types import PING
from service.events.outbox import message
from service.ids import uuid7
from service.statuses import DeliveryStatus
from service.webhooks.results import DeliveryResult, count_result


def ping(session: Session, webhook_id: uuid.UUID) -> WebhookDelivery:
    """Queue a test message, and return its delivery.

    Raises:
        NotFoundError: there is no such webhook.
        ConflictError: the webhook is disabled.
    """
    with session.begin():
        _lock_enabled(session, webhook_id)
        now = session.scalars(select(func.now())).one()
        payload = message(PING, now, {"webhook_id": str(webhook_id)})
        delivery = WebhookDelivery(id=uuid7(), webhook_id=webhook_id, event=PING, payload=payload)
        session.add(delivery)
        session.flush()
        session.refresh(delivery)
        return delivery


def redeliver(session: Session, webhook_id: uuid.UUID, delivery_id: uuid.UUID) -> WebhookDelivery:
    """Queue a message again under its own id, to be sent now, and return its delivery.

    Raises:
        NotFoundError: there is no such webhook or delivery.
        ConflictError: the webhook is disabled.
    """
    with session.begin():
        _lock_enabled(session, webhook_id)
        delivery = _one(session, webhook_id, delivery_id, lock=True)
        delivery.next_attempt_at = session.scalar(select(func.now()))
        delivery.status, delivery.failures, delivery.delivered_at = DeliveryStatus.PENDING, 0, None
        return delivery


def _lock_enabled(session: Session, webhook_id: uuid.UUID) -> None:
    row = session.execute(
        select(Webhook.disabled_reason)
        .where(Webhook.id == webhook_id)
        .with_for_update(read=True, key_share=True)
    ).one_or_none()
    if row is None:
        raise NotFoundError(f"There is no webhook {webhook_id}.")
    if row.disabled_reason is not None:
        raise ConflictError(
            f"The webhook is disabled: {row.disabled_reason} Enable it first, by a POST to "
            f"/v1/webhooks/{webhook_id}/enable."
        )


def silence(session: Session, webhook: Webhook, reason: str) -> None:
    """Disable a webhook whose row is locked, and give up its pending messages.

    ``enqueue`` locks the row too until its deliveries are committed, so none is missed here.
    """
    if webhook.disabled_at is not None:
        return
    webhook.disabled_at = session.scalar(select(func.now()))
    webhook.disabled_reason = reason
    session.flush()
    given_up = session.execute(
        update(WebhookDelivery)
        .where(
            WebhookDelivery.webhook_id == webhook.id,
            WebhookDelivery.status == DeliveryStatus.PENDING,
        )
        .values(status=DeliveryStatus.FAILED, next_attempt_at=None)
        .execution_options(synchronize_session=False)
    )
    count_result(session, DeliveryResult.DISABLED, getattr(given_up, "rowcount", 0))


def get(session: Session, webhook_id: uuid.UUID, delivery_id: uuid.UUID) -> WebhookDelivery:
    """Return a delivery with its attempts.

    Raises:
        NotFoundError: the webhook has no such delivery.
    """
    with session.begin():
        return _one(session, webhook_id, delivery_id)


def _one(
    session: Session, webhook_id: uuid.UUID, delivery_id: uuid.UUID, *, lock: bool = False
) -> WebhookDelivery:
    delivery = session.get(WebhookDelivery, delivery_id, with_for_update=lock or None)
    if delivery is None or delivery.webhook_id != webhook_id:
        raise NotFoundError(f"Webhook {webhook_id} has no delivery {delivery_id}.")
    return delivery


def search(
    session: Session,
    webhook_id: uuid.UUID,
    *,
    statuses: Sequence[DeliveryStatus] = (),
    cursor: str | None,
    limit: int,
) -> tuple[list[WebhookDelivery], str | None]:
    """Return a page of a webhook's deliveries, newest first, with ``statuses`` only those.

    Returns:
        The deliveries, and the cursor of the next page where there is one.

    Raises:
        NotFoundError: there is no such webhook.
    """
    statement = select(WebhookDelivery).where(WebhookDelivery.webhook_id == webhook_id)
    if statuses:
        statement = statement.where(WebhookDelivery.status.in_(statuses))
    with session.begin():
        if session.get(Webhook, webhook_id) is None:
            raise NotFoundError(f"There is no webhook {webhook_id}.")
        page = fetch_page(
            session,
            statement,
            Order(WebhookDelivery.id, descending=True),
            query=["deliveries", webhook_id, sorted(statuses)],
            cursor=cursor,
            limit=limit,
        )
    return [row.WebhookDelivery for row in page.rows], page.next_cursor
