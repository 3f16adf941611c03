"""Uploaded data sets over HTTP: a file is one request body, and the query says what it means."""

import asyncio
import contextlib
import shutil
import time
import uuid
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

from fastapi import Depends, Query, Request
from fastapi.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response

from service.api.computing.processes import unless_gone
from service.api.openapi import examples
from service.api.schemas.datasets import (
    DATASET_EXAMPLE,
    SUMMARY_EXAMPLE,
    DatasetAnswer,
    DatasetPage,
    UploadQuery,
    name_of,
)
from service.api.web.dependencies import (
    CallerDep,
    SessionDep,
    SessionsDep,
    SettingsDep,
    requires,
)
from service.api.web.gate import Gate
from service.api.web.paging import LINK_HEADER, PageDep, page_response
from service.api.web.places import Places
from service.api.web.problems import problem_responses
from service.api.web.routers import make_router
from service.api.web.scopes import caller_of
from service.api.web.turns import away
from service.database.tables import UploadedDataset
from service.datasets import store
from service.datasets.isolation import parse_apart
from service.datasets.meaning import FileLimits
from service.datasets.problems import FileError
from service.datasets.store import DatasetLabels
from service.datasets.understood import Understood
from service.errors import InvalidError, PayloadTooLargeError, UnavailableError
from service.fields import FieldError
from service.settings import Settings

PATH = "/v1/datasets"
#: Most uploads that are received or read at a time, in all and of one caller.
MOST_AT_ONCE, MOST_PER_CALLER = 8, 4
#: Age at which a folder of an upload is one that a killed process has left.
_LEFT_SECONDS = 24 * 3600.0

router = make_router(prefix=PATH, tags=["datasets"])

_READ = [Depends(requires("read"))]
_ONE = examples.json_answer(DATASET_EXAMPLE)
_FORMS = {"multipart/form-data", "application/x-www-form-urlencoded"}
_FILE: dict[str, Any] = {
    "schema": {"type": "string", "format": "binary"},
    "example": "Age,Gender,Exited\n42,Female,1\n41,Female,0\n",
}


@router.post(
    "",
    status_code=201,
    response_model=DatasetAnswer,
    responses={
        201: {
            "headers": {"Location": {"description": "The data set.", "schema": {"type": "string"}}},
            **_ONE,
        },
        200: {
            "model": DatasetAnswer,
            "description": "The same content was stored before; or the answer to a dry run.",
            **_ONE,
        },
        **problem_responses(408, 413, 422),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "The file itself, of any of the formats; two files in one zip. All "
            "media types but those of forms are taken.",
            "content": {"application/octet-stream": _FILE},
        }
    },
    summary="Upload a data set",
    dependencies=[Depends(requires("submit"))],
)
async def upload_dataset(
    *,
    request: Request,
    query: Annotated[UploadQuery, Query()],
    sessions: SessionsDep,
    caller: CallerDep,
    settings: SettingsDep,
) -> Response:
    """Make a data set of a file: CSV, Parquet, NPZ, or a zip of images, of IDX or of two tables.

    The body is the file; it may be gzipped. A zip has images (PNG, JPEG) in a folder per class, the
    files of IDX, or two tables named `train` and `test`. What the query leaves out is guessed, and
    the answer says what was understood. `?dry_run=true` stores nothing.

    The same data are one data set, whatever their format: its id is answered again, with 200.
    """
    _check_media_type(request.headers.get("content-type", ""))
    uploading: Places = request.app.state.uploading
    folder = settings.scratch / "uploads"
    with uploading.place(caller_of(request.scope)):
        try:
            await run_in_threadpool(_prepare, folder)
            with TemporaryDirectory(dir=folder) as scratch:
                file, canonical = Path(scratch) / "file", Path(scratch) / "canonical"
                async with away():
                    await _receive(request, file, settings)
                    understood = await _understand(request, query, file, canonical, settings)
                if query.dry_run:
                    size = canonical.stat().st_size
                    return _answer(DatasetAnswer.planned(understood, query, size), 200)
                labels = DatasetLabels(name_of(query, understood), query.description, query.tags)

                def stored() -> tuple[UploadedDataset, bool]:
                    with sessions() as session:
                        return store.store(
                            session,
                            understood,
                            canonical,
                            labels,
                            caller=caller.name,
                            settings=settings,
                        )

                dataset, is_new = await run_in_threadpool(stored)
        except OSError as error:
            raise UnavailableError(f"The file cannot be kept here now: {error.strerror}.") from None
    return _answer(DatasetAnswer.of(dataset), 201 if is_new else 200)


@router.get(
    "",
    response_model=DatasetPage,
    responses={
        200: {
            "headers": LINK_HEADER,
            **examples.json_answer({"items": [SUMMARY_EXAMPLE], "next_cursor": None}),
        },
        **problem_responses(422),
    },
    summary="List data sets",
    dependencies=_READ,
)
def list_datasets(request: Request, session: SessionDep, page: PageDep) -> Response:
    """List the uploaded data sets, newest first."""
    found, next_cursor = store.search(session, cursor=page.cursor, limit=page.limit)
    return page_response(request, DatasetPage.of(found, next_cursor).to_json(), next_cursor)


@router.get(
    "/{dataset_id}",
    response_model=DatasetAnswer,
    responses={200: _ONE, **problem_responses(404)},
    summary="Get a data set",
    dependencies=_READ,
)
def get_dataset(dataset_id: uuid.UUID, session: SessionDep) -> Response:
    """Return everything that was understood of a data set, with its first rows or thumbnails."""
    return _answer(DatasetAnswer.of(store.get(session, dataset_id)), 200)


@router.delete(
    "/{dataset_id}",
    status_code=204,
    responses=problem_responses(404, 409),
    summary="Delete a data set",
    dependencies=[Depends(requires("admin"))],
)
def delete_dataset(dataset_id: uuid.UUID, session: SessionDep, settings: SettingsDep) -> None:
    """Delete a data set with its file, unless runs that are queued or running need it.

    Runs that were trained on it stay readable.
    """
    store.delete(session, dataset_id, settings)


def _prepare(folder: Path) -> None:
    """Make the folder of uploads, and remove what processes that were killed have left in it."""
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            if time.time() - left.stat().st_mtime > _LEFT_SECONDS:
                shutil.rmtree(left, ignore_errors=True)


def _check_media_type(content_type: str) -> None:
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type in _FORMS:
        raise HTTPException(
            415,
            f"Send the file itself as the body, as application/octet-stream, not {media_type!r}: "
            "with curl, -H 'Content-Type: application/octet-stream' --data-binary @FILE.",
        )


async def _receive(request: Request, path: Path, settings: Settings) -> None:
    """Write the body to a file as it comes.

    Raises:
        HTTPException: 408, it did not come in time.
        PayloadTooLargeError: it is over the limit.
    """
    most, received = settings.max_upload_bytes, 0
    too_large = PayloadTooLargeError(f"The file is over the limit max_upload_bytes = {most:,}.")
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > most:
        raise too_large
    try:
        async with asyncio.timeout(settings.upload_transfer_seconds):
            with path.open("wb") as file:
                async for piece in request.stream():
                    received += len(piece)
                    if received > most:
                        raise too_large
                    file.write(piece)
    except TimeoutError as error:
        detail = f"The file was not complete within {settings.upload_transfer_seconds:g} s."
        raise HTTPException(408, detail) from error


async def _understand(
    request: Request, query: UploadQuery, file: Path, canonical: Path, settings: Settings
) -> Understood:
    """Parse a file in its own process, a bounded number at a time.

    Raises:
        InvalidError: the file cannot become a data set.
        PayloadTooLargeError: reading it passes a limit.
        BusyError: too many wait.
    """
    parsing: Gate = request.app.state.parsing
    limits = FileLimits.model_validate(settings.model_dump(include=set(FileLimits.model_fields)))
    try:
        async with parsing.turn(caller_of(request.scope)):
            return await unless_gone(
                request, parse_apart(file.absolute(), query.meaning, limits, canonical.absolute())
            )
    except FileError as error:
        if error.too_large:
            raise PayloadTooLargeError(error.detail) from None
        errors = [FieldError(error.location, error.detail)] if error.location else []
        raise InvalidError(error.detail, errors=errors) from None


def _answer(answer: DatasetAnswer, status: int) -> Response:
    headers = {"location": answer.links.self} if answer.links and status == 201 else {}
    return Response(
        answer.to_json(), status_code=status, headers=headers, media_type="application/json"
    )
