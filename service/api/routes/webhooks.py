"""Webhooks over HTTP: subscribe, disable, delete; their deliveries, and delivering again."""

import uuid
from typing import Annotated, Any

from fastapi import Body, Depends, Query, Request
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
from service.api.web.routers import make_router
from service.database.webhook_tables import Webhook, WebhookDelivery
from service.statuses import DeliveryStatus
from service.webhooks import deliveries, subscriptions
from service.webhooks.subscriptions import Subscription

router = make_router(prefix="/v1/webhooks", tags=["webhooks"], route_class=JsonRoute)

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
            "summary": "When an experiment has finished",
            "value": {
                "url": WEBHOOK_EXAMPLE["url"],
                "events": WEBHOOK_EXAMPLE["events"],
                "description": WEBHOOK_EXAMPLE["description"],
            },
        },
        "all": {"summary": "Every event", "value": {"url": WEBHOOK_EXAMPLE["url"]}},
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
        **problem_responses(409, 422),
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
    """Have events posted to an address, signed as Standard Webhooks specifies.

    The answer has the secret that signs the messages; no later answer has it.
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
    """Return a webhook, without its secret."""
    return _shown(subscriptions.get(session, webhook_id))


@router.delete(
    "/{webhook_id}",
    status_code=204,
    responses=problem_responses(404),
    summary="Unsubscribe",
    dependencies=_ADMIN,
)
def delete_webhook(webhook_id: uuid.UUID, session: SessionDep) -> None:
    """Delete a webhook with its deliveries; pending ones are not sent."""
    subscriptions.delete(session, webhook_id)


@router.post(
    "/{webhook_id}/disable",
    response_model=WebhookAnswer,
    responses={200: _DISABLED, **problem_responses(404)},
    summary="Disable a webhook",
    dependencies=_SUBMIT,
)
def disable_webhook(webhook_id: uuid.UUID, session: SessionDep, caller: CallerDep) -> Response:
    """Send nothing until it is enabled again; pending deliveries fail, and stay listed."""
    return _shown(subscriptions.disable(session, webhook_id, caller=caller.name))


@router.post(
    "/{webhook_id}/enable",
    response_model=WebhookAnswer,
    responses={200: _ONE, **problem_responses(404)},
    summary="Enable a webhook again",
    dependencies=_SUBMIT,
)
def enable_webhook(webhook_id: uuid.UUID, session: SessionDep) -> Response:
    """Send events from now on; also where its receiver had answered 410 Gone.

    Events that happened while it was disabled are not sent. Deliveries that failed when it was
    disabled can be delivered again, one by one.
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
    """Return a new secret; for 24 hours messages are signed with the previous one as well."""
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
    """Queue a `webhook.ping`; its delivery shows whether it arrived."""
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
        list[DeliveryStatus] | None, Query(description="Any of these; repeat for several.")
    ] = None,
) -> Response:
    """List the deliveries to a webhook, newest first, each with all its attempts."""
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
    """Return a delivery to a webhook, with all its attempts."""
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
    """Queue a message again under its own id; a pending one is sent at once."""
    return _queued(deliveries.redeliver(session, webhook_id, delivery_id))


def _shown(webhook: Webhook) -> Response:
    return Response(WebhookAnswer.of(webhook).to_json(), media_type="application/json")


def _queued(delivery: WebhookDelivery) -> Response:
    headers = {"location": f"/v1/webhooks/{delivery.webhook_id}/deliveries/{delivery.id}"}
    body = DeliveryAnswer.of(delivery).to_json()
    return Response(body, status_code=202, headers=headers, media_type="application/json")
