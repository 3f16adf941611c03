"""Runs over HTTP: search, read, histories, attempts, cancel."""

import uuid
from functools import partial
from typing import Annotated, Any

import orjson
from fastapi import Depends, Query, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import Field, JsonValue
from sqlalchemy.orm import Session, sessionmaker
from starlette.responses import Response

from service.api.openapi import examples
from service.api.schemas.run_bodies import RUN_BODY, run_page_body
from service.api.schemas.runs import (
    AttemptPage,
    HistoryAnswer,
    RunAnswer,
    RunPage,
)
from service.api.web.caching import cached_answer, cached_response
from service.api.web.dependencies import HubDep, SessionDep, SessionsDep, requires
from service.api.web.paging import LINK_HEADER, PageDep, page_response
from service.api.web.problems import problem_responses
from service.api.web.routers import make_router
from service.api.web.waiting import WaitDep, wait_until
from service.catalog.axes import AXES
from service.catalog.metrics import EPOCH_METRICS
from service.database import tables
from service.histories import reading
from service.runs import endings, search
from service.runs.search import ORDERS, RunFilter
from service.specs.spec import MAX_SEED
from service.statuses import FINISHED, Outcome, RunStatus, Verdict

router = make_router(prefix="/v1/runs", tags=["runs"])

_READ = [Depends(requires("read"))]
_SUBMIT = [Depends(requires("submit"))]

_ONE = examples.json_answer(examples.RUN)
_ORDERS: list[JsonValue] = [sign + name for name in ORDERS for sign in ("-", "")]


def _entries(axis: str) -> Any:
    """Return the description of an axis' entries; the use-case refuses other names."""
    entries = [entry for entry in AXES[axis].values() if not entry.symbolic]
    names = [name for entry in entries for name in (entry.name, *entry.aliases)]
    return Field(json_schema_extra={"enum": [*names]})


_Activation = Annotated[str, _entries("activation")]
_Initializer = Annotated[str, _entries("initializer")]
_Clipping = Annotated[str, _entries("clipping")]
_Normalization = Annotated[str, _entries("normalization")]
_Seed = Annotated[int, Field(ge=0, le=MAX_SEED)]
_ANY = Query(description="Any of these; repeat for several.")
_METRIC = f"({'|'.join(EPOCH_METRICS)})"
_Metrics = Annotated[str, Field(json_schema_extra={"pattern": f"^{_METRIC}(,{_METRIC})*$"})]


async def _run_filter(
    *,
    experiment_id: Annotated[list[uuid.UUID] | None, _ANY] = None,
    status: Annotated[list[RunStatus] | None, _ANY] = None,
    activation: Annotated[list[_Activation] | None, _ANY] = None,
    initializer: Annotated[list[_Initializer] | None, _ANY] = None,
    clipping: Annotated[list[_Clipping] | None, _ANY] = None,
    normalization: Annotated[list[_Normalization] | None, _ANY] = None,
    outcome: Annotated[list[Outcome] | None, _ANY] = None,
    verdict: Annotated[list[Verdict] | None, _ANY] = None,
    seed: Annotated[list[_Seed] | None, _ANY] = None,
) -> RunFilter:
    axes = {
        "activation": activation,
        "initializer": initializer,
        "clipping": clipping,
        "normalization": normalization,
    }
    return RunFilter(
        experiment_ids=experiment_id or (),
        statuses=status or (),
        outcomes=outcome or (),
        verdicts=verdict or (),
        seeds=seed or (),
        axes={name: chosen for name, chosen in axes.items() if chosen},
    )


@router.get(
    "",
    response_model=RunPage,
    responses={
        200: {"headers": LINK_HEADER, **examples.json_answer(examples.RUN_PAGE)},
        **problem_responses(422),
    },
    summary="Search runs",
    dependencies=_READ,
)
def search_runs(
    request: Request,
    session: SessionDep,
    page: PageDep,
    wanted: Annotated[RunFilter, Depends(_run_filter)],
    order_by: Annotated[
        str,
        Query(
            json_schema_extra={"enum": _ORDERS},
            description="The order; with `-` the largest come first. NaN and null come last.",
        ),
    ] = "-created_at",
) -> Response:
    """List the runs that match all filters, by default the newest first."""
    found, next_cursor = search.search(
        session, RUN_BODY, wanted, order_by=order_by, cursor=page.cursor, limit=page.limit
    )
    return page_response(request, run_page_body(found, next_cursor), next_cursor)


