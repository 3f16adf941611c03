"""How a worker receives the doorbell's messages: the broker forgets each one on delivery.

By default Celery keeps a message until its task has ended and acknowledges it then. If Redis is
away at that moment, the acknowledgement fails, the message counts as being worked on for ever, and
the worker, which works on one message at a time, receives no other. Our messages carry no data: the
runs that wait are in Postgres, and the scheduler rings again. So nothing has to be kept or
acknowledged.

What is no ring of the doorbell is logged and dropped before Celery sees it (``process.messages``).
"""

from typing import Any

import structlog
from celery import bootsteps
from celery.worker.request import Request
from kombu.entity import Exchange, Queue
from kombu.transport import TRANSPORT_ALIASES
from kombu.transport import redis as kombu_redis

from workers.process.messages import ForeignMessageError, checked, ring

#: Bytes of a dropped message that the log shows.
_SHOWN_BYTES = 100

_log = structlog.get_logger(__name__)


class RingsOnlyChannel(kombu_redis.Channel):
    """A channel of Redis that delivers rings of the doorbell and drops all other messages."""

    def _get_client(self) -> Any:
        """Return the class of this channel's connections to Redis."""
        client: Any = super()._get_client()  # type: ignore[no-untyped-call]

        class RingsOnlyClient(client):  # type: ignore[misc]
            def parse_response(self, connection: Any, command_name: Any, **options: Any) -> Any:
                """Return Redis' answer; for a message that is no ring None, as after a time-out."""
                answer = super().parse_response(connection, command_name, **options)
                return _admitted(*answer) if command_name == "BRPOP" and answer else answer

        return RingsOnlyClient


class RingsOnlyTransport(kombu_redis.Transport):
    """Kombu's transport for Redis, with channels that deliver rings only."""

    Channel = RingsOnlyChannel


def receive_rings_only() -> None:
    """Have Celery read Redis by this transport in this process.

    It takes the place of Kombu's own by name: named in the settings, its module and class would
    stand for ``redis`` in each line of the log that tells where the broker is.
    """
    path = f"{RingsOnlyTransport.__module__}:{RingsOnlyTransport.__qualname__}"
    TRANSPORT_ALIASES.update(dict.fromkeys(("redis", "rediss"), path))


def _admitted(key: bytes, received: bytes) -> tuple[bytes, bytes] | None:
    queue = key.decode("utf-8", "replace")
    try:
        context = checked(received)
    except ForeignMessageError as foreign:
        start = repr(received[:_SHOWN_BYTES])
        _log.warning("Dropped a message", queue=queue, reason=str(foreign), start=start)
        return None
    return key, ring(queue, context)


def unacknowledged_queue(name: str) -> Queue:
    """Return a device's queue whose messages the broker forgets when it delivers them."""
    return Queue(name, Exchange(name), routing_key=name, no_ack=True)  # type: ignore[no-untyped-call]


class UnacknowledgedRequest(Request):  # type: ignore[misc]
    """A received message. The broker has forgotten it, so both answers stay inside the worker."""

    def acknowledge(self) -> None:
        """Mark the message as done."""
        self.acknowledged = True

    def reject(self, requeue: bool = False) -> None:  # noqa: ARG002 - Celery's signature
        """Mark the message as done: the scheduler rings again for the runs that still wait."""
        self.acknowledged = True


class EarlyChildReplacement(bootsteps.StartStopStep):  # type: ignore[misc]
    """Replaces a child that dies while the worker connects for the first time.

    Celery replaces children that die later. During the first connection it assumes that the pool
    cannot start, and ends the worker.
    """

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def start(self, parent: Any) -> None:
        """Make Celery treat this connection as a later one."""
        parent.restart_count = max(parent.restart_count, 1)
