"""Webhooks as the API takes and answers them."""

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from service.api.schemas.base import Answer
from service.database.webhook_tables import Webhook, WebhookDelivery
from service.events.event_types import WEBHOOK_EVENTS
from service.fields import LongText, Text
from service.statuses import DeliveryStatus

_Event = Annotated[Text, Field(json_schema_extra={"enum": [*WEBHOOK_EVENTS]})]


class NewWebhook(BaseModel):
    """Where messages are to go, and which."""

    model_config = ConfigDict(extra="forbid", strict=True)

    url: Annotated[Text, StringConstraints(max_length=2000)] = Field(
        description="Where messages are posted: http or https, to a public address (private ones "
        "where the service's settings allow them).",
        json_schema_extra={"format": "uri"},
        examples=["https://lab.example.org/hooks/actinium"],
    )
    events: Annotated[list[_Event], Field(min_length=1, max_length=20)] | None = Field(
        None,
        description="What to tell; all of it where left out. "
        + " ".join(f"`{kind}`: {kind.sentence}" for kind in WEBHOOK_EVENTS),
    )
    description: LongText | None = Field(None, description="What it is for, in your words.")


class WebhookLinks(Answer):
    """Where more about a webhook is."""

    self: str
    deliveries: str


class WebhookAnswer(Answer):
    """A webhook; its secret is never shown again."""

    id: uuid.UUID
    url: str
    events: list[_Event]
    description: str | None
    created_by: str = Field(description="The name of the key that subscribed.")
    created_at: datetime
    previous_secret_expires_at: datetime | None = Field(
        description="Until when messages carry a second signature, made with the secret before."
    )
    disabled_at: datetime | None = Field(
        description="Since when nothing is sent: its receiver answered 410 Gone, or somebody "
        "disabled it."
    )
    disabled_reason: str | None
    links: WebhookLinks

    @classmethod
    def of(cls, webhook: Webhook) -> Self:
        """Show a webhook."""
        return cls(**_shown(webhook))


class WebhookWithSecret(WebhookAnswer):
    """A webhook with its secret, which no other answer shows."""

    secret: str = Field(
        description="What its messages are signed with: `whsec_` and base64. Keep it; it is shown "
        "this once."
    )

    @classmethod
    def of(cls, webhook: Webhook) -> Self:
        """Show a webhook and its new secret."""
        return cls(**_shown(webhook), secret=webhook.secret)


def _shown(webhook: Webhook) -> dict[str, Any]:
    names = [name for name in WebhookAnswer.model_fields if name != "links"]
    path = f"/v1/webhooks/{webhook.id}"
    links = {"self": path, "deliveries": f"{path}/deliveries"}
    return {name: getattr(webhook, name) for name in names} | {"links": links}


class WebhookPage(Answer):
    """Some webhooks, newest first."""

    items: list[WebhookAnswer]
    next_cursor: str | None

    @classmethod
    def of(cls, found: Iterable[Webhook], next_cursor: str | None) -> Self:
        """Show a page."""
        return cls(items=[WebhookAnswer.of(each) for each in found], next_cursor=next_cursor)


class DeliveryAttempt(Answer):
    """One attempt to deliver a message."""

    number: int = Field(
        description="Counted from 1. One that is missing was cut off with its sender, and made "
        "again."
    )
    started_at: datetime
    seconds: float
    status_code: int | None = Field(description="What was answered; null where nothing was.")
    error: str | None = Field(description="Why it counts as failed; null where it does not.")
    next_attempt_at: datetime | None


class DeliveryAnswer(Answer):
    """A message to a webhook, and each attempt to deliver it."""

    id: uuid.UUID = Field(description="`webhook-id` of the message, the same at every attempt.")
    webhook_id: uuid.UUID
    event: str = Field(description="What it tells, or `webhook.ping`.")
    payload: dict[str, Any] = Field(description="The message's body.")
    status: DeliveryStatus = Field(
        description="`pending`: an attempt is due or under way. `failed`: none will follow, unless "
        "asked for."
    )
    attempts: list[DeliveryAttempt]
    created_at: datetime
    next_attempt_at: datetime | None
    delivered_at: datetime | None

    @classmethod
    def of(cls, delivery: WebhookDelivery) -> Self:
        """Show a delivery."""
        return cls(**{name: getattr(delivery, name) for name in cls.model_fields})


class DeliveryPage(Answer):
    """Some deliveries, newest first."""

    items: list[DeliveryAnswer]
    next_cursor: str | None

    @classmethod
    def of(cls, found: Iterable[WebhookDelivery], next_cursor: str | None) -> Self:
        """Show a page."""
        return cls(items=[DeliveryAnswer.of(each) for each in found], next_cursor=next_cursor)


_WEBHOOK_ID = "019aa3c9-10f2-7b55-a1d8-3c0c6d3f8e21"
_DELIVERY_ID = "019aa3c9-2b7e-7d10-8f4a-91b6c7e5d032"

WEBHOOK_EXAMPLE: dict[str, Any] = {
    "id": _WEBHOOK_ID,
    "url": "https://lab.example.org/hooks/actinium",
    "events": ["experiment.finished"],
    "description": "tells the lab's chat",
    "created_by": "lab",
    "created_at": "2026-11-21T09:14:00.520000Z",
    "previous_secret_expires_at": None,
    "disabled_at": None,
    "disabled_reason": None,
    "links": {
        "self": f"/v1/webhooks/{_WEBHOOK_ID}",
        "deliveries": f"/v1/webhooks/{_WEBHOOK_ID}/deliveries",
    },
}

DISABLED_WEBHOOK_EXAMPLE: dict[str, Any] = {
    **WEBHOOK_EXAMPLE,
    "disabled_at": "2026-11-22T08:30:00.150000Z",
    "disabled_reason": "lab disabled it.",
}

#: The secret is the specification's kind and nobody's: 32 bytes of 0.
WEBHOOK_WITH_SECRET_EXAMPLE: dict[str, Any] = {
    **WEBHOOK_EXAMPLE,
    "secret": "whsec_" + 43 * "A" + "=",
}

DELIVERY_EXAMPLE: dict[str, Any] = {
    "id": _DELIVERY_ID,
    "webhook_id": _WEBHOOK_ID,
    "event": "experiment.finished",
    "payload": {
        "type": "experiment.finished",
        "timestamp": "2026-11-21T09:16:12.480000Z",
        "data": {
            "experiment_id": "019aa3c8-7d40-7a5e-9c61-52f3b1a0d4e7",
            "runs": {"completed": 8, "diverged": 1},
        },
    },
    "status": "pending",
    "attempts": [
        {
            "number": 1,
            "started_at": "2026-11-21T09:16:12.730000Z",
            "seconds": 0.042,
            "status_code": 503,
            "error": "It answered 503.",
            "next_attempt_at": "2026-11-21T09:16:18.310000Z",
        }
    ],
    "created_at": "2026-11-21T09:16:12.480000Z",
    "next_attempt_at": "2026-11-21T09:16:18.310000Z",
    "delivered_at": None,
}
