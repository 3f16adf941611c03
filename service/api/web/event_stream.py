"""One client's stream of server-sent events.

A stream first replays the events stored after ``Last-Event-ID``, then sends new ones. While it
waits it uses no connection and no thread. A stream that lags reads the table in batches, and only
a few streams do so at the same time. It ends when no event can follow.
"""

import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractContextManager, aclosing
from dataclasses import dataclass
from typing import Any, TypeVar

import anyio
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from service.database.outages import is_outage
from service.events.event_types import STREAM_OPENED, EventType
from service.events.hub import EventHub
from service.events.live_event import LiveEvent
from service.events.reading import Subject, events_after, is_over
from service.events.recent import Follower

BATCH = 200

#: Notifications may be lost, so a stream looks for events at least this often.
_RECHECK_SECONDS = 2.0
# Neither ends with an empty line, which some clients take for an event.
_GREETING = b"retry: 1000\n"
_HEARTBEAT = b": heartbeat\n"

T = TypeVar("T")


class EventStreamResponse(StreamingResponse):
    """A response of server-sent events that closes its source at the end."""

    media_type = "text/event-stream"

    def __init__(self, source: AsyncGenerator[bytes, None]) -> None:
        # Proxies must pass on each event at once.
        super().__init__(source, headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})
        self._source = source

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the source or the client ends."""
        async with aclosing(self._source):
            await super().__call__(scope, receive, send)


@dataclass(frozen=True)
class _Frames:
    """Bytes to send; whether the stream may end with them, and whether to look again at once."""

    frames: bytes
    may_end: bool
    more: bool


class EventStream:
    """One client's stream of all experiments, of one, or of a run.

    Args:
        state: the state of the application.
        subject: which events the stream sends.
        after: the last event that the client has seen; 0 for none, None to begin with new events.
        follow: whether to continue with new events, or to end with the newest stored one.
    """

    def __init__(
        self, state: Any, subject: Subject, after: int | None, *, follow: bool = True
    ) -> None:
        self._hub: EventHub = state.hub
        self._sessions = state.sessions
        self._readers: anyio.CapacityLimiter = state.stream_readers
        self._open_streams = state.metrics.open_streams
        self._heartbeat_seconds: float = state.settings.sse_heartbeat_seconds
        self._subject = subject
        self._cursor = after
        self._follows_on = follow
        self._ending = EventType.RUN_FINISHED if subject.run_id else EventType.EXPERIMENT_FINISHED

    async def is_over(self) -> bool:
        """Whether no event can follow those that the client has seen."""
        after = self._cursor or 0
        return bool(await self._read(lambda session: is_over(session, self._subject, after)))

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of the stream, until no event can follow or the service stops."""
        with (
            self._open_streams.track_inprogress(),
            self._follow() as follower,
        ):
            yield _GREETING
            sent_at = time.monotonic()
            while not self._hub.closing:
                found = await self._next_frames(follower)
                if found.frames:
                    yield found.frames
                    sent_at = time.monotonic()
                    if found.may_end and await self.is_over():
                        return
                if found.more:
                    continue
                if not self._follows_on and self._has_caught_up(follower):
                    return
                silence = self._heartbeat_seconds - (time.monotonic() - sent_at)
                if silence <= 0:
                    yield _HEARTBEAT
                    sent_at = time.monotonic()
                    if await self.is_over():  # deleted, or its last event pruned
                        return
                    continue
                await follower.wait(min(silence, _RECHECK_SECONDS))

    async def _next_frames(self, follower: Follower) -> "_Frames":
        """Return what to send next.

        Of the events themselves nothing stays in memory while a client does not read.
        """
        events = await self._next(follower)
        progress = [] if events else follower.take_progress()
        shown = [event for event in (*events, *progress) if self._shows(event)]
        return _Frames(
            b"".join(event.frame for event in shown),
            may_end=any(event.type == self._ending for event in shown),
            more=bool(events),
        )

    def _follow(self) -> AbstractContextManager[Follower]:
        if self._subject.experiment_id is None:
            return self._hub.follow_all()
        return self._hub.follow(self._subject.experiment_id, progress=True)

    def _has_caught_up(self, follower: Follower) -> bool:
        head, cursor = follower.head, self._cursor
        return head is not None and cursor is not None and cursor >= head

    def _shows(self, event: LiveEvent) -> bool:
        return event.type == STREAM_OPENED or self._subject.includes(event)

    async def _next(self, follower: Follower) -> Sequence[LiveEvent]:
        """Return the events after the cursor, from memory or the table, and advance it."""
        # Read first: the table has every event that the hub has seen until now.
        head = follower.head
        everything = self._subject.experiment_id is None
        if everything and head is None:  # beyond the head another event may still be inserted
            return ()
        if self._cursor is None:
            self._cursor = head or 0
            return (LiveEvent.opened(self._cursor),)
        after, up_to = self._cursor, head if everything else None
        events = follower.since(after)
        if events is None:
            events = await self._read(
                lambda session: events_after(session, self._subject, after, BATCH, up_to=up_to)
            )
            if events is None:
                return ()
            if len(events) == BATCH:
                head = None
        self._cursor = max(after, head or 0, *(event.id or 0 for event in events[-1:]))
        return events

    async def _read(self, query: Callable[[Session], T]) -> T | None:
        """Return the result of a query; None while the database does not answer."""

        def ask() -> T:
            with self._sessions() as session:
                return query(session)

        try:
            return await anyio.to_thread.run_sync(ask, limiter=self._readers)
        except SQLAlchemyError as error:
            if is_outage(error):
                return None
            raise
