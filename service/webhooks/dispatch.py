"""Dispatch of messages: lease due deliveries to a sender, and record how each attempt ended.

When a sender dies, its lease ends and the message is sent again. So a message can arrive twice, but
never not at all; its id stays the same, so that a receiver can recognize it.
"""

import random
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import structlog
from sqlalchemy import ColumnElement, and_, exists, func, or_, select, update
from sqlalchemy.orm import Session

from service.database.webhook_tables import Webhook, WebhookDelivery
from service.settings import Settings
from service.statuses import DeliveryStatus
from service.webhooks.deliveries import silence
from service.webhooks.results import DeliveryResult, count_result

#: Time a sender needs besides the receiver's: to resolve the name and to record the result.
_LEASE_MARGIN_SECONDS = 15.0
#: Pauses are up to this share longer, at random: messages that failed together spread out.
_JITTER = 0.2
#: A longer Retry-After of a receiver is cut to this.
_LONGEST_RETRY_AFTER_SECONDS = 86_400.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Message:
    """A delivery that is leased to a sender. ``attempt`` is its fencing token.

    ``claimed_at`` comes from Postgres and is the date of the message, so that the sender's clock
    does not matter.
    """

    id: uuid.UUID
    webhook_id: uuid.UUID
    attempt: int
    claimed_at: datetime
    url: str
    secrets: tuple[str, ...]
    body: bytes


@dataclass(frozen=True)
class DeliveryOutcome:
    """How an attempt ended; it delivered the message where ``error`` is None.

    ``retry_after`` is the pause the receiver asked for, in seconds; ``gone``: it wants no messages.
    """

    seconds: float
    status_code: int | None = None
    error: str | None = None
    retry_after: float = 0.0
    gone: bool = False


def _due() -> ColumnElement[bool]:
    return and_(
        WebhookDelivery.status == DeliveryStatus.PENDING,
        WebhookDelivery.next_attempt_at <= func.now(),
        or_(
            WebhookDelivery.lease_expires_at.is_(None),
            WebhookDelivery.lease_expires_at <= func.now(),
        ),
    )


def due_webhooks(session: Session) -> list[uuid.UUID]:
    """Return the webhooks that have a due delivery."""
    due = exists().where(WebhookDelivery.webhook_id == Webhook.id, _due())
    with session.begin():
        return list(session.scalars(select(Webhook.id).where(due).order_by(Webhook.id)))


