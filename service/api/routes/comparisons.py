"""Comparisons over HTTP: an experiment's configurations ranked, with their uncertainty."""

import uuid
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field
from starlette.responses import Response

from service.api.openapi import examples
from service.api.schemas.comparisons import EXAMPLE, ComparisonAnswer
from service.api.web.caching import CACHE_HEADERS, NOT_MODIFIED, cached_response
from service.api.web.dependencies import SessionDep, requires
from service.api.web.problems import problem_responses
from service.catalog.metrics import COMPARED_METRICS, MAIN_METRIC
from service.comparison.scores import GROUPINGS

router = APIRouter(prefix="/v1/experiments", tags=["experiments"])

_AXIS = f"({'|'.join(GROUPINGS)})"
_Axes = Annotated[str, Field(json_schema_extra={"pattern": f"^{_AXIS}(,{_AXIS})*$"})]


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
    metric: Annotated[
        str,
        Query(
            json_schema_extra={"enum": [*COMPARED_METRICS]},
            description="The metric to compare by.",
        ),
    ] = MAIN_METRIC,
    at: Annotated[
        Literal["final", "best"],
        Query(
            description="`final`: the value of the last epoch. `best`: the best value of any "
            "epoch, which is biased upwards."
        ),
    ] = "final",
    by: Annotated[
        list[_Axes] | None,
        Query(
            description="The axes to group by, repeated or separated by commas; `variant` groups "
            "by the variants' labels. By default the axes that vary.",
            examples=[["activation,initializer"]],
        ),
    ] = None,
) -> Response:
    """Rank the configurations over their seeds: means, intervals, ties and effects of the axes."""
    # numpy and scipy take a quarter of a second to import, which only comparisons need.
    from service.comparison import ranking  # noqa: PLC0415

    axes = [axis.strip() for value in by or () for axis in value.split(",")]
    comparison = ranking.compare(session, experiment_id, metric=metric, at=at, by=axes)
    body = ComparisonAnswer.of(comparison).to_json()
    return cached_response(request, body, immutable=comparison.finished)
