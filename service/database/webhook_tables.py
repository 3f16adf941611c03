"""The tables of webhooks: subscriptions, and the deliveries of messages."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, UUID
from sqlalchemy.orm import Mapped, mapped_column

from service.database.base import JSON, TIME, Base, one_of
from service.statuses import DeliveryStatus


class Webhook(Base):
    """A subscription. Its secret is stored unencrypted: signing needs the secret itself."""

    __tablename__ = "webhooks"

    id: Mapped[uuid.UUID] = mapped_column(UUID, primary_key=True)
    url: Mapped[str] = mapped_column(Text)
    events: Mapped[list[str]] = mapped_column(ARRAY(Text))
    description: Mapped[str | None] = mapped_column(Text)
    secret: Mapped[str] = mapped_column(Text)
    previous_secret: Mapped[str | None] = mapped_column(Text)
    previous_secret_expires_at: Mapped[datetime | None] = mapped_column(TIME)
    created_by: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(TIME, server_default=func.now())
    #: When the first of the attempts failed of which none has succeeded since.
    failing_since: Mapped[datetime | None] = mapped_column(TIME)
    disabled_at: Mapped[datetime | None] = mapped_column(TIME)
    disabled_reason: Mapped[str | None] = mapped_column(Text)


class WebhookDelivery(Base):
    """One message to one webhook; its id is the message's, the same at every attempt.

    ``attempt`` is the fencing token: every claim increments it, and a result with an older one
    changes nothing. ``failures`` counts the failed attempts since the message was queued, or queued
    again, and chooses the pause before the next. ``attempts`` is the log.
    """

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        CheckConstraint(one_of("status", DeliveryStatus), name="status"),
        CheckConstraint(
            "(status = 'pending') = (next_attempt_at IS NOT NULL)",
            name="pending_has_next_attempt",
        ),
        Index("ix_webhook_deliveries_webhook_id_id", "webhook_id", "id"),
        Index(
            "ix_webhook_deliveries_due",
            "webhook_id",
            "next_attempt_at",
            postgresql_where=text("status = 'pending'"),
        ),
        Index("ix_webhook_deliveries_created_at", "created_at", postgresql_using="brin"),
    )

    id: Mapped[uuid.UUID] = mapped_column(UUID, primary_key=True)
    webhook_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("webhooks.id", ondelete="CASCADE"))
    event: Mapped[str] = mapped_column(Text)
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    status: Mapped[str] = mapped_column(Text, server_default=DeliveryStatus.PENDING.value)
    attempt: Mapped[int] = mapped_column(Integer, server_default="0")
    failures: Mapped[int] = mapped_column(Integer, server_default="0")
    attempts: Mapped[list[dict[str, Any]]] = mapped_column(JSON, server_default="[]")
    created_at: Mapped[datetime] = mapped_column(TIME, server_default=func.now())
    next_attempt_at: Mapped[datetime | None] = mapped_column(TIME, server_default=func.now())
    lease_expires_at: Mapped[datetime | None] = mapped_column(TIME)
    delivered_at: Mapped[datetime | None] = mapped_column(TIME)


class WebhookBatch(Base):
    """Messages of one transaction whose deliveries are too many for it, until they are made.

    ``webhook_ids`` are the subscribers at the time of the events that have no deliveries yet.
    """

    __tablename__ = "webhook_batches"

    id: Mapped[uuid.UUID] = mapped_column(UUID, primary_key=True)
    webhook_ids: Mapped[list[uuid.UUID]] = mapped_column(ARRAY(UUID))
    messages: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(TIME, server_default=func.now())


class WebhookResult(Base):
    """How many deliveries had a result (``service.webhooks.results``): the sum over all shards."""

    __tablename__ = "webhook_results"

    result: Mapped[str] = mapped_column(Text, primary_key=True)
    #: Transactions of different connections count in different rows, and wait for one another less.
    shard: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    count: Mapped[int] = mapped_column(BigInteger)
