"""What theory predicts for a run's network, over HTTP."""

import uuid

from fastapi import Depends, Request
from starlette.responses import Response

from service.api.openapi import examples
from service.api.schemas.predictions import RunPrediction, prediction_fields
from service.api.web.caching import cached_answer, cached_response
from service.api.web.dependencies import SessionDep, requires
from service.api.web.problems import problem_responses
from service.api.web.routers import make_router
from service.mean_field.outlook import outlook
from service.runs import search
from service.specs.resolution import initializer_reason
from service.specs.spec import RunConfig

router = make_router(prefix="/v1/runs", tags=["runs"])


@router.get(
    "/{run_id}/prediction",
    response_model=RunPrediction,
    responses={
        **cached_answer(examples.json_answer(examples.PREDICTION)),
        **problem_responses(404),
    },
    summary="Get the mean-field prediction for a run",
    dependencies=[Depends(requires("read"))],
)
def get_run_prediction(request: Request, run_id: uuid.UUID, session: SessionDep) -> Response:
    """Return what theory predicts for the run's network at initialization, layer by layer.

    It needs no training and no layer statistics: the configuration decides it.
    """
    config = RunConfig.model_validate(search.get(session, run_id).config)
    answer = RunPrediction(
        initializer_reason=initializer_reason(config), **prediction_fields(outlook(config))
    )
    return cached_response(request, answer.to_json(), immutable=False)
