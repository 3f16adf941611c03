"""A subscriber of webhooks: a receiver, its subscription, and what it has been told."""

import json
from datetime import UTC, datetime
from typing import Any

import httpx
from standardwebhooks import Webhook as Verifier

from service.events.event_types import WEBHOOK_EVENTS
from tests.support.processes import wait_for
from tests.support.webhook_receivers import Received, Receiver

#: What a message tells of: event, experiment, run.
Told = tuple[str, str, str | None]

#: A message older or newer than this is none to be believed (the specification's example).
_TOLERANCE_SECONDS = 300


class Subscriber:
    """Subscribes a receiver to every event."""

    def __init__(self, receiver: Receiver, client: httpx.Client) -> None:
        self.receiver = receiver
        self._client = client
        answer = client.post(
            "/v1/webhooks", json={"url": receiver.url, "events": [*WEBHOOK_EVENTS]}
        )
        assert answer.status_code == 201, answer.text
        self._path = f"/v1/webhooks/{answer.json()['id']}"
        self._secret = answer.json()["secret"]

    def waits_for_all(self, seconds: float) -> None:
        """Wait until no message is on its way to it; none may have been given up.

        Raises:
            AssertionError: one has, or some are still on their way.
        """
        wait_for(
            lambda: not self._deliveries("pending"),
            what=lambda: f"all is delivered but {self._deliveries('pending')}",
            seconds=seconds,
            every=0.5,
        )
        assert self._deliveries("failed") == []

    def told(self) -> dict[str, Told]:
        """What it has accepted, each message by its id; every one that came is looked at.

        Raises:
            AssertionError: a message was not signed as it has to be, or asked for elsewhere.
        """
        for each in self.receiver.received:
            self._verify(each)
        bodies = {each.id: json.loads(each.body) for each in self.receiver.accepted}
        return {name: _told(body["type"], body["data"]) for name, body in bodies.items()}

    def _verify(self, message: Received) -> None:
        sent_at = int(message.headers["webhook-timestamp"])
        assert abs(message.came_at - sent_at) < _TOLERANCE_SECONDS, "the time is not to be believed"
        expected = Verifier(self._secret).sign(
            message.id, datetime.fromtimestamp(sent_at, UTC), message.body.decode()
        )
        assert message.headers["webhook-signature"] == expected
        assert self.receiver.url.endswith(message.path), "it was asked for where it redirects to"

    def _deliveries(self, status: str) -> list[Any]:
        answer = self._client.get(f"{self._path}/deliveries", params={"status": status})
        assert answer.status_code == 200, answer.text
        return list(answer.json()["items"])


def _told(event: str, data: dict[str, Any]) -> Told:
    return event, data["experiment_id"], data.get("run_id")
