"""Webhooks that deliver to receivers on this machine, without the pauses of a real schedule."""

import pytest

from service.api.app import create_app
from service.webhooks import deliveries, subscriptions
from service.webhooks.subscriptions import Subscription
from tests.support.processes import wait_for
from tests.support.served_api import ask
from tests.support.webhook_receivers import PUBLIC_URL


@pytest.fixture
def app(settings):
    return create_app(settings)


@pytest.fixture
def post(app):
    """Post JSON, or nothing."""

    def send(path, body=None, **more):
        return ask(app, "POST", path, **({"json": body} if body is not None else {}), **more)

    return send


@pytest.fixture
def webhook(post):
    """A webhook that gets every event, as it was answered when it was created."""
    return post("/v1/webhooks", {"url": PUBLIC_URL}).json()


@pytest.fixture
def delivering(settings):
    """Settings that let a sender reach this machine, and try again soon."""
    return settings.model_copy(
        update={
            "webhook_private_addresses": True,
            "webhook_timeout_seconds": 1.0,
            "webhook_retry_seconds": "0.1,0.1",
        }
    )


@pytest.fixture
def subscribe(sessions, delivering):
    """Subscribe an address, or a receiver's, to some events or to all."""

    def create(target, *events):
        url = target if isinstance(target, str) else target.url
        with sessions() as session:
            wanted = Subscription(url, events or None)
            return subscriptions.create(session, wanted, caller="test", settings=delivering)

    return create


@pytest.fixture
def log(sessions):
    """Read a webhook's deliveries, the oldest first."""

    def read(webhook):
        with sessions() as session:
            found, _ = deliveries.search(session, webhook.id, cursor=None, limit=1000)
            return found[::-1]

    return read


@pytest.fixture
def settled(log):
    """Wait until nothing is due for a webhook any more, and read its deliveries."""

    def wait(webhook):
        def ended():
            found = log(webhook)
            return found if all(delivery.status != "pending" for delivery in found) else None

        return wait_for(ended, what="every delivery is settled", seconds=15)

    return wait
