"""What trained networks are asked for, over HTTP: predictions, and models in ONNX."""

import contextlib
import uuid
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

from fastapi import Body, Depends, Request
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.orm import Session, sessionmaker
from starlette.responses import Response

from service.api.openapi import examples
from service.api.schemas.inference import (
    ONNX_WAITING,
    PREDICTIONS,
    REQUESTS,
    WAITING,
    OnnxTaskAnswer,
    PredictedInput,
    PredictionsAnswer,
    PredictionsRequest,
    TaskLinks,
)
from service.api.web.caching import NOT_MODIFIED
from service.api.web.dependencies import (
    CallerDep,
    DoorbellDep,
    SessionsDep,
    SettingsDep,
    requires,
)
from service.api.web.file_answers import FileAnswer, described_file, file_response
from service.api.web.problems import problem_responses
from service.api.web.request_bodies import JsonRoute
from service.api.web.routers import make_router
from service.api.web.scopes import caller_of
from service.api.web.waiting import WaitDep, poll_until
from service.datasets.class_names import class_names
from service.errors import NotFoundError
from service.inference import asking, tasks
from service.inference.results import decode_predictions
from service.runs import search
from service.runs.capacity import workers_wanted
from service.settings import Settings
from service.statuses import NetworkTaskKind, NetworkTaskStatus
from service.weights.onnx_files import OnnxFile, find_onnx

router = make_router(prefix="/v1/runs", tags=["runs"], route_class=JsonRoute)

#: Seconds that an answer waits for the worker where the client says nothing.
USUAL_WAIT_SECONDS = 10.0
_RETRY_AFTER = "1"

_WAITING: dict[str, Any] = {
    "description": "Not done yet: ask again at `Location`.",
    "headers": {
        "Location": {"description": "Where to ask.", "schema": {"type": "string"}},
        "Retry-After": {"description": "Seconds.", "schema": {"type": "string"}},
    },
}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "The predictions.", **examples.json_answer(PREDICTIONS)},
    202: _WAITING | {"model": PredictionsAnswer, **examples.json_answer(WAITING)},
}


_ONNX = (
    "An ONNX model of opset 20. `input` is (batch, ...) in the units of the data set: float for "
    "pixels, double for all else; `logits` and `probabilities` are float. Its metadata contain "
    "`run_id`, `config` (JSON), `config_hash`, `seed`, `preprocessing`, `classes` (JSON) and "
    "`opset`."
)


@router.post(
    "/{run_id}/predictions",
    response_model=PredictionsAnswer,
    responses={**_ANSWERS, **problem_responses(404, 409, 410, 413, 422)},
    summary="Predict with a run's network",
    dependencies=[Depends(requires("submit"))],
)
async def predict_with_run(
    *,
    request: Request,
    run_id: uuid.UUID,
    wanted: Annotated[PredictionsRequest, Body(openapi_examples=REQUESTS)],
    wait: WaitDep,
    sessions: SessionsDep,
    settings: SettingsDep,
    caller: CallerDep,
    doorbell: DoorbellDep,
) -> Response:
    """Return the class and the probabilities that a run's network gives to each input.

    Inputs are in the data set's own units: the preprocessing of the training is applied to them. A
    worker computes them, so the answer waits up to 10 s (or `Prefer: wait=N`) and is then 202,
    with a `Location` to ask again. Results are kept for an hour.
    """

    def ask() -> uuid.UUID:
        with sessions() as session:
            task_id = asking.ask_predictions(
                session, run_id, wanted.inputs, caller=caller.name, settings=settings
            )
            doorbell.ring(workers_wanted(session, settings))
            return task_id

    task_id = await run_in_threadpool(ask)
    read = partial(_read, sessions, run_id, task_id, settings)
    is_done = partial(_is_done, sessions, run_id, task_id, NetworkTaskKind.PREDICTIONS)
    return await _answered(request, read, is_done, wait)


@router.get(
    "/{run_id}/predictions/{task_id}",
    response_model=PredictionsAnswer,
    responses={**_ANSWERS, **problem_responses(404, 409)},
    summary="Get predictions that were asked for",
    dependencies=[Depends(requires("read"))],
)
async def get_run_predictions(
    *,
    request: Request,
    run_id: uuid.UUID,
    task_id: uuid.UUID,
    wait: WaitDep,
    sessions: SessionsDep,
    settings: SettingsDep,
) -> Response:
    """Return the predictions, or 202 while they are not done."""
    read = partial(_read, sessions, run_id, task_id, settings)
    is_done = partial(_is_done, sessions, run_id, task_id, NetworkTaskKind.PREDICTIONS)
    return await _answered(request, read, is_done, wait or 0.0)


