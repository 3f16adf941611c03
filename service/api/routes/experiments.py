"""Experiments over HTTP: list, read, cancel, retry, delete, and all histories of one."""

import re
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from typing import Annotated, Literal

import anyio
from fastapi import Depends, Query, Request
from pydantic import AwareDatetime, BeforeValidator, Field
from sqlalchemy.orm import Session, sessionmaker
from starlette.responses import Response, StreamingResponse

from service.api.openapi import examples
from service.api.routes.submissions import read_after, ring
from service.api.schemas.experiments import ExperimentAnswer, ExperimentPage
from service.api.schemas.runs import ExperimentHistories
from service.api.web.caching import (
    CACHE_HEADERS,
    NOT_MODIFIED,
    REVALIDATE,
    IfMatchDep,
    cache_headers,
    cached_answer,
    cached_response,
    client_has,
)
from service.api.web.dependencies import (
    CallerDep,
    DoorbellDep,
    ForecastsDep,
    HubDep,
    SessionDep,
    SessionsDep,
    SettingsDep,
    requires,
)
from service.api.web.negotiation import negotiate
from service.api.web.paging import LINK_HEADER, PageDep, page_response
from service.api.web.places import Places
from service.api.web.problems import problem_responses
from service.api.web.routers import make_router
from service.api.web.scopes import caller_of
from service.api.web.waiting import WaitDep
from service.errors import NotFoundError, UnavailableError
from service.experiments import lifecycle, listing
from service.experiments.kept_forecasts import KeptForecasts
from service.experiments.listing import ExperimentFilter
from service.experiments.progress import ExperimentProgress, with_forecasts
from service.fields import Form
from service.histories import exports, layer_exports
from service.settings import Settings
from service.statuses import ExperimentStatus

#: A time whose plus before the zone was read as a space.
_PLUS_LOST = re.compile(r".*T.*[0-9] [0-9]{2}:?[0-9]{2}", re.IGNORECASE)


def _require_date(value: object) -> object:
    """Raise an error for bare numbers, which pydantic reads as seconds since 1970.

    And for a plus that is written as itself, which stands for a space in a query.
    """
    if isinstance(value, str) and "T" not in value.upper():
        raise ValueError("Write the time as in 2026-11-21T05:00:00Z.")
    if isinstance(value, str) and _PLUS_LOST.fullmatch(value):
        raise ValueError("A plus is written %2B in an address: 2026-11-21T05:00:00%2B02:00.")
    return value


Time = Annotated[AwareDatetime, BeforeValidator(_require_date)]

_TAG = Form(r"^[\s\S]+:", "a key, a colon and a value, as in course:dl")
#: Characters of a key, a colon and a value (``service.specs.spec``).
_LONGEST_TAG = 401

router = make_router(prefix="/v1/experiments", tags=["experiments"])
_READ = [Depends(requires("read"))]
_SUBMIT = [Depends(requires("submit"))]
_ADMIN = [Depends(requires("admin"))]

_ONE = examples.json_answer(examples.EXPERIMENT)


@router.get(
    "",
    response_model=ExperimentPage,
    responses={
        200: {"headers": LINK_HEADER, **examples.json_answer(examples.EXPERIMENT_PAGE)},
        **problem_responses(422),
    },
    summary="List experiments",
    dependencies=_READ,
)
def list_experiments(
    *,
    request: Request,
    session: SessionDep,
    forecasts: ForecastsDep,
    page: PageDep,
    status: Annotated[
        list[ExperimentStatus] | None,
        Query(description="Any of these statuses; repeat for several."),
    ] = None,
    tag: Annotated[
        list[Annotated[str, Field(max_length=_LONGEST_TAG), _TAG]] | None,
        Query(
            max_length=50,
            description="`key:value`; repeat for several, all of which must match. Keys and "
            "values may have colons.",
            examples=[["course:dl"]],
        ),
    ] = None,
    name: Annotated[str | None, Query(description="The exact name.")] = None,
    search: Annotated[
        str | None,
        Query(
            max_length=200,
            description="Part of the name, in any case; of the preset's where there is no name.",
            examples=["moons"],
        ),
    ] = None,
    created_after: Annotated[
        Time | None, Query(description="Created after this time: RFC 3339, with a time zone.")
    ] = None,
    created_before: Annotated[
        Time | None, Query(description="Created before this time: RFC 3339, with a time zone.")
    ] = None,
    archived: Annotated[
        Literal["false", "true", "any"],
        Query(description="`true`: those that are archived; `any`: with them."),
    ] = "false",
) -> Response:
    """List experiments, newest first, without their specs."""
    wanted = ExperimentFilter(
        statuses=status or (),
        tags=tag or (),
        name=name,
        search=search,
        created_after=created_after,
        created_before=created_before,
        archived=None if archived == "any" else archived == "true",
    )
    found, next_cursor = listing.search(session, wanted, cursor=page.cursor, limit=page.limit)
    found = with_forecasts(session, found, forecasts)
    return page_response(request, ExperimentPage.of(found, next_cursor).to_json(), next_cursor)