@router.get(
    "/{run_id}",
    response_model=RunAnswer,
    responses={**cached_answer(_ONE), **problem_responses(404)},
    summary="Get a run",
    dependencies=_READ,
)
async def get_run(
    request: Request,
    run_id: uuid.UUID,
    wait: WaitDep,
    sessions: SessionsDep,
    hub: HubDep,
) -> Response:
    """Return a run with its configuration, its status and its metrics."""
    body, experiment_id, status = await run_in_threadpool(_read, sessions, run_id)
    if wait is not None:
        ended = partial(_has_ended, sessions, run_id)
        await wait_until(hub, experiment_id, ended, wait)
        body, _, status = await run_in_threadpool(_read, sessions, run_id)
    return cached_response(request, body, immutable=status in FINISHED)


@router.get(
    "/{run_id}/history",
    response_model=HistoryAnswer,
    responses={
        **cached_answer(examples.json_answer(examples.HISTORY)),
        **problem_responses(404, 422),
    },
    summary="Get a run's history",
    dependencies=_READ,
)
def get_run_history(
    *,
    request: Request,
    run_id: uuid.UUID,
    session: SessionDep,
    metrics: Annotated[
        list[_Metrics] | None,
        Query(
            max_length=100,
            description="Names of metrics, repeated or separated by commas; by default all. The "
            "answer leaves out those that the run does not record.",
            examples=[["loss,val_loss"]],
        ),
    ] = None,
    from_epoch: Annotated[
        int, Query(ge=0, le=2**31 - 1, description="The first epoch of the answer.")
    ] = 1,
    max_points: Annotated[
        int | None,
        Query(
            ge=2,
            le=100_000,
            description="The most epochs in the answer. A longer history is thinned to the first "
            "epoch, the last, and the minima and maxima of each metric between them; where there "
            "are too few points for all metrics, those named first have precedence.",
        ),
    ] = None,
) -> Response:
    """Return the metrics of a run by epoch, in columns."""
    names = [name.strip() for value in metrics or () for name in value.split(",")]
    history = reading.read_history(
        session, run_id, metrics=names, from_epoch=from_epoch, max_points=max_points
    )
    shown = {
        "run_id": history.run_id,
        "ended_by": history.ended_by,
        "epoch": history.epoch,
        "metrics": history.metrics,
    }
    return cached_response(request, orjson.dumps(shown), immutable=history.status in FINISHED)


@router.get(
    "/{run_id}/attempts",
    response_model=AttemptPage,
    responses={
        200: {"headers": LINK_HEADER, **examples.json_answer(examples.ATTEMPT_PAGE)},
        **problem_responses(404, 422),
    },
    summary="List a run's attempts",
    dependencies=_READ,
)
def list_run_attempts(
    request: Request, run_id: uuid.UUID, session: SessionDep, page: PageDep
) -> Response:
    """List the attempts to train a run, oldest first, each with its outcome."""
    found, next_cursor = search.attempts(session, run_id, cursor=page.cursor, limit=page.limit)
    return page_response(request, AttemptPage.of(found, next_cursor).to_json(), next_cursor)


@router.post(
    "/{run_id}/cancel",
    response_model=RunAnswer,
    responses={200: _ONE, **problem_responses(404)},
    summary="Cancel a run",
    dependencies=_SUBMIT,
)
def cancel_run(run_id: uuid.UUID, session: SessionDep) -> Response:
    """Cancel a queued run at once, a running one within seconds; an ended one does not change."""
    endings.cancel(session, run_id)
    (body,) = search.look(session, run_id, RUN_BODY)
    return Response(body, media_type="application/json")


def _read(sessions: sessionmaker[Session], run_id: uuid.UUID) -> tuple[bytes, uuid.UUID, str]:
    """Return a run's body, its experiment and its status."""
    with sessions() as session:
        run = search.look(session, run_id, RUN_BODY, tables.Run.experiment_id, tables.Run.status)
        return run[0].encode(), run.experiment_id, run.status


def _has_ended(sessions: sessionmaker[Session], run_id: uuid.UUID) -> bool:
    with sessions() as session:
        return search.has_ended(session, run_id)