@router.get(
    "/{run_id}/model.onnx",
    response_class=FileAnswer,
    responses={
        200: described_file(_ONNX, "onnx ..."),
        202: _WAITING | {"model": OnnxTaskAnswer, **examples.json_answer(ONNX_WAITING)},
        **NOT_MODIFIED,
        **problem_responses(404, 409, 410),
    },
    summary="Download a run's network as ONNX",
    dependencies=[Depends(requires("read"))],
)
async def get_run_onnx(
    *,
    request: Request,
    run_id: uuid.UUID,
    wait: WaitDep,
    settings: SettingsDep,
    caller: CallerDep,
    doorbell: DoorbellDep,
) -> Response:
    """Return the network with its preprocessing as an ONNX model: raw inputs to probabilities.

    A worker makes it when it is first asked for, so the answer waits up to 10 s (or `Prefer:
    wait=N`) and is then 202, to be asked again. The model is kept as long as the weights.
    """
    sessions: sessionmaker[Session] = request.app.state.sessions

    def ask() -> uuid.UUID | None:
        with sessions() as session:
            task_id = asking.ask_onnx(session, run_id, caller=caller.name, settings=settings)
            if task_id is not None:
                doorbell.ring(workers_wanted(session, settings))
            return task_id

    def find() -> OnnxFile | None:
        with sessions() as session:
            return find_onnx(session, run_id, settings)

    task_id = await run_in_threadpool(ask)
    if task_id is not None:
        is_done = partial(_is_done, sessions, run_id, task_id, NetworkTaskKind.ONNX)
        await _wait(request, is_done, wait)
    found = await run_in_threadpool(find)
    if found is not None:
        return file_response(request, found, name=f"{run_id}.onnx", immutable=False)
    if task_id is None:
        raise NotFoundError("The model was removed just now; ask again.")
    return _json(await run_in_threadpool(_read_onnx, sessions, run_id, task_id, settings))


async def _answered(
    request: Request,
    read: Callable[[], PredictionsAnswer],
    is_done: Callable[[], bool],
    wait: float | None,
) -> Response:
    """Return the answer once the task is done, or when the time is over."""
    await _wait(request, is_done, wait)
    return _json(await run_in_threadpool(read))


async def _wait(request: Request, is_done: Callable[[], bool], wait: float | None) -> None:
    """Wait for a task as long as the client would, or as is usual."""
    with contextlib.ExitStack() as held:
        if wait is None:
            held.enter_context(request.app.state.waits.place(caller_of(request.scope)))
            wait = USUAL_WAIT_SECONDS
        await poll_until(request.app.state.hub, is_done, seconds=wait)


def _json(answer: PredictionsAnswer | OnnxTaskAnswer) -> Response:
    headers = {"cache-control": "private, no-cache"}
    completed = answer.status == NetworkTaskStatus.COMPLETED
    if not completed:
        headers |= {"location": answer.links.self, "retry-after": _RETRY_AFTER}
    code = 200 if completed else 202
    return Response(answer.to_json(), code, headers=headers, media_type="application/json")


def _is_done(
    sessions: "sessionmaker[Session]", run_id: uuid.UUID, task_id: uuid.UUID, kind: NetworkTaskKind
) -> bool:
    with sessions() as session:
        return tasks.look(session, run_id, task_id, kind).ended_at is not None


def _read(
    sessions: "sessionmaker[Session]", run_id: uuid.UUID, task_id: uuid.UUID, settings: Settings
) -> PredictionsAnswer:
    with sessions() as session:
        task = tasks.look(session, run_id, task_id, NetworkTaskKind.PREDICTIONS)
        names = class_names(session, search.get(session, run_id).config["dataset"])
        return PredictionsAnswer(
            id=task.id,
            run_id=task.run_id,
            status=tasks.status_of(task),
            reason=tasks.reason_of(session, task, settings),
            classes=names,
            predictions=None if task.result is None else _predictions(task.result, names),
            created_at=task.created_at,
            links=TaskLinks(
                self=f"/v1/runs/{run_id}/predictions/{task_id}", run=f"/v1/runs/{run_id}"
            ),
        )


def _read_onnx(
    sessions: "sessionmaker[Session]", run_id: uuid.UUID, task_id: uuid.UUID, settings: Settings
) -> OnnxTaskAnswer:
    with sessions() as session:
        task = tasks.look(session, run_id, task_id, NetworkTaskKind.ONNX)
        return OnnxTaskAnswer(
            id=task.id,
            run_id=task.run_id,
            status=tasks.status_of(task),
            reason=tasks.reason_of(session, task, settings),
            created_at=task.created_at,
            links=TaskLinks(self=f"/v1/runs/{run_id}/model.onnx", run=f"/v1/runs/{run_id}"),
        )


def _predictions(result: bytes, names: list[str]) -> list[PredictedInput]:
    return [
        PredictedInput(
            value=found.value,
            label=found.label,
            name=None if found.label is None else names[found.label],
            probabilities=found.probabilities,
        )
        for found in decode_predictions(result)
    ]
