"""Comparisons over HTTP: an experiment's configurations ranked, with their uncertainty."""

import uuid

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from service.api.openapi import examples
from service.api.routes.questions import QuestionDep
from service.api.schemas.comparisons import EXAMPLE, ComparisonAnswer
from service.api.web.caching import CACHE_HEADERS, NOT_MODIFIED, cached_response
from service.api.web.dependencies import SessionDep, requires
from service.api.web.problems import problem_responses

router = APIRouter(prefix="/v1/experiments", tags=["experiments"])


@router.get(
    "/{experiment_id}/comparison",
    response_model=ComparisonAnswer,
    responses={
        200: {"headers": CACHE_HEADERS, **examples.json_answer(EXAMPLE)},
        **NOT_MODIFIED,
        **problem_responses(404, 409, 422),
    },
    summary="Compare an experiment's configurations",
    dependencies=[Depends(requires("read"))],
)
def compare_configurations(
    *,
    request: Request,
    experiment_id: uuid.UUID,
    session: SessionDep,
    question: QuestionDep,
) -> Response:
    """Rank the configurations over their seeds, and say what the numbers show and what not."""
    # numpy and scipy take a quarter of a second to import, which only comparisons need.
    from service.comparison import ranking  # noqa: PLC0415

    comparison = ranking.compare(session, experiment_id, question)
    body = ComparisonAnswer.of(comparison).to_json()
    return cached_response(request, body, immutable=comparison.finished)
