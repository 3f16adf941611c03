"""Webhooks over HTTP: subscribe, silence, unsubscribe; what was sent, and sending it again."""

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Query, Request
from starlette.responses import Response

from service.api.openapi import examples
from service.api.schemas.webhooks import (
    DELIVERY_EXAMPLE,
    DISABLED_WEBHOOK_EXAMPLE,
    WEBHOOK_EXAMPLE,
    WEBHOOK_WITH_SECRET_EXAMPLE,
    DeliveryAnswer,
    DeliveryPage,
    NewWebhook,
    WebhookAnswer,
    WebhookPage,
    WebhookWithSecret,
)
from service.api.web.dependencies import CallerDep, SessionDep, SettingsDep, requires
from service.api.web.paging import LINK_HEADER, PageDep, page_response
from service.api.web.problems import problem_responses
from service.api.web.request_bodies import JsonRoute
from service.database.webhook_tables import Webhook, WebhookDelivery
from service.statuses import DeliveryStatus
from service.webhooks import deliveries, subscriptions
from service.webhooks.subscriptions import Subscription

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"], route_class=JsonRoute)

_READ = [Depends(requires("read"))]
_SUBMIT = [Depends(requires("submit"))]
_ADMIN = [Depends(requires("admin"))]

_ONE = examples.json_answer(WEBHOOK_EXAMPLE)
_DISABLED = examples.json_answer(DISABLED_WEBHOOK_EXAMPLE)
_WITH_SECRET = examples.json_answer(WEBHOOK_WITH_SECRET_EXAMPLE)
_DELIVERY = examples.json_answer(DELIVERY_EXAMPLE)
_BODY = Body(
    openapi_examples={
        "ends": {
            "summary": "Tell when an experiment is done",
            "value": {
                "url": WEBHOOK_EXAMPLE["url"],
                "events": WEBHOOK_EXAMPLE["events"],
                "description": WEBHOOK_EXAMPLE["description"],
            },
        },
        "all": {"summary": "Tell everything", "value": {"url": WEBHOOK_EXAMPLE["url"]}},
    }
)


def _page(example: dict[str, Any]) -> dict[str, Any]:
    described = examples.json_answer({"items": [example], "next_cursor": None})
    return {"headers": LINK_HEADER, **described}


@router.post(
    "",
    status_code=201,
    response_model=WebhookWithSecret,
    responses={
        201: {
            "headers": {"Location": {"description": "The webhook.", "schema": {"type": "string"}}},
            **_WITH_SECRET,
        },
        **problem_responses(422),
    },
    summary="Subscribe",
    dependencies=_SUBMIT,
)
def create_webhook(
    wanted: Annotated[NewWebhook, _BODY],
    session: SessionDep,
    caller: CallerDep,
    settings: SettingsDep,
) -> Response:
    """Have events posted to an address, signed as Standard Webhooks has it.

    The answer shows the secret that messages are signed with; no later one does.
    """
    subscription = Subscription(wanted.url, wanted.events, wanted.description)
    made = subscriptions.create(session, subscription, caller=caller.name, settings=settings)
    headers = {"location": f"/v1/webhooks/{made.id}", "cache-control": "no-store"}
    body = WebhookWithSecret.of(made).to_json()
    return Response(body, status_code=201, headers=headers, media_type="application/json")


@router.get(
    "",
    response_model=WebhookPage,
    responses={200: _page(WEBHOOK_EXAMPLE), **problem_responses(422)},
    summary="List webhooks",
    dependencies=_READ,
)
def list_webhooks(request: Request, session: SessionDep, page: PageDep) -> Response:
    """List the webhooks, newest first, without their secrets."""
    found, next_cursor = subscriptions.search(session, cursor=page.cursor, limit=page.limit)
    return page_response(request, WebhookPage.of(found, next_cursor).to_json(), next_cursor)


@router.get(
    "/{webhook_id}",
    response_model=WebhookAnswer,
    responses={200: _ONE, **problem_responses(404)},
    summary="Get a webhook",
    dependencies=_READ,
)
def get_webhook(webhook_id: uuid.UUID, session: SessionDep) -> Response:
    """Give a webhook, without its secret."""
    return _shown(subscriptions.get(session, webhook_id))


@router.delete(
    "/{webhook_id}",
    status_code=204,
    responses=problem_responses(404),
    summary="Unsubscribe",
    dependencies=_ADMIN,
)
def delete_webhook(webhook_id: uuid.UUID, session: SessionDep) -> None:
    """Delete a webhook with its deliveries; those that wait are not sent."""
    subscriptions.delete(session, webhook_id)


