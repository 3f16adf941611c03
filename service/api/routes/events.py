"""Live streams over HTTP: what happens in all experiments, in one, or in a run."""

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import select
from starlette.responses import Response

from service.api.web.dependencies import requires
from service.api.web.event_stream import EventStream, EventStreamResponse
from service.api.web.problems import problem_responses
from service.database.tables import Experiment, Run
from service.errors import NotFoundError
from service.events.event_types import EventType
from service.events.reading import Subject

#: Streams that may read the table at the same moment.
MAX_STREAM_READERS = 4

_LARGEST_ID = 2**63 - 1


async def _last_seen(
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
) -> int | None:
    return last_event_id if last_event_id is not None else last_event_id_query


AfterDep = Annotated[int | None, Depends(_last_seen)]

_EVENTS = """
Each event has its number as `id`, its type as `event` and JSON as `data`: `experiment_id`,
`run_id` (null for the experiment's own), `created_at`, and what belongs to its type:

- `experiment.created`, `experiment.finished` (`runs` by status)
- `run.started` (`attempt`, `worker`, `epoch`, `epochs`), `run.epoch` (`epoch`, `epochs`,
  `metrics`), `run.requeued` (`attempt`, `outcome`, `reason`), `run.finished` (`status`, ...)
"""

_ABOUT = f"""
{_EVENTS.strip()}
- `run.progress` (`epoch`, `epochs`, `fraction`) tells how far a run is inside an epoch; it is
  not stored, has no `id` and is not replayed.

The stream begins with what happened after `Last-Event-ID`, or with everything. A comment is
sent in silence. The stream ends once nothing can follow; asked again, it answers 204, which
makes browsers stop asking.
"""

_ABOUT_ALL = f"""
{_EVENTS.strip()}
- `experiment.deleted`: the experiment is gone, and all its other events with it
- `stream.opened` comes first where no `Last-Event-ID` is given: its `id` is that of the newest
  event there is, and the stream goes on from there.

With `Last-Event-ID` the stream begins with what happened after it; 0 replays all that is kept.
Events come in the order of their ids, each once, however many experiments run side by side. A
comment is sent in silence. To those who ask for `text/event-stream` by name, as browsers do,
the stream does not end by itself; to others, who may wait for an answer's end, it ends with what
has happened by now.
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
    "/events",
    summary="Follow all experiments live",
    description=f"Streams what happens in all experiments.\n{_ABOUT_ALL}",
    response_class=EventStreamResponse,
    status_code=200,
    responses={200: _RESPONSES[200]},
)
async def follow_all(
    request: Request,
    after: AfterDep,
    types: Annotated[
        list[EventType] | None,
        Query(alias="type", description="Only events of this type; repeat for several."),
    ] = None,
) -> Response:
    """Stream the events of all experiments."""
    subject = Subject(types=frozenset(types or ()))
    follow = EventStreamResponse.media_type in request.headers.get("accept", "")
    stream = EventStream(request.app.state, subject, after, follow=follow)
    return EventStreamResponse(stream.chunks())


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
    return await _answer(EventStream(state, Subject(experiment_id), after or 0))


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
    return await _answer(EventStream(state, Subject(experiment_id, run_id), after or 0))


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
