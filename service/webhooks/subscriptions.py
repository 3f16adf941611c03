"""Subscriptions: create, list, delete, disable and enable webhooks, change their secret."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete as delete_rows
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.database.paging import Order, fetch_page
from service.database.webhook_tables import Webhook
from service.errors import ConflictError, InvalidError, NotFoundError
from service.events.event_types import WEBHOOK_EVENTS
from service.fields import FieldError, unknown
from service.ids import uuid7
from service.settings import Settings
from service.webhooks.deliveries import silence
from service.webhooks.signatures import new_secret
from service.webhooks.targets import checked_url

#: For this long after a change of the secret, messages are signed with both secrets.
BOTH_SECRETS = timedelta(hours=24)

#: The advisory lock of the transactions that add a webhook.
_SUBSCRIBING = 0x77656268


@dataclass(frozen=True)
class Subscription:
    """A requested webhook: the URL and the types of events; None subscribes to all types."""

    url: str
    events: Sequence[str] | None = None
    description: str | None = None


def create(session: Session, wanted: Subscription, *, caller: str, settings: Settings) -> Webhook:
    """Create a webhook. Its secret is shown only in the answer to this.

    Raises:
        InvalidError: the URL or an event cannot be used, or there are too many webhooks.
        ConflictError: the caller has subscribed this address already.
    """
    events = _checked_events(list(WEBHOOK_EVENTS) if wanted.events is None else wanted.events)
    url = checked_url(wanted.url, settings)
    with session.begin():
        # One after the other: two that count at the same time would both find room.
        session.execute(select(func.pg_advisory_xact_lock(_SUBSCRIBING)))
        _refuse_second(session, url, caller)
        count = session.scalar(select(func.count()).select_from(Webhook)) or 0
        if count >= settings.max_webhooks:
            raise InvalidError(
                f"There are {count} webhooks, and the limit is max_webhooks = "
                f"{settings.max_webhooks}. Delete one that is no longer needed."
            )
        webhook = Webhook(
            id=uuid7(),
            url=url,
            events=events,
            description=wanted.description,
            secret=new_secret(),
            created_by=caller,
        )
        session.add(webhook)
        session.flush()
        session.refresh(webhook)
        return webhook


def _refuse_second(session: Session, url: str, caller: str) -> None:
    before = session.scalar(
        select(Webhook.id).where(Webhook.url == url, Webhook.created_by == caller).limit(1)
    )
    if before is not None:
        raise ConflictError(
            f"{caller} has subscribed this address already: webhook {before}. An address gets each "
            "message once; delete that webhook to subscribe other events."
        )


def _checked_events(wanted: Sequence[str]) -> list[str]:
    errors = [
        FieldError(("events", index), unknown("event", name, WEBHOOK_EVENTS))
        for index, name in enumerate(wanted)
        if name not in WEBHOOK_EVENTS
    ]
    if errors:
        raise InvalidError(errors[0].detail, errors=errors)
    if not wanted:
        detail = "Name at least one event, or leave the field out for all."
        raise InvalidError(detail, errors=[FieldError(("events",), detail)])
    return [event_type for event_type in WEBHOOK_EVENTS if event_type in wanted]


def search(session: Session, *, cursor: str | None, limit: int) -> tuple[list[Webhook], str | None]:
    """Return a page of webhooks, newest first.

    Returns:
        The webhooks, and the cursor of the next page where there is one.
    """
    with session.begin():
        page = fetch_page(
            session,
            select(Webhook),
            Order(Webhook.id, descending=True),
            query=["webhooks"],
            cursor=cursor,
            limit=limit,
        )
    return [row.Webhook for row in page.rows], page.next_cursor


def get(session: Session, webhook_id: uuid.UUID) -> Webhook:
    """Return a webhook.

    Raises:
        NotFoundError: there is no such webhook.
    """
    with session.begin():
        return found(session.get(Webhook, webhook_id), webhook_id)


def delete(session: Session, webhook_id: uuid.UUID) -> None:
    """Delete a webhook with its log; its pending messages are not sent.

    Raises:
        NotFoundError: there is no such webhook.
    """
    with session.begin():
        deleted = session.scalar(
            delete_rows(Webhook).where(Webhook.id == webhook_id).returning(Webhook.id)
        )
        if deleted is None:
            raise _missing(webhook_id)


def disable(session: Session, webhook_id: uuid.UUID, *, caller: str) -> Webhook:
    """Disable a webhook: its pending messages are given up, and stay in the log.

    A webhook that is disabled already keeps its reason.

    Raises:
        NotFoundError: there is no such webhook.
    """
    with session.begin():
        webhook = _locked(session, webhook_id)
        silence(session, webhook, f"{caller} disabled it.")
        return webhook


def enable(session: Session, webhook_id: uuid.UUID) -> Webhook:
    """Enable a webhook: it gets the events from now on, and none of those it missed.

    Raises:
        NotFoundError: there is no such webhook.
    """
    with session.begin():
        webhook = _locked(session, webhook_id)
        webhook.disabled_at = webhook.disabled_reason = webhook.failing_since = None
        return webhook


def change_secret(session: Session, webhook_id: uuid.UUID) -> Webhook:
    """Replace the secret; for a day, messages are signed with the previous one too.

    Raises:
        NotFoundError: there is no such webhook.
    """
    with session.begin():
        webhook = _locked(session, webhook_id)
        webhook.previous_secret = webhook.secret
        webhook.previous_secret_expires_at = session.scalar(select(func.now() + BOTH_SECRETS))
        webhook.secret = new_secret()
        return webhook


def _locked(session: Session, webhook_id: uuid.UUID) -> Webhook:
    return found(session.get(Webhook, webhook_id, with_for_update=True), webhook_id)


def found(webhook: Webhook | None, webhook_id: uuid.UUID) -> Webhook:
    """Return a webhook that was looked up.

    Raises:
        NotFoundError: it was not found.
    """
    if webhook is None:
        raise _missing(webhook_id)
    return webhook


def _missing(webhook_id: uuid.UUID) -> NotFoundError:
    return NotFoundError(f"There is no webhook {webhook_id}.")
