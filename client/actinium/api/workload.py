"""Calls on the queue and the workers."""

from actinium.calls import Call, Pages, as_is, get, pages
from actinium.operations import listing, operation
from actinium.types import Queue, Worker


class QueueAndWorkers:
    """Operations on the queue and the workers."""

    @listing
    def workers(self, *, page_size: int = 100) -> Pages[Worker]:
        """Return the workers that were seen lately, by name, with what they train."""
        return pages("/v1/workers", as_is, {"limit": page_size})

    @operation
    def queue(self) -> Call[Queue]:
        """Return what waits and what is trained, per caller, and what no worker can take."""
        return get("/v1/queue", as_is)
