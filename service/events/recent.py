"""What the hub remembers of the newest events, and who follows them."""

import asyncio
import contextlib
import uuid
from collections import deque
from collections.abc import Iterable

from service.events.reading import LiveEvent

_REMEMBERED = 1_000


class Follower:
    """One listener's view of what it follows; lives inside ``EventHub.follow``."""

    def __init__(self, tail: "Tail") -> None:
        self._tail = tail
        self._woken = asyncio.Event()
        self._progress: dict[uuid.UUID, LiveEvent] = {}

    @property
    def head(self) -> int | None:
        """The newest event the hub knows of; None until it has looked."""
        return self._tail.head

    def since(self, after: int) -> list[LiveEvent] | None:
        """Give the events after a number, or None where the hub does not remember that far."""
        return self._tail.since(after)

    def take_progress(self) -> list[LiveEvent]:
        """Give each run's latest progress, once."""
        taken, self._progress = self._progress, {}
        return list(taken.values())

    async def wait(self, seconds: float) -> None:
        """Wait until something may have happened, at most so long."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), seconds)
        self._woken.clear()

    def wake(self) -> None:
        """End a wait."""
        self._woken.set()

    def add_progress(self, event: LiveEvent) -> None:
        """Keep a run's progress in place of its earlier one."""
        if event.run_id is not None:
            self._progress[event.run_id] = event
            self._woken.set()

    def drop_progress(self, run_id: uuid.UUID | None) -> None:
        """Forget progress that a stored event has overtaken."""
        if run_id is not None:
            self._progress.pop(run_id, None)


class Tail:
    """The newest events of what is followed: all after ``floor``, up to ``head``."""

    def __init__(self) -> None:
        self.head: int | None = None
        self.floor = 0
        self.followers: set[Follower] = set()
        #: Those who also want what is not stored.
        self.watchers: set[Follower] = set()
        self._events: deque[LiveEvent] = deque()

    def start(self, head: int) -> None:
        """Begin after an event."""
        self.head = self.floor = head

    def add(self, event: LiveEvent) -> None:
        """Remember the next event, and forget the oldest of too many."""
        self._events.append(event)
        self.head = event.id
        if len(self._events) > _REMEMBERED:
            self.floor = self._events.popleft().id or self.floor
        for each in self.watchers:
            each.drop_progress(event.run_id)

    def since(self, after: int) -> list[LiveEvent] | None:
        """Give the events after a number, or None where it is not remembered that far."""
        if self.head is None or after < self.floor:
            return None
        newer: list[LiveEvent] = []
        for event in reversed(self._events):
            if (event.id or 0) <= after:
                break
            newer.append(event)
        newer.reverse()
        return newer


def wake(followers: Iterable[Follower]) -> None:
    """End the waits of all."""
    for each in followers:
        each.wake()
