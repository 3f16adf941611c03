"""One client's stream of server-sent events.

A stream first replays what is stored after ``Last-Event-ID``, then follows. While it waits it
holds no connection and no thread; one that lags reads the table in batches, a few streams at
a time. It ends when nothing can follow any more.
"""

import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractContextManager, aclosing
from typing import Any, TypeVar

import anyio
from fastapi.sse import format_sse_event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from service.database.outages import is_outage
from service.events.event_types import STREAM_OPENED, EventType
from service.events.hub import EventHub
from service.events.reading import LiveEvent, Subject, events_after, is_over
from service.events.recent import Follower

BATCH = 500

#: Wake-ups are only a hint: look again at the latest after this long.
_LOOK_AGAIN_SECONDS = 2.0
# Lines that end no event: an empty line after them is one to some clients.
_GREETING = b"retry: 1000\n"
_HEARTBEAT = b": heartbeat\n"

T = TypeVar("T")


class EventStreamResponse(StreamingResponse):
    """A stream of server-sent events, whose source is closed with it."""

    media_type = "text/event-stream"

    def __init__(self, source: AsyncGenerator[bytes, None]) -> None:
        # A proxy that collected a stream before passing it on would make it useless.
        super().__init__(source, headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})
        self._source = source

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the source or the client ends."""
        async with aclosing(self._source):
            await super().__call__(scope, receive, send)


class EventStream:
    """One client's stream of all experiments, of one, or of a run.

    Args:
        state: the application's parts.
        subject: what the stream tells of.
        after: the last event the client has seen; 0 for none, None to begin with what comes.
        follow: whether to go on with what comes, or to end with what there is.
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
        self._goes_on = follow
        self._ending = EventType.RUN_FINISHED if subject.run_id else EventType.EXPERIMENT_FINISHED

    async def is_over(self) -> bool:
        """Say whether nothing follows what the client has seen."""
        after = self._cursor or 0
        return bool(await self._read(lambda session: is_over(session, self._subject, after)))

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Give the bytes of the stream, until nothing can follow or the service stops."""
        with (
            self._open_streams.track_inprogress(),
            self._follow() as follower,
        ):
            yield _GREETING
            spoke = time.monotonic()
            while not self._hub.closing:
                events = await self._next(follower)
                progress = [] if events else follower.take_progress()
                if shown := [each for each in (*events, *progress) if self._shows(each)]:
                    yield _encode(shown)
                    spoke = time.monotonic()
                    if any(each.type == self._ending for each in shown) and await self.is_over():
                        return
                if events:
                    continue
                if not self._goes_on and self._has_caught_up(follower):
                    return
                silence = self._heartbeat_seconds - (time.monotonic() - spoke)
                if silence <= 0:
                    yield _HEARTBEAT
                    spoke = time.monotonic()
                    if await self.is_over():  # deleted, or its last event pruned
                        return
                    continue
                await follower.wait(min(silence, _LOOK_AGAIN_SECONDS))

    def _follow(self) -> AbstractContextManager[Follower]:
        if self._subject.experiment_id is None:
            return self._hub.follow_all()
        return self._hub.follow(self._subject.experiment_id, progress=True)

    def _has_caught_up(self, follower: Follower) -> bool:
        head, cursor = follower.head, self._cursor
        return head is not None and cursor is not None and cursor >= head

    def _shows(self, event: LiveEvent) -> bool:
        return event.type == STREAM_OPENED or self._subject.concerns(event)

    async def _next(self, follower: Follower) -> Sequence[LiveEvent]:
        """Give the events after the cursor and move it on: from memory, or else the table."""
        # Before anything else: what the hub had seen by now, the table shows too.
        head = follower.head
        everything = self._subject.experiment_id is None
        if everything and head is None:  # beyond the head another may still come in between
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
        self._cursor = max(after, head or 0, *(each.id or 0 for each in events[-1:]))
        return events

    async def _read(self, query: Callable[[Session], T]) -> T | None:
        """Ask the database; None while it is away, which a stream outlives."""

        def ask() -> T:
            with self._sessions() as session:
                return query(session)

        try:
            return await anyio.to_thread.run_sync(ask, limiter=self._readers)
        except SQLAlchemyError as error:
            if isinstance(error, PoolTimeoutError) or is_outage(error):
                return None
            raise


def _encode(events: Sequence[LiveEvent]) -> bytes:
    return b"".join(
        format_sse_event(
            data_str=each.body.decode(),
            event=each.type,
            id=None if each.id is None else str(each.id),
        )
        for each in events
    )