@router.get(
    "/{experiment_id}",
    response_model=ExperimentAnswer,
    responses={**cached_answer(_ONE), **problem_responses(404)},
    summary="Get an experiment",
    dependencies=_READ,
)
async def get_experiment(
    *,
    request: Request,
    experiment_id: uuid.UUID,
    wait: WaitDep,
    sessions: SessionsDep,
    hub: HubDep,
    forecasts: ForecastsDep,
) -> Response:
    """Return an experiment with its spec, its status and the counts of its runs."""
    body, version = await read_after(wait, experiment_id, sessions, hub, forecasts)
    return cached_response(request, body, immutable=False, version=version)


@router.delete(
    "/{experiment_id}",
    status_code=204,
    responses=problem_responses(404, 409, 412),
    summary="Delete an experiment",
    dependencies=_ADMIN,
)
def delete_experiment(
    experiment_id: uuid.UUID, session: SessionDep, is_expected: IfMatchDep
) -> None:
    """Delete an experiment with its runs and their histories; no run may be queued or running."""
    lifecycle.delete(session, experiment_id, is_expected)


@router.post(
    "/{experiment_id}/cancel",
    response_model=ExperimentAnswer,
    responses={200: _ONE, **problem_responses(404)},
    summary="Cancel an experiment",
    dependencies=_SUBMIT,
)
def cancel_experiment(
    experiment_id: uuid.UUID, session: SessionDep, forecasts: ForecastsDep
) -> Response:
    """Cancel queued runs at once and running ones within seconds; ended runs do not change."""
    return _answer(session, lifecycle.cancel(session, experiment_id), forecasts)


@router.post(
    "/{experiment_id}/retry",
    response_model=ExperimentAnswer,
    responses={200: _ONE, **problem_responses(404, 410)},
    summary="Retry failed and cancelled runs",
    dependencies=_SUBMIT,
)
def retry_experiment(
    *,
    experiment_id: uuid.UUID,
    session: SessionDep,
    caller: CallerDep,
    settings: SettingsDep,
    forecasts: ForecastsDep,
    doorbell: DoorbellDep,
) -> Response:
    """Queue the failed and cancelled runs again; their recorded epochs are kept.

    410 where one of them needs an uploaded data set that was deleted.
    """
    retried = lifecycle.retry(session, experiment_id, caller.name)
    ring(session, settings, doorbell)
    return _answer(session, retried, forecasts)


_PARQUET = "application/vnd.apache.parquet"
_HDF5 = "application/x-hdf5"
_BINARY = {"type": "string", "format": "binary"}
_Stream = Callable[[sessionmaker[Session], uuid.UUID], Iterator[bytes]]


async def _export_place(request: Request) -> AsyncIterator[None]:
    """Have a place among the exports until the answer has ended."""
    exports: Places = request.app.state.exports
    with exports.place(caller_of(request.scope)):
        yield


#: Parts of exports that are made at once. With more, their threads keep the interpreter from all
#: other requests; a part takes it some 30 ms.
MOST_MADE_AT_ONCE = 1

_STREAMS: Mapping[str, _Stream] = {
    "application/json": exports.as_json,
    "text/csv": exports.as_csv,
    _PARQUET: exports.as_parquet,
}


def _layer_streams(settings: Settings) -> Mapping[str, _Stream]:
    def hdf5(sessions: sessionmaker[Session], experiment_id: uuid.UUID) -> Iterator[bytes]:
        try:
            return layer_exports.as_hdf5(sessions, experiment_id, settings.scratch / "exports")
        except exports.StreamBrokenError:
            raise NotFoundError(f"There is no experiment {experiment_id}.") from None
        except OSError as error:
            raise UnavailableError(f"The file cannot be made now: {error.strerror}.") from None

    return {
        "text/csv": layer_exports.as_csv,
        _PARQUET: layer_exports.as_parquet,
        _HDF5: hdf5,
    }


