"""The newest events of one experiment or of all, as the hub remembers them, and their followers."""

import asyncio
import contextlib
import uuid
from collections import deque

from service.events.live_event import LiveEvent

#: Events that are remembered; a listener further behind reads the table.
_REMEMBERED_EVENTS = 1_000


class Follower:
    """One listener's view of the events it follows; valid inside ``EventHub.follow``."""

    def __init__(self, recent: "RecentEvents") -> None:
        self._recent = recent
        self._woken = asyncio.Event()
        self._progress: dict[uuid.UUID, LiveEvent] = {}

    @property
    def head(self) -> int | None:
        """The number of the newest event the hub knows; None until it has looked."""
        return self._recent.head

    def since(self, after: int) -> list[LiveEvent] | None:
        """Return the events after a number; None where the hub does not remember them all."""
        return self._recent.since(after)

    def take_progress(self) -> list[LiveEvent]:
        """Return the latest progress of each run, once."""
        taken, self._progress = self._progress, {}
        return list(taken.values())

    async def wait(self, seconds: float) -> None:
        """Wait until something may have happened, at most this long."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), seconds)
        self._woken.clear()

    def wake(self) -> None:
        """End a wait."""
        self._woken.set()

    def add_progress(self, event: LiveEvent) -> None:
        """Replace a run's earlier progress, and end a wait."""
        if event.run_id is not None:
            self._progress[event.run_id] = event
            self._woken.set()

    def drop_progress(self, run_id: uuid.UUID | None) -> None:
        """Forget a run's progress, which a stored event has overtaken."""
        if run_id is not None:
            self._progress.pop(run_id, None)


class RecentEvents:
    """The newest events: all those with a number above ``floor`` and up to ``head``.

    ``head`` is None until the hub has looked where the stream begins.
    """

    def __init__(self) -> None:
        self.head: int | None = None
        self.floor = 0
        self.followers: set[Follower] = set()
        #: The followers that also get progress, which is not stored.
        self.progress_followers: set[Follower] = set()
        self._events: deque[LiveEvent] = deque()

    def start(self, head: int) -> None:
        """Begin after the event with this number."""
        self.head = self.floor = head

    def add(self, event: LiveEvent) -> None:
        """Remember the next event; forget the oldest where there are too many."""
        self._events.append(event)
        self.head = event.id
        if len(self._events) > _REMEMBERED_EVENTS:
            self.floor = self._events.popleft().id or self.floor
        for follower in self.progress_followers:
            follower.drop_progress(event.run_id)

    def since(self, after: int) -> list[LiveEvent] | None:
        """Return the events after a number; None where not all of them are remembered."""
        if self.head is None or after < self.floor:
            return None
        newer: list[LiveEvent] = []
        for event in reversed(self._events):
            if (event.id or 0) <= after:
                break
            newer.append(event)
        newer.reverse()
        return newer

    def wake_followers(self) -> None:
        """End the waits of all followers."""
        for follower in self.followers:
            follower.wake()