@router.post(
    "/{webhook_id}/disable",
    response_model=WebhookAnswer,
    responses={200: _DISABLED, **problem_responses(404)},
    summary="Silence a webhook",
    dependencies=_SUBMIT,
)
def disable_webhook(webhook_id: uuid.UUID, session: SessionDep, caller: CallerDep) -> Response:
    """Send nothing until it is enabled; what waits is given up, and stays in the log."""
    return _shown(subscriptions.disable(session, webhook_id, caller=caller.name))


@router.post(
    "/{webhook_id}/enable",
    response_model=WebhookAnswer,
    responses={200: _ONE, **problem_responses(404)},
    summary="Enable a webhook again",
    dependencies=_SUBMIT,
)
def enable_webhook(webhook_id: uuid.UUID, session: SessionDep) -> Response:
    """Tell what happens from now on; also after its receiver answered 410 Gone.

    What happened while it was disabled was not queued for it. What was given up when it was
    disabled can be delivered again, message by message.
    """
    return _shown(subscriptions.enable(session, webhook_id))


@router.post(
    "/{webhook_id}/secret",
    response_model=WebhookWithSecret,
    responses={200: _WITH_SECRET, **problem_responses(404)},
    summary="Change the secret",
    dependencies=_SUBMIT,
)
def change_webhook_secret(webhook_id: uuid.UUID, session: SessionDep) -> Response:
    """Make a new secret; for 24 hours messages carry a signature of the one before it too."""
    body = WebhookWithSecret.of(subscriptions.change_secret(session, webhook_id)).to_json()
    headers = {"cache-control": "no-store"}
    return Response(body, headers=headers, media_type="application/json")


@router.post(
    "/{webhook_id}/ping",
    status_code=202,
    response_model=DeliveryAnswer,
    responses={202: _DELIVERY, **problem_responses(404, 409)},
    summary="Send a test message",
    dependencies=_SUBMIT,
)
def ping_webhook(webhook_id: uuid.UUID, session: SessionDep) -> Response:
    """Queue a `webhook.ping`; its delivery tells whether it arrived."""
    return _queued(deliveries.ping(session, webhook_id))


@router.get(
    "/{webhook_id}/deliveries",
    response_model=DeliveryPage,
    responses={200: _page(DELIVERY_EXAMPLE), **problem_responses(404, 422)},
    summary="List a webhook's deliveries",
    dependencies=_READ,
)
def list_webhook_deliveries(
    *,
    request: Request,
    webhook_id: uuid.UUID,
    session: SessionDep,
    page: PageDep,
    status: Annotated[
        list[DeliveryStatus] | None, Query(description="Repeated, any of them.")
    ] = None,
) -> Response:
    """List the messages to a webhook, newest first, each with all its attempts."""
    found, next_cursor = deliveries.search(
        session, webhook_id, statuses=status or (), cursor=page.cursor, limit=page.limit
    )
    return page_response(request, DeliveryPage.of(found, next_cursor).to_json(), next_cursor)


@router.get(
    "/{webhook_id}/deliveries/{delivery_id}",
    response_model=DeliveryAnswer,
    responses={200: _DELIVERY, **problem_responses(404)},
    summary="Get a delivery",
    dependencies=_READ,
)
def get_webhook_delivery(
    webhook_id: uuid.UUID, delivery_id: uuid.UUID, session: SessionDep
) -> Response:
    """Give a message to a webhook, with all attempts to deliver it."""
    body = DeliveryAnswer.of(deliveries.get(session, webhook_id, delivery_id)).to_json()
    return Response(body, media_type="application/json")


@router.post(
    "/{webhook_id}/deliveries/{delivery_id}/redeliver",
    status_code=202,
    response_model=DeliveryAnswer,
    responses={202: _DELIVERY, **problem_responses(404, 409)},
    summary="Deliver a message again",
    dependencies=_SUBMIT,
)
def redeliver_webhook_delivery(
    webhook_id: uuid.UUID, delivery_id: uuid.UUID, session: SessionDep
) -> Response:
    """Queue a message again, or at once where it waits, under its own id."""
    return _queued(deliveries.redeliver(session, webhook_id, delivery_id))


def _shown(webhook: Webhook) -> Response:
    return Response(WebhookAnswer.of(webhook).to_json(), media_type="application/json")


def _queued(delivery: WebhookDelivery) -> Response:
    headers = {"location": f"/v1/webhooks/{delivery.webhook_id}/deliveries/{delivery.id}"}
    body = DeliveryAnswer.of(delivery).to_json()
    return Response(body, status_code=202, headers=headers, media_type="application/json")
