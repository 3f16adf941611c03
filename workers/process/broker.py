"""How a worker hears the doorbell: messages are gone when they are received.

Celery's usual bookkeeping keeps a message until its task has ended and then tells the broker so.
Where Redis is away at that very moment, telling fails, the message counts as work under way for
ever, and the worker, which may have one, hears no other. Our messages carry nothing: who waits is
in Postgres, and the scheduler rings again. So there is nothing to keep and nothing to tell.
"""

from typing import Any

from celery import bootsteps
from celery.worker.request import Request
from kombu.entity import Exchange, Queue


def listen_to(name: str) -> Queue:
    """Give the queue of a device as a worker consumes it: nothing is kept of what was taken."""
    return Queue(name, Exchange(name), routing_key=name, no_ack=True)  # type: ignore[no-untyped-call]


class Ring(Request):  # type: ignore[misc]
    """A message in a worker's hands. The broker knows nothing of it any more."""

    def acknowledge(self) -> None:
        """Take the message as done with."""
        self.acknowledged = True

    def reject(self, requeue: bool = False) -> None:  # noqa: ARG002 - Celery's signature
        """Let the message go: whoever may still be wanted is rung for by the scheduler."""
        self.acknowledged = True


class ChildMayDieEarly(bootsteps.StartStopStep):  # type: ignore[misc]
    """Lets a child that dies while the worker connects be replaced, as a later one is.

    On its first connection, and only then, Celery takes that for a pool that cannot start, and
    ends the worker.
    """

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def start(self, parent: Any) -> None:
        """Count this connection as one more, not as the first."""
        parent.restart_count = max(parent.restart_count, 1)
