"""Comparisons over HTTP: an experiment's configurations ranked, with their uncertainty."""

import uuid

from fastapi import Depends, Request
from starlette.responses import Response

from service.api.computing.processes import compute
from service.api.openapi import examples
from service.api.routes.questions import QuestionDep
from service.api.schemas.comparisons import EXAMPLE, ComparisonAnswer
from service.api.web.caching import cached_answer, cached_response
from service.api.web.dependencies import requires
from service.api.web.problems import problem_responses
from service.api.web.routers import make_router

_COMPARE = "service.api.computing.tasks:compare"

router = make_router(prefix="/v1/experiments", tags=["experiments"])


@router.get(
    "/{experiment_id}/comparison",
    response_model=ComparisonAnswer,
    responses={
        **cached_answer(examples.json_answer(EXAMPLE)),
        **problem_responses(404, 409, 422, 503),
    },
    summary="Compare an experiment's configurations",
    dependencies=[Depends(requires("read"))],
)
async def compare_configurations(
    *, request: Request, experiment_id: uuid.UUID, question: QuestionDep
) -> Response:
    """Rank the configurations over their seeds, and say what the numbers show and what not."""
    body, finished = await compute(request, _COMPARE, experiment_id, question)
    return cached_response(request, body, immutable=finished)