def claim(
    session: Session, webhook_id: uuid.UUID, settings: Settings, *, limit: int
) -> list[Message]:
    """Lease due deliveries of a webhook, the longest due first; no two senders get the same."""
    lease = timedelta(seconds=settings.webhook_timeout_seconds + _LEASE_MARGIN_SECONDS)
    with session.begin():
        due = session.scalars(
            select(WebhookDelivery.id)
            .where(WebhookDelivery.webhook_id == webhook_id, _due())
            .order_by(WebhookDelivery.next_attempt_at, WebhookDelivery.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        ).all()
        claimed = session.execute(
            update(WebhookDelivery)
            .where(WebhookDelivery.id.in_(due))
            .values(attempt=WebhookDelivery.attempt + 1, lease_expires_at=func.now() + lease)
            .returning(WebhookDelivery.id, WebhookDelivery.attempt, WebhookDelivery.payload)
            .execution_options(synchronize_session=False)
        ).all()
        webhook = session.get(Webhook, webhook_id, populate_existing=True)
        if webhook is None or not claimed:
            return []
        now = session.scalars(select(func.now())).one()
        secrets = _secrets(webhook, now)
    return [
        Message(
            id=delivery.id,
            webhook_id=webhook_id,
            attempt=delivery.attempt,
            claimed_at=now,
            url=webhook.url,
            secrets=secrets,
            body=orjson.dumps(delivery.payload),
        )
        for delivery in sorted(claimed, key=lambda row: row.id)
    ]


def _secrets(webhook: Webhook, now: datetime) -> tuple[str, ...]:
    expires_at = webhook.previous_secret_expires_at
    if webhook.previous_secret is None or expires_at is None or expires_at <= now:
        return (webhook.secret,)
    return (webhook.secret, webhook.previous_secret)


def record(
    session: Session, message: Message, outcome: DeliveryOutcome, settings: Settings
) -> str | None:
    """Record how an attempt ended, and when the next one is due.

    Returns:
        The status of the delivery now; None where a later attempt has taken it over.
    """
    with session.begin():
        _note_on_webhook(session, message.webhook_id, outcome, settings)
        delivery = session.scalars(
            select(WebhookDelivery)
            .where(WebhookDelivery.id == message.id, WebhookDelivery.attempt == message.attempt)
            .with_for_update()
            .execution_options(populate_existing=True)
        ).one_or_none()
        if delivery is None:
            return None
        now = session.scalars(select(func.now())).one()
        delivery.lease_expires_at = None
        if outcome.error is None:
            delivery.status, delivery.next_attempt_at, delivery.delivered_at = (
                DeliveryStatus.DELIVERED,
                None,
                now,
            )
        elif delivery.status == DeliveryStatus.PENDING:
            delivery.failures += 1
            pause = None if outcome.gone else _pause(delivery.failures, outcome, settings)
            if pause is None:
                delivery.status, delivery.next_attempt_at = DeliveryStatus.FAILED, None
            else:
                delivery.next_attempt_at = now + timedelta(seconds=pause)
        delivery.attempts = [*delivery.attempts, _entry(message, outcome, delivery)]
        result = DeliveryResult.DELIVERED if outcome.error is None else DeliveryResult.FAILED
        count_result(session, result)
        return delivery.status


def _pause(failures: int, outcome: DeliveryOutcome, settings: Settings) -> float | None:
    """Return the seconds until the next attempt; None where there is none."""
    pauses = settings.webhook_pauses
    if failures > len(pauses):
        return None
    jittered = pauses[failures - 1] * random.uniform(1, 1 + _JITTER)
    return max(jittered, min(outcome.retry_after, _LONGEST_RETRY_AFTER_SECONDS))


def _entry(message: Message, outcome: DeliveryOutcome, delivery: WebhookDelivery) -> dict[str, Any]:
    next_at = delivery.next_attempt_at
    return {
        "number": message.attempt,
        "started_at": message.claimed_at.isoformat(),
        "seconds": round(outcome.seconds, 3),
        "status_code": outcome.status_code,
        "error": outcome.error,
        "next_attempt_at": next_at.isoformat() if next_at is not None else None,
    }


def _note_on_webhook(
    session: Session, webhook_id: uuid.UUID, outcome: DeliveryOutcome, settings: Settings
) -> None:
    """Keep since when a receiver fails, and disable its webhook where that is for too long.

    The webhook's row is locked before its deliveries, as in a delete. It is written only where
    something changes, which is seldom.
    """
    ours = (
        update(Webhook).where(Webhook.id == webhook_id).execution_options(synchronize_session=False)
    )
    failing = Webhook.failing_since
    if outcome.error is None:
        session.execute(ours.where(failing.is_not(None)).values(failing_since=None))
        return
    session.execute(ours.where(failing.is_(None)).values(failing_since=func.now()))
    if outcome.gone:
        _disable(session, webhook_id, "Its receiver answered 410 Gone.")
        return
    patience = timedelta(days=settings.webhook_failing_days)
    late = select(failing).where(Webhook.id == webhook_id, failing < func.now() - patience)
    since = session.scalar(late.where(Webhook.disabled_at.is_(None)))
    if since is not None:
        _disable(
            session,
            webhook_id,
            f"No message has arrived since {since.astimezone(UTC):%Y-%m-%d %H:%M} UTC. The last "
            f"attempt: {outcome.error}",
        )


def _disable(session: Session, webhook_id: uuid.UUID, reason: str) -> None:
    webhook = session.get(Webhook, webhook_id, with_for_update=True)
    if webhook is not None:
        _log.warning("Disabled a webhook", webhook_id=str(webhook_id), reason=reason)
        silence(session, webhook, reason)
