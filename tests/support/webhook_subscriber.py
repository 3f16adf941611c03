"""A subscriber of webhooks: a receiver, its subscription, and the events it accepted."""

import json
from datetime import UTC, datetime
from typing import Any

import httpx
from standardwebhooks import Webhook as Verifier

from tests.support.processes import wait_for
from tests.support.webhook_receivers import Received, Receiver

#: The event a message reports: type, experiment, run.
Reported = tuple[str, str, str | None]

#: A message older or newer than this is not to be believed (the specification's example).
_TOLERANCE_SECONDS = 300


class Subscriber:
    """Subscribes a receiver to every type of event."""

    def __init__(self, receiver: Receiver, client: httpx.Client) -> None:
        self.receiver = receiver
        self._client = client
        answer = client.post("/v1/webhooks", json={"url": receiver.url})
        assert answer.status_code == 201, answer.text
        self._path = f"/v1/webhooks/{answer.json()['id']}"
        self._secret = answer.json()["secret"]

    def wait_for_all(self, seconds: float) -> None:
        """Wait until every message is delivered.

        Raises:
            AssertionError: one was given up, or some are still to be delivered.
        """
        wait_for(
            lambda: not self._deliveries("pending"),
            what=lambda: f"all is delivered but {self._deliveries('pending')}",
            seconds=seconds,
            every=0.5,
        )
        assert self._deliveries("failed") == []

    def accepted(self) -> dict[str, Reported]:
        """Return the event of every accepted message by the message's id.

        Raises:
            AssertionError: a message that was received is not signed, or was posted elsewhere.
        """
        for message in self.receiver.received:
            self._verify(message)
        bodies = {message.id: json.loads(message.body) for message in self.receiver.accepted}
        return {
            message_id: _reported(body["type"], body["data"]) for message_id, body in bodies.items()
        }

    def _verify(self, message: Received) -> None:
        sent_at = int(message.headers["webhook-timestamp"])
        off_seconds = abs(message.received_at - sent_at)
        assert off_seconds < _TOLERANCE_SECONDS, "the message's time is not to be believed"
        expected = Verifier(self._secret).sign(
            message.id, datetime.fromtimestamp(sent_at, UTC), message.body.decode()
        )
        assert message.headers["webhook-signature"] == expected
        assert self.receiver.url.endswith(message.path), "it was posted where a redirect leads"

    def _deliveries(self, status: str) -> list[Any]:
        answer = self._client.get(f"{self._path}/deliveries", params={"status": status})
        assert answer.status_code == 200, answer.text
        return list(answer.json()["items"])


def _reported(event: str, data: dict[str, Any]) -> Reported:
    return event, data["experiment_id"], data.get("run_id")
