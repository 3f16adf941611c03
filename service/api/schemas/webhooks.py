"""Webhooks, as the API accepts and answers them."""

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from service.api.schemas.base import ApiAnswer
from service.database.webhook_tables import Webhook, WebhookDelivery
from service.events.event_types import WEBHOOK_EVENTS
from service.fields import LongText, Text
from service.statuses import DeliveryStatus

_Event = Annotated[Text, Field(json_schema_extra={"enum": [*WEBHOOK_EVENTS]})]


class NewWebhook(BaseModel):
    """The address that messages are posted to, and the events they are about."""

    model_config = ConfigDict(extra="forbid", strict=True)

    url: Annotated[Text, StringConstraints(max_length=2000)] = Field(
        description="The address that messages are posted to: http or https, and public unless the "
        "settings of the service allow private ones.",
        json_schema_extra={"format": "uri"},
        examples=["https://lab.example.org/hooks/actinium"],
    )
    events: Annotated[list[_Event], Field(min_length=1, max_length=20)] | None = Field(
        None,
        description="The events to send; by default all. "
        + " ".join(f"`{kind}`: {kind.sentence}" for kind in WEBHOOK_EVENTS),
    )
    description: LongText | None = Field(None, description="Free text.")


class WebhookLinks(ApiAnswer):
    """Addresses of a webhook and of its deliveries."""

    self: str
    deliveries: str


class WebhookAnswer(ApiAnswer):
    """A webhook, without its secret."""

    id: uuid.UUID
    url: str
    events: list[_Event]
    description: str | None
    created_by: str = Field(description="The name of the key that subscribed.")
    created_at: datetime
    previous_secret_expires_at: datetime | None = Field(
        description="Until when messages are also signed with the previous secret."
    )
    failing_since: datetime | None = Field(
        description="When the first of the attempts failed of which none has succeeded since. "
        "After some days of this (`ACTINIUM_WEBHOOK_FAILING_DAYS`) the webhook is disabled."
    )
    disabled_at: datetime | None = Field(
        description="Since when nothing is sent, because its receiver answered 410 Gone or kept "
        "failing, or somebody disabled it."
    )
    disabled_reason: str | None
    links: WebhookLinks

    @classmethod
    def of(cls, webhook: Webhook) -> Self:
        """Return the answer for a webhook."""
        return cls(**_shown(webhook))


class WebhookWithSecret(WebhookAnswer):
    """A webhook with its secret, which no other answer has."""

    secret: str = Field(
        description="The secret that signs its messages: `whsec_` and base64. Store it: it is "
        "shown only once."
    )

    @classmethod
    def of(cls, webhook: Webhook) -> Self:
        """Return the answer for a webhook with a new secret."""
        return cls(**_shown(webhook), secret=webhook.secret)


def _shown(webhook: Webhook) -> dict[str, Any]:
    names = [name for name in WebhookAnswer.model_fields if name != "links"]
    path = f"/v1/webhooks/{webhook.id}"
    links = {"self": path, "deliveries": f"{path}/deliveries"}
    return {name: getattr(webhook, name) for name in names} | {"links": links}


class WebhookPage(ApiAnswer):
    """Some webhooks, newest first."""

    items: list[WebhookAnswer]
    next_cursor: str | None

    @classmethod
    def of(cls, found: Iterable[Webhook], next_cursor: str | None) -> Self:
        """Return a page."""
        return cls(items=[WebhookAnswer.of(webhook) for webhook in found], next_cursor=next_cursor)


class DeliveryAttempt(ApiAnswer):
    """One attempt to deliver a message."""

    number: int = Field(
        description="Counted from 1. A missing number is an attempt whose sender stopped before it "
        "ended; it was repeated."
    )
    started_at: datetime
    seconds: float
    status_code: int | None = Field(description="The status of the response; null without one.")
    error: str | None = Field(description="Why it failed; null where it succeeded.")
    next_attempt_at: datetime | None


class DeliveryAnswer(ApiAnswer):
    """A message to a webhook, with each attempt to deliver it."""

    id: uuid.UUID = Field(description="`webhook-id` of the message, the same in every attempt.")
    webhook_id: uuid.UUID
    event: str = Field(description="The event that it is about, or `webhook.ping`.")
    payload: dict[str, Any] = Field(description="The message's body.")
    status: DeliveryStatus = Field(
        description="`pending`: an attempt is due or under way. `failed`: no attempt follows, "
        "unless it is delivered again on request."
    )
    attempts: list[DeliveryAttempt]
    created_at: datetime
    next_attempt_at: datetime | None
    delivered_at: datetime | None

    @classmethod
    def of(cls, delivery: WebhookDelivery) -> Self:
        """Return the answer for a delivery."""
        return cls(**{name: getattr(delivery, name) for name in cls.model_fields})


class DeliveryPage(ApiAnswer):
    """Some deliveries, newest first."""

    items: list[DeliveryAnswer]
    next_cursor: str | None

    @classmethod
    def of(cls, found: Iterable[WebhookDelivery], next_cursor: str | None) -> Self:
        """Return a page."""
        return cls(
            items=[DeliveryAnswer.of(delivery) for delivery in found], next_cursor=next_cursor
        )


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
    "failing_since": None,
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

#: The secret has the form of real ones and belongs to nobody: 32 bytes of 0.
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
