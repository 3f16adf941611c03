"""Weights of runs over HTTP."""

import uuid
from typing import Annotated

from fastapi import Depends, Query, Request
from starlette.responses import Response

from service.api.web.caching import NOT_MODIFIED
from service.api.web.dependencies import SessionDep, SettingsDep, requires
from service.api.web.file_answers import FileAnswer, described_file, file_response
from service.api.web.problems import problem_responses
from service.api.web.routers import make_router
from service.weights import files
from service.weights.files import At

router = make_router(prefix="/v1/runs", tags=["runs"])

_DESCRIPTION = (
    "A safetensors file: tensors by the network's own names. Its metadata contain `run_id`, "
    "`config` (JSON), `config_hash`, `seed`, `epoch`, `engine` (JSON) and `sha256`."
)


@router.get(
    "/{run_id}/weights",
    response_class=FileAnswer,
    responses={
        200: described_file(_DESCRIPTION, "safetensors ..."),
        **NOT_MODIFIED,
        **problem_responses(404, 422),
    },
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
    name = f"{run_id}-epoch-{epoch}.safetensors"
    return file_response(request, found, name=name, immutable=found.final)
