"""Weights of runs over HTTP."""

import uuid
from collections.abc import Iterator
from typing import Annotated, Any, BinaryIO

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response, StreamingResponse

from service.api.web.caching import CACHE_HEADERS, NOT_MODIFIED, cache_headers, client_has
from service.api.web.dependencies import SessionDep, SettingsDep, requires
from service.api.web.problems import problem_responses
from service.weights import files
from service.weights.files import At

router = APIRouter(prefix="/v1/runs", tags=["runs"])

_CHUNK_BYTES = 1 << 18


class SafetensorsResponse(Response):
    """The ``response_class`` of the route."""

    media_type = "application/octet-stream"


_WEIGHTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A safetensors file: tensors by the network's own names. Its metadata "
        "contain `run_id`, `config` (JSON), `config_hash`, `seed`, `epoch`, `engine` (JSON) and "
        "`sha256`.",
        "headers": {
            **CACHE_HEADERS,
            "Content-Disposition": {
                "description": "A name for the file.",
                "schema": {"type": "string"},
            },
        },
        "content": {
            "application/octet-stream": {
                "schema": {"type": "string", "format": "binary"},
                "example": "safetensors ...",
            }
        },
    },
    **NOT_MODIFIED,
}


@router.get(
    "/{run_id}/weights",
    response_class=SafetensorsResponse,
    responses={**_WEIGHTS, **problem_responses(404, 422)},
    summary="Download a run's weights",
    dependencies=[Depends(requires("read"))],
)
def get_run_weights(
    *,
    request: Request,
    run_id: uuid.UUID,
    session: SessionDep,
    settings: SettingsDep,
    epoch: Annotated[
        At,
        Query(
            description="`0`: as initialized. `last`: at the end of training, for a run that "
            "completed or diverged."
        ),
    ] = "last",
) -> Response:
    """Return the network's weights with the configuration that rebuilds it, as safetensors."""
    found = files.find(session, run_id, epoch, settings)
    headers = cache_headers(found.sha256, immutable=found.final)
    if client_has(request, headers):
        found.file.close()
        return Response(status_code=304, headers=headers)
    headers["content-length"] = str(found.size)
    headers["content-disposition"] = f'attachment; filename="{run_id}-epoch-{epoch}.safetensors"'
    return StreamingResponse(
        chunks(found.file), headers=headers, media_type="application/octet-stream"
    )


def chunks(file: BinaryIO) -> Iterator[bytes]:
    """Yield a file piece by piece, and close it."""
    with file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk
