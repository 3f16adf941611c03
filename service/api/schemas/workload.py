"""The queue and the workers as the API answers them."""

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Self

from pydantic import Field

from service.api.schemas.base import ApiAnswer
from service.runs.workload import BlockedReason, BlockedRuns, QueueState, WorkerState

_WORKER_ID = "019aa3c8-7d40-7a5e-9c61-52f3b1a0d4e7"

#: What each reason means, as a sentence about so many runs.
_SENTENCES: dict[BlockedReason, str] = {
    "no_worker": "{runs} wait{s}, and no worker was seen lately.",
    "no_device": "{runs} wait{s} for a {device} worker, and none was seen lately.",
    "no_memory": "{runs} need{s} {memory} or more, and no worker seen lately has as much.",
}
_GIB = 2**30


class WorkerAnswer(ApiAnswer):
    """A worker that was seen lately, and what it trains."""

    name: str
    device: str = Field(description="`cpu` or `cuda`.")
    processor: str | None = Field(description="Of the runs it trains; null while it is idle.")
    memory_bytes: int | None = Field(
        description="What it has for its runs; null of a worker of an older version."
    )
    started_at: datetime
    seen_at: datetime = Field(description="When it was last heard of.")
    runs: int = Field(description="How many runs it trains: several in a pack, 0 while idle.")
    experiment_ids: list[uuid.UUID] = Field(description="The experiments of these runs.")
    busy_since: datetime | None = Field(description="When the first of these runs started.")

    @classmethod
    def of(cls, worker: WorkerState) -> Self:
        """Return the answer for a worker."""
        return cls(**{**vars(worker), "experiment_ids": [*worker.experiment_ids]})


class WorkerPage(ApiAnswer):
    """Some workers, by name."""

    items: list[WorkerAnswer]
    next_cursor: str | None

    @classmethod
    def of(cls, workers: Iterable[WorkerState], next_cursor: str | None) -> Self:
        """Return a page of workers."""
        return cls(items=[WorkerAnswer.of(worker) for worker in workers], next_cursor=next_cursor)


class QueueCaller(ApiAnswer):
    """The runs of a caller that wait or are trained."""

    caller: str = Field(description="The name of the key that submitted them.")
    queued: int
    running: int
    waiting_since: datetime | None = Field(
        description="When the longest waiting was submitted; null where none waits."
    )


class QueueBlocked(ApiAnswer):
    """Queued runs that no worker seen lately can take."""

    device: str = Field(description="That they ask for: `auto`, `cpu` or `cuda`.")
    runs: int
    memory_bytes: int = Field(description="What the smallest of them needs; an estimate.")
    reason: BlockedReason = Field(
        description="`no_worker`: none was seen lately. `no_device`: none of this device. "
        "`no_memory`: none has the memory."
    )
    detail: str = Field(description="The same as a sentence.")

    @classmethod
    def of(cls, blocked: BlockedRuns) -> Self:
        """Return the answer for runs that nobody can take."""
        detail = _SENTENCES[blocked.reason].format(
            runs=f"{blocked.runs:,} run{'s' * (blocked.runs != 1)}",
            s="s" * (blocked.runs == 1),  # of the verb
            device=blocked.device,
            memory=f"{blocked.memory_bytes / _GIB:.2g} GiB",
        )
        return cls(**vars(blocked), detail=detail)


class QueueAnswer(ApiAnswer):
    """What waits, what is trained, and what no worker can take."""

    queued: int
    running: int
    workers: int = Field(description="Number of workers that were seen lately.")
    callers: list[QueueCaller] = Field(description="Who waits for most comes first.")
    blocked: list[QueueBlocked] = Field(description="Empty where a worker can take all that waits.")

    @classmethod
    def of(cls, queue: QueueState) -> Self:
        """Return the answer for the queue."""
        return cls(
            queued=queue.queued,
            running=queue.running,
            workers=queue.workers,
            callers=[QueueCaller(**vars(caller)) for caller in queue.callers],
            blocked=[QueueBlocked.of(blocked) for blocked in queue.blocked],
        )


WORKER_PAGE: dict[str, Any] = {
    "items": [
        {
            "name": "cpu-1",
            "device": "cpu",
            "processor": "AMD EPYC",
            "memory_bytes": 1_623_000_000,
            "started_at": "2026-11-21T05:00:00Z",
            "seen_at": "2026-11-21T05:20:03Z",
            "runs": 3,
            "experiment_ids": [_WORKER_ID],
            "busy_since": "2026-11-21T05:19:41Z",
        }
    ],
    "next_cursor": None,
}
QUEUE: dict[str, Any] = {
    "queued": 26,
    "running": 3,
    "workers": 1,
    "callers": [
        {"caller": "ada", "queued": 24, "running": 3, "waiting_since": "2026-11-21T05:16:00Z"},
        {"caller": "local", "queued": 2, "running": 0, "waiting_since": "2026-11-21T05:18:00Z"},
    ],
    "blocked": [
        {
            "device": "cuda",
            "runs": 2,
            "memory_bytes": 96_000_000,
            "reason": "no_device",
            "detail": "2 runs wait for a cuda worker, and none was seen lately.",
        }
    ],
}
