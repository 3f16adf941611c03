"""Simulation: the queue is worked off in the order of the claims, in the seconds expected of jobs.

It gives when each experiment's first waiting run starts, and when its last one ends.
"""

import heapq
import math
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from service.specs.packing import pack_limit

#: So many jobs of a lot are followed one by one; after each so many more, one step is for one job
#: more. Long queues are followed in some hundred steps, to within 2%.
_EXACT_JOBS = 64

#: Seconds of a job of so many runs on a device.
SecondsOf = Callable[[int, str], float]


@dataclass(frozen=True)
class SeenWorker:
    """A worker, and the seconds until it takes its next job."""

    device: str
    memory_bytes: int | None
    free_seconds: float


@dataclass(frozen=True)
class Lot:
    """Runs of one experiment that wait and can be packed together, or that are all trained alone.

    Attributes:
        caller: whose turn it has to be.
        order: of all lots of a caller; the lowest is next.
        pack_key: runs that share it can be packed together.
        packed_on: the devices on which they are packed; on others each is trained alone.
        device: that they ask for.
        memory_bytes: what the largest of them needs.
        runs: how many.
        seconds: what a job of so many of them takes on a device.
    """

    experiment_id: uuid.UUID
    caller: str
    order: tuple[int, uuid.UUID, int]
    pack_key: str | None
    packed_on: frozenset[str]
    device: str
    memory_bytes: int
    runs: int
    seconds: SecondsOf

    def suits(self, device: str, memory_bytes: int | None) -> bool:
        """Whether a worker of this device and memory may take its runs."""
        return self.device in ("auto", device) and (
            memory_bytes is None or self.memory_bytes <= memory_bytes
        )


@dataclass
class Span:
    """Seconds until the first waiting run of an experiment starts, and until the last one ends."""

    starts: float = math.inf
    ends: float = 0.0

    def add(self, starts: float, ends: float) -> None:
        """Widen it by a job."""
        self.starts, self.ends = min(self.starts, starts), max(self.ends, ends)


@dataclass
class _Waiting:
    """What is left of a lot."""

    lot: Lot
    left: int
    jobs: int = 0


def simulate(
    lots: Iterable[Lot],
    workers: Sequence[SeenWorker],
    turns: Mapping[str, datetime],
    pack_size: int,
) -> dict[uuid.UUID, Span]:
    """Return the span of each experiment, of those lots that a worker may take.

    Args:
        lots: what waits.
        workers: those that take it.
        turns: when runs of a caller were last claimed.
        pack_size: most members of a pack.
    """
    queue = _Queue(lots, turns)
    spans: dict[uuid.UUID, Span] = defaultdict(Span)
    free = [(worker.free_seconds, number) for number, worker in enumerate(workers)]
    heapq.heapify(free)
    while free:
        now, number = heapq.heappop(free)
        head = queue.next_for(workers[number])
        if head is None:
            continue  # this worker has nothing more to do
        idle = 1 + sum(seconds <= now for seconds, _ in free)
        job = queue.take(head, workers[number], idle, pack_size)
        for experiment_id in job.experiment_ids:
            spans[experiment_id].add(now, now + job.seconds)
        heapq.heappush(free, (now + job.seconds, number))
    return dict(spans)


@dataclass(frozen=True)
class _Job:
    """What a worker takes next: a job, or several equal ones in a row."""

    seconds: float
    experiment_ids: frozenset[uuid.UUID]


class _Queue:
    """What waits, by caller; the caller whose last turn was longest ago is next."""

    def __init__(self, lots: Iterable[Lot], turns: Mapping[str, datetime]) -> None:
        by_caller: dict[str, list[_Waiting]] = defaultdict(list)
        for lot in sorted(lots, key=lambda lot: lot.order):
            by_caller[lot.caller].append(_Waiting(lot, lot.runs))
        order = sorted(by_caller, key=lambda name: (name in turns, turns.get(name), name))
        self._callers = {name: by_caller[name] for name in order}

    def next_for(self, worker: SeenWorker) -> _Waiting | None:
        """Return the lot that a worker takes from next, and give its caller the last turn."""
        for caller, waiting in self._callers.items():
            for entry in waiting:
                if entry.lot.suits(worker.device, worker.memory_bytes):
                    self._callers[caller] = self._callers.pop(caller)
                    return entry
        return None

    def take(self, head: _Waiting, worker: SeenWorker, idle: int, pack_size: int) -> _Job:
        """Take the next job of a lot, with what is packed with it.

        Args:
            head: the lot.
            worker: who takes it.
            idle: how many workers are idle, this one included.
            pack_size: most members of a pack.
        """
        alike, members = [head], 1
        if worker.device in head.lot.packed_on:
            alike += self._packable(head, worker)
            members = pack_limit(sum(entry.left for entry in alike), idle, pack_size)
        jobs = min(1 + head.jobs // _EXACT_JOBS, max(1, head.left // members))
        head.jobs += jobs
        left, experiment_ids = members * jobs, set()
        for entry in alike:
            taken = min(entry.left, left)
            if taken:
                experiment_ids.add(entry.lot.experiment_id)
            entry.left -= taken
            left -= taken
        self._drop_empty(head.lot.caller)
        seconds = jobs * head.lot.seconds(members, worker.device)
        return _Job(seconds, frozenset(experiment_ids))

    def _packable(self, head: _Waiting, worker: SeenWorker) -> list[_Waiting]:
        """Return the other lots whose runs can be packed with those of one."""
        return [
            entry
            for entry in self._callers[head.lot.caller]
            if entry is not head
            and entry.lot.pack_key == head.lot.pack_key
            and entry.lot.suits(worker.device, worker.memory_bytes)
        ]

    def _drop_empty(self, caller: str) -> None:
        left = [entry for entry in self._callers[caller] if entry.left]
        if left:
            self._callers[caller] = left
        else:
            del self._callers[caller]