@router.get(
    "/{experiment_id}/histories",
    response_model=ExperimentHistories,
    responses={
        200: {
            "headers": CACHE_HEADERS,
            "content": {
                "application/json": {"example": examples.HISTORIES},
                "text/csv": {"schema": {"type": "string"}, "example": examples.HISTORIES_CSV},
                _PARQUET: {"schema": _BINARY, "example": "PAR1..."},
            },
        },
        **NOT_MODIFIED,
        **problem_responses(404, 406, 429, 503),
    },
    summary="Get all histories of an experiment",
    dependencies=[*_READ, Depends(_export_place, scope="request")],
)
def get_experiment_histories(
    request: Request, experiment_id: uuid.UUID, session: SessionDep, sessions: SessionsDep
) -> Response:
    """Stream all histories in the format of `Accept`: JSON, or CSV or Parquet with a row per epoch.

    Once every run has its result, the answer has an `ETag` and may be kept for good.
    """
    return _streamed(request, experiment_id, session, sessions, _STREAMS, exports.COLUMNS)


@router.get(
    "/{experiment_id}/layers",
    response_class=StreamingResponse,
    responses={
        200: {
            "headers": CACHE_HEADERS,
            "content": {
                "text/csv": {"schema": {"type": "string"}, "example": examples.LAYERS_CSV},
                _PARQUET: {"schema": _BINARY, "example": "PAR1..."},
                _HDF5: {"schema": _BINARY, "example": "\\x89HDF..."},
            },
        },
        **NOT_MODIFIED,
        **problem_responses(404, 406, 429, 503),
    },
    summary="Get all layer statistics of an experiment",
    dependencies=[*_READ, Depends(_export_place, scope="request")],
)
def get_experiment_layers(
    *,
    request: Request,
    experiment_id: uuid.UUID,
    session: SessionDep,
    sessions: SessionsDep,
    settings: SettingsDep,
) -> Response:
    """Stream all layer statistics in the format of `Accept`: CSV or Parquet, or HDF5.

    CSV and Parquet have a row per layer of every epoch with statistics, without histograms. HDF5
    has a group per configuration with the same columns as datasets, and the histograms; it is sent
    once the whole file is made.

    Once every run has its result, the answer has an `ETag` and may be kept for good.
    """
    streams = _layer_streams(settings)
    return _streamed(request, experiment_id, session, sessions, streams, layer_exports.COLUMNS)


def _streamed(  # noqa: PLR0917 - all of a request
    request: Request,
    experiment_id: uuid.UUID,
    session: Session,
    sessions: sessionmaker[Session],
    streams: Mapping[str, _Stream],
    columns: Iterable[str],
) -> Response:
    """Return a stream of an experiment's results, in the format that the client prefers."""
    media_type = negotiate(request.headers.get("accept"), list(streams))
    headers = {"vary": "Accept", "cache-control": REVALIDATE}
    if exports.are_final(session, experiment_id):
        # The tag depends on what decides the content: a digest of the content itself would take
        # as long as sending it.
        tag = exports.digest(experiment_id, media_type, columns)
        headers |= cache_headers(tag, immutable=True)
        if client_has(request, headers):
            return Response(status_code=304, headers=headers)
    parts = streams[media_type](sessions, experiment_id)
    # The first part of HDF5 is the whole file: others do not wait for it.
    makers = None if media_type == _HDF5 else request.app.state.export_makers
    sent = _made_in_turns(parts, makers)
    return StreamingResponse(sent, media_type=media_type, headers=headers)


async def _made_in_turns(
    parts: Iterator[bytes], makers: anyio.CapacityLimiter | None
) -> AsyncIterator[bytes]:
    """Yield parts that threads make, as many at once as ``makers`` allows; None: any."""
    while (part := await anyio.to_thread.run_sync(next, parts, None, limiter=makers)) is not None:
        yield part


def _answer(session: Session, found: ExperimentProgress, forecasts: KeptForecasts) -> Response:
    """Return an experiment whose runs were just cancelled or queued."""
    forecasts.forget()
    (experiment,) = with_forecasts(session, [found], forecasts)
    return Response(ExperimentAnswer.of(experiment).to_json(), media_type="application/json")
