"""Changing a stored experiment over HTTP."""

import hashlib
import uuid
from typing import Annotated

from fastapi import Body, Depends, Header
from starlette.responses import Response

from service.api.openapi import examples
from service.api.schemas.experiments import ExperimentAnswer, ExperimentPatch
from service.api.web.caching import CACHE_HEADERS, cache_headers, is_expected
from service.api.web.dependencies import SessionDep, SettingsDep, requires
from service.api.web.problems import problem_responses
from service.api.web.request_bodies import JsonRoute
from service.api.web.routers import make_router
from service.experiments import editing
from service.experiments.progress import ExperimentProgress, forecasts_of, with_forecasts

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
    settings: SettingsDep,
    if_match: Annotated[
        str | None,
        Header(
            description="An ETag of the experiment: 412 where it changed since, also by training."
        ),
    ] = None,
) -> Response:
    """Change an experiment by a JSON merge patch (RFC 7396); what it does not name stays.

    `application/merge-patch+json` is taken, too. The spec keeps what was submitted. A change is an
    event, `experiment.updated`.
    """

    def is_as_read(experiment: ExperimentProgress) -> bool:
        if if_match is None:
            return True
        expected = forecasts_of(session, [experiment], settings)
        return is_expected(_headers(_body(*expected)), if_match)

    changed = editing.edit(session, experiment_id, patch.changes(), is_as_read)
    body = _body(*with_forecasts(session, [changed], settings))
    return Response(body, headers=_headers(body), media_type="application/json")


def _body(experiment: ExperimentProgress) -> bytes:
    return ExperimentAnswer.of(experiment).to_json()


def _headers(body: bytes) -> dict[str, str]:
    return cache_headers(hashlib.sha256(body).hexdigest(), immutable=False)
