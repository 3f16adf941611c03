"""Event streams over HTTP: of all experiments, of one, or of a run."""

import uuid
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import Depends, Header, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from starlette.responses import Response

from service.api.web import negotiation
from service.api.web.dependencies import requires
from service.api.web.event_stream import EventStream, EventStreamResponse
from service.api.web.places import Places
from service.api.web.problems import problem_responses
from service.api.web.routers import make_router
from service.api.web.scopes import caller_of
from service.database.tables import Run
from service.events.event_types import EventType
from service.events.reading import Subject, newest_number
from service.experiments import lifecycle
from service.runs import search

#: Most streams that read the table of events at the same time.
MAX_STREAM_READERS = 4

_LARGEST_ID = 2**63 - 1


async def _last_seen(
    last_event_id: Annotated[
        int | None,
        Header(
            alias="Last-Event-ID",
            ge=0,
            le=_LARGEST_ID,
            description="The id of the last event seen; the stream continues after it.",
            examples=[4711],
        ),
    ] = None,
    last_event_id_query: Annotated[
        int | None,
        Query(
            alias="last_event_id",
            ge=0,
            le=_LARGEST_ID,
            description="The same for clients that cannot set headers, which take precedence.",
            examples=[4711],
        ),
    ] = None,
) -> int | None:
    return last_event_id if last_event_id is not None else last_event_id_query


async def _known(request: Request, after: Annotated[int | None, Depends(_last_seen)]) -> int | None:
    """Return the id, which an event must have had: no other would ever be followed by an event.

    Raises:
        RequestValidationError: the database was restored to a time before that event.
    """
    if not after:
        return after
    newest = await run_in_threadpool(_newest_number, request.app.state)
    if after <= newest:
        return after
    reason = (
        f"No event has this id: the newest is {newest}. The database may have been restored to an "
        f"earlier time. Continue after {newest}, or begin again without an id."
    )
    name = "Last-Event-ID" if "Last-Event-ID" in request.headers else "last_event_id"
    place = "header" if name == "Last-Event-ID" else "query"
    raise RequestValidationError([{"type": "no_event", "loc": (place, name), "msg": reason}])


AfterDep = Annotated[int | None, Depends(_known)]

_EVENTS = """
Each event has its number as `id`, its type as `event` and JSON as `data`: `experiment_id`,
`run_id` (null where the event concerns the experiment), `created_at`, and the fields of its type:

- `experiment.created` (`runs`; `traceparent` where requests are traced), `experiment.finished`
  (`runs` by status)
- `run.started` (`attempt`, `worker`, `epoch`, `epochs`), `run.epoch` (`epoch`, `epochs`,
  `metrics`), `run.requeued` (`attempt`, `outcome`, `reason`), `run.finished` (`status`, ...)
"""

_ABOUT = f"""
{_EVENTS.strip()}
- `run.progress` (`epoch`, `epochs`, `fraction`): the progress of a run within an epoch. It is
  not stored, has no `id` and is not replayed.

The stream begins with the events after `Last-Event-ID`, or with all events. While nothing
happens it sends comments. It ends once nothing can follow; the next request is answered with
204, at which browsers stop reconnecting.
"""

_ABOUT_ALL = f"""
{_EVENTS.strip()}
- `experiment.updated`: `fields` of the experiment that a person changed, such as `name`
- `experiment.deleted`: the experiment was deleted, and all its other events with it
- `stream.opened` comes first where the request has no `Last-Event-ID`: its `id` is that of the
  newest event, and the stream continues from there.

With `Last-Event-ID` the stream begins with the events after it; 0 replays all stored events.
Events come in the order of their ids, each once, however many experiments run at the same time.
While nothing happens the stream sends comments. Where `Accept` names `text/event-stream`, as
browsers do, the stream does not end by itself; for other clients, which may wait for the end of
an answer, it ends with the newest event.
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
    204: {"description": "The client has seen every event, and none can follow."},
    **problem_responses(404, 429, 503),
}


async def _place(request: Request) -> AsyncIterator[None]:
    """Have a place among the streams until the answer has ended."""
    streams: Places = request.app.state.streams
    with streams.place(caller_of(request.scope)):
        yield


router = make_router(
    prefix="/v1",
    tags=["events"],
    dependencies=[Depends(requires("read")), Depends(_place, scope="request")],
)


@router.get(
    "/events",
    summary="Follow all experiments live",
    description=f"Stream the events of all experiments.\n{_ABOUT_ALL}",
    response_class=EventStreamResponse,
    status_code=200,
    responses={200: _RESPONSES[200], **problem_responses(429, 503)},
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
    accept = ",".join(request.headers.getlist("accept"))
    follow = negotiation.names(accept, EventStreamResponse.media_type)
    stream = EventStream(request.app.state, subject, after, follow=follow)
    return EventStreamResponse(stream.chunks())


@router.get(
    "/experiments/{experiment_id}/events",
    summary="Follow an experiment live",
    description=f"Stream the events of an experiment and its runs.\n{_ABOUT}",
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
    description=f"Stream the events of a run.\n{_ABOUT}",
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


def _newest_number(state: Any) -> int:
    with state.sessions() as session:
        return newest_number(session)


def _require_experiment(state: Any, experiment_id: uuid.UUID) -> None:
    with state.sessions() as session:
        lifecycle.require(session, experiment_id)


def _experiment_of(state: Any, run_id: uuid.UUID) -> uuid.UUID:
    with state.sessions() as session:
        (experiment_id,) = search.look(session, run_id, Run.experiment_id)
        found: uuid.UUID = experiment_id
        return found
