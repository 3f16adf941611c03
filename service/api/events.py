"""Live streams: server-sent events with replay.

A stream first replays what is stored after ``Last-Event-ID``, then follows. While it waits it
holds no connection and no thread; one that lags reads the table in batches, a few streams at
a time. It ends when nothing can follow any more.
"""

import time
import uuid
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Annotated, Any, TypeVar

import anyio
from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.sse import format_sse_event
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from service.api.dependencies import requires
from service.api.problems import problem_responses
from service.errors import NotFoundError
from service.live import EventHub, Follower
from service.models import Experiment, Run
from service.outages import is_outage
from service.replay import LiveEvent, Subject, events_after, is_over

BATCH = 500
#: Streams that may read the table at the same moment.
READERS = 4

#: Wake-ups are only a hint: look again at the latest after this long.
_LOOK_AGAIN_SECONDS = 2.0
# Lines that end no event: an empty line after them is one to some clients.
_GREETING = b"retry: 1000\n"
_HEARTBEAT = b": heartbeat\n"
_LARGEST_ID = 2**63 - 1

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
    """One client's stream of an experiment or a run.

    Args:
        state: the application's parts.
        subject: what the stream tells of.
        after: the last event the client has seen; 0 for none.
    """

    def __init__(self, state: Any, subject: Subject, after: int) -> None:
        self._hub: EventHub = state.hub
        self._sessions = state.sessions
        self._readers: anyio.CapacityLimiter = state.stream_readers
        self._open_streams = state.metrics.open_streams
        self._heartbeat_seconds: float = state.settings.sse_heartbeat_seconds
        self._subject = subject
        self._cursor = after
        self._ending = "run.finished" if subject.run_id else "experiment.finished"

    async def is_over(self) -> bool:
        """Say whether nothing follows what the client has seen."""
        return bool(await self._read(lambda session: is_over(session, self._subject, self._cursor)))

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Give the bytes of the stream, until nothing can follow or the service stops."""
        with (
            self._open_streams.track_inprogress(),
            self._hub.follow(self._subject.experiment_id, progress=True) as follower,
        ):
            yield _GREETING
            spoke = time.monotonic()
            while not self._hub.closing:
                events = await self._next(follower)
                progress = [] if events else follower.take_progress()
                if shown := [each for each in (*events, *progress) if self._subject.concerns(each)]:
                    yield _encode(shown)
                    spoke = time.monotonic()
                    if any(each.type == self._ending for each in shown) and await self.is_over():
                        return
                if events:
                    continue
                silence = self._heartbeat_seconds - (time.monotonic() - spoke)
                if silence <= 0:
                    yield _HEARTBEAT
                    spoke = time.monotonic()
                    if await self.is_over():  # deleted, or its last event pruned
                        return
                    continue
                await follower.wait(min(silence, _LOOK_AGAIN_SECONDS))

    async def _next(self, follower: Follower) -> Sequence[LiveEvent]:
        """Give the events after the cursor and move it on: from memory, or else the table."""
        # Before anything else: what the hub had seen by now, the table shows too.
        head = follower.head or 0
        events = follower.since(self._cursor)
        if events is None:
            after = self._cursor
            events = await self._read(
                lambda session: events_after(session, self._subject, after, BATCH)
            )
            if events is None:
                return ()
            if len(events) == BATCH:
                head = 0
        self._cursor = max(self._cursor, head, *(each.id or 0 for each in events[-1:]))
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


async def _after(
    last_event_id: Annotated[
        int | None,
        Header(
            alias="Last-Event-ID",
            ge=0,
            le=_LARGEST_ID,
            description="The last event seen; the stream goes on after it.",
            examples=[4711],
        ),
    ] = None,
    last_event_id_query: Annotated[
        int | None,
        Query(
            alias="last_event_id",
            ge=0,
            le=_LARGEST_ID,
            description="The same, for clients that cannot set headers; the header counts first.",
            examples=[4711],
        ),
    ] = None,
) -> int:
    return last_event_id if last_event_id is not None else last_event_id_query or 0


AfterDep = Annotated[int, Depends(_after)]

_ABOUT = """
Each event has its number as `id`, its type as `event` and JSON as `data`: `experiment_id`,
`run_id` (null for the experiment's own), `created_at`, and what belongs to its type:

- `experiment.created`, `experiment.finished` (`runs` by status)
- `run.started` (`attempt`, `worker`, `epoch`, `epochs`), `run.epoch` (`epoch`, `epochs`,
  `metrics`), `run.requeued` (`attempt`, `outcome`, `reason`), `run.finished` (`status`, ...)
- `run.progress` (`epoch`, `epochs`, `fraction`) tells how far a run is inside an epoch; it is
  not stored, has no `id` and is not replayed.

The stream begins with what happened after `Last-Event-ID`, or with everything. A comment is
sent in silence. The stream ends once nothing can follow; asked again, it answers 204, which
makes browsers stop asking.
"""

_EXAMPLE = """\
retry: 1000
event: run.epoch
data: {"experiment_id":"019ac4f2-7d31-7c1e-9b7d-0d7b1a2c3d4e",\
"run_id":"019ac4f2-7d32-7a55-8d15-2f9f4e1b6c70","created_at":"2026-11-21T04:10:07.113Z",\
"epoch":1,"epochs":12,"metrics":{"loss":0.41,"accuracy":0.87,"val_loss":0.19,\
"val_accuracy":0.94}}
id: 4711

: heartbeat
"""

_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The events, as they happen.",
        "content": {"text/event-stream": {"example": _EXAMPLE}},
    },
    204: {"description": "Everything has been seen, and nothing can follow."},
    **problem_responses(404),
}

router = APIRouter(prefix="/v1", tags=["events"], dependencies=[Depends(requires("read"))])


@router.get(
    "/experiments/{experiment_id}/events",
    summary="Follow an experiment live",
    description=f"Streams what happens in an experiment and its runs.\n{_ABOUT}",
    response_class=EventStreamResponse,
    status_code=200,
    responses=_RESPONSES,
)
async def follow_experiment(
    request: Request, experiment_id: uuid.UUID, after: AfterDep
) -> Response:
    """Stream an experiment's events."""
    state = request.app.state
    await run_in_threadpool(_require_experiment, state, experiment_id)
    return await _answer(EventStream(state, Subject(experiment_id), after))


@router.get(
    "/runs/{run_id}/events",
    summary="Follow a run live",
    description=f"Streams what happens in a run.\n{_ABOUT}",
    response_class=EventStreamResponse,
    status_code=200,
    responses=_RESPONSES,
)
async def follow_run(request: Request, run_id: uuid.UUID, after: AfterDep) -> Response:
    """Stream a run's events."""
    state = request.app.state
    experiment_id = await run_in_threadpool(_experiment_of, state, run_id)
    return await _answer(EventStream(state, Subject(experiment_id, run_id), after))


async def _answer(stream: EventStream) -> Response:
    if await stream.is_over():
        return Response(status_code=204)
    return EventStreamResponse(stream.chunks())


def _require_experiment(state: Any, experiment_id: uuid.UUID) -> None:
    with state.sessions() as session, session.begin():
        if session.get(Experiment, experiment_id) is None:
            raise NotFoundError(f"There is no experiment {experiment_id}.")


def _experiment_of(state: Any, run_id: uuid.UUID) -> uuid.UUID:
    with state.sessions() as session, session.begin():
        found: uuid.UUID | None = session.scalar(select(Run.experiment_id).where(Run.id == run_id))
        if found is None:
            raise NotFoundError(f"There is no run {run_id}.")
        return found
