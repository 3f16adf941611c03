"""How a worker receives the doorbell's messages: the broker forgets each one on delivery.

By default Celery keeps a message until its task has ended and acknowledges it then. If Redis is
away at that moment, the acknowledgement fails, the message counts as being worked on for ever, and
the worker, which works on one message at a time, receives no other. Our messages carry no data: the
runs that wait are in Postgres, and the scheduler rings again. So nothing has to be kept or
acknowledged.
"""

from typing import Any

from celery import bootsteps
from celery.worker.request import Request
from kombu.entity import Exchange, Queue


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
