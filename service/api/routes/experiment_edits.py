"""Changing a stored experiment over HTTP."""

import uuid
from typing import Annotated

from fastapi import Body, Depends
from starlette.responses import Response

from service.api.openapi import examples
from service.api.schemas.experiments import ExperimentAnswer, ExperimentPatch
from service.api.web.caching import CACHE_HEADERS, IfMatchDep, body_headers
from service.api.web.dependencies import ForecastsDep, SessionDep, requires
from service.api.web.problems import problem_responses
from service.api.web.request_bodies import JsonRoute
from service.api.web.routers import make_router
from service.experiments import editing
from service.experiments.progress import with_forecasts

router = make_router(prefix="/v1/experiments", tags=["experiments"], route_class=JsonRoute)

_BODY = Body(
    openapi_examples={
        "note": {
            "summary": "A note, a new tag, and one tag less",
            "value": {"note": "Seed 3 looks odd.", "tags": {"reviewed": "yes", "course": None}},
        },
        "archive": {"summary": "Out of the list", "value": {"archived": True}},
    }
)


@router.patch(
    "/{experiment_id}",
    response_model=ExperimentAnswer,
    responses={
        200: {"headers": CACHE_HEADERS, **examples.json_answer(examples.EXPERIMENT)},
        **problem_responses(404, 412, 422),
    },
    summary="Rename, tag, annotate or archive an experiment",
    dependencies=[Depends(requires("submit"))],
)
def update_experiment(
    experiment_id: uuid.UUID,
    patch: Annotated[ExperimentPatch, _BODY],
    session: SessionDep,
    forecasts: ForecastsDep,
    is_expected: IfMatchDep,
) -> Response:
    """Change an experiment by a JSON merge patch (RFC 7396); what it does not name stays.

    `application/merge-patch+json` is taken, too. The spec keeps what was submitted. A change is an
    event, `experiment.updated`.
    """
    edited = editing.edit(session, experiment_id, patch.changes(), is_expected)
    (experiment,) = with_forecasts(session, [edited], forecasts)
    body = ExperimentAnswer.of(experiment).to_json()
    headers = body_headers(body, experiment.version, immutable=False)
    return Response(body, headers=headers, media_type="application/json")
