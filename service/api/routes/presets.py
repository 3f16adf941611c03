"""Presets over HTTP: published claims, submitting their experiments, and checking them."""

import uuid
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Body, Depends, Path, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import ValidationError
from starlette.responses import Response

from service.api.computing.processes import compute
from service.api.openapi import examples
from service.api.routes.submissions import ANSWERS, SubmittingDep
from service.api.schemas.experiments import ExperimentAnswer
from service.api.schemas.presets import (
    CLAIMS_EXAMPLE,
    ExperimentClaims,
    PresetAnswer,
    PresetPage,
    PresetSubmission,
    preset_example,
)
from service.api.web.caching import cached_answer, cached_response
from service.api.web.dependencies import CallerDep, SessionDep, requires
from service.api.web.paging import LINK_HEADER, PageDep, page_of, page_response
from service.api.web.problems import problem_responses
from service.api.web.request_bodies import JsonRoute
from service.api.web.routers import make_router
from service.errors import NotFoundError
from service.experiments.progress import Origin
from service.fields import FieldError, Location, unknown
from service.presets.preset import Preset, overridden
from service.presets.registry import PRESETS
from service.specs.claims import SubmittedClaim
from service.specs.expansion import SpecError
from service.specs.spec import ExperimentSpec

_CHECK_CLAIMS = "service.api.computing.tasks:check_claims"

router = make_router(tags=["presets"], route_class=JsonRoute)

_READ = [Depends(requires("read"))]
_SUBMIT = [Depends(requires("submit"))]

_Name = Annotated[str, Path(json_schema_extra={"enum": [*PRESETS]})]
_PRESET = preset_example(PRESETS["he_depth"])
_BODY = Body(
    openapi_examples={
        "full": {"summary": "As published", "value": {}},
        "small": {"summary": "Minutes on two cores", "value": {"size": "small", "seeds": 5}},
    }
)
_CLAIM_EXAMPLES: Any = {
    "better": {
        "summary": "A difference of a point",
        "value": {
            "statement": "relu with he_normal ends above tanh with glorot_normal by a point.",
            "better": {"activation": "relu", "initializer": "he_normal"},
            "than": {"activation": "tanh", "initializer": "glorot_normal"},
            "by_at_least": 0.01,
        },
    }
}


@router.get(
    "/v1/presets",
    response_model=PresetPage,
    responses={
        200: {
            "headers": LINK_HEADER,
            **examples.json_answer({"items": [_PRESET], "next_cursor": None}),
        },
        **problem_responses(422),
    },
    summary="List the presets",
    dependencies=_READ,
)
async def list_presets(request: Request, page: PageDep) -> Response:
    """List published experiments that can be repeated, with their claims and specs."""
    names, next_cursor = page_of(list(PRESETS), page.cursor, page.limit, "presets")
    body = PresetPage.of((PRESETS[name] for name in names), next_cursor).to_json()
    return page_response(request, body, next_cursor)


@router.get(
    "/v1/presets/{name}",
    response_model=PresetAnswer,
    responses={
        **cached_answer(examples.json_answer(_PRESET)),
        **problem_responses(404),
    },
    summary="Get a preset",
    dependencies=_READ,
)
async def get_preset(request: Request, name: _Name) -> Response:
    """Return a preset: the claims, their source, and the specs that check them."""
    return cached_response(request, PresetAnswer.of(_named(name)).to_json(), immutable=False)


@router.post(
    "/v1/presets/{name}/experiments",
    status_code=201,
    response_model=ExperimentAnswer,
    responses={**ANSWERS, **problem_responses(404)},
    summary="Submit a preset",
    dependencies=_SUBMIT,
)
async def submit_preset(
    name: _Name,
    submission: Annotated[PresetSubmission, _BODY],
    submitting: SubmittingDep,
) -> Response:
    """Store the experiment of a preset, at its full or its small size, and queue its runs.

    Fields of the body override those of the preset. Dry runs, `Idempotency-Key` and
    `Prefer: wait` work as for any experiment.
    """
    preset = _named(name)
    fields = submission.fields()
    try:
        written = overridden(preset, submission.size, fields)
        origin = Origin(preset.name, submission.size)
        return await submitting.answer(_spec(written), written, origin)
    except SpecError as error:
        raise SpecError([_in_body(found, fields) for found in error.errors]) from error


def _spec(written: Mapping[str, Any]) -> ExperimentSpec:
    try:
        return ExperimentSpec.model_validate(written)
    except ValidationError as error:
        raise SpecError(
            [FieldError(tuple(found["loc"]), f"{found['msg']}.") for found in error.errors()]
        ) from error


def _in_body(error: FieldError, fields: dict[str, Any]) -> FieldError:
    """Return an error of the preset's spec as one of the field of the body that caused it."""
    named: Location = tuple(step for step in error.location if step in fields)[-1:]
    # Too few samples cause errors elsewhere in the spec: in the batch size, in the split.
    sizes: Location = tuple(name for name in ("train_size", "test_size") if name in fields)[:1]
    return FieldError(named or sizes, error.detail)


@router.get(
    "/v1/experiments/{experiment_id}/claims",
    response_model=ExperimentClaims,
    responses={
        **cached_answer(examples.json_answer(CLAIMS_EXAMPLE)),
        **problem_responses(404, 409),
    },
    summary="Check an experiment's claims",
    dependencies=_READ,
)
async def check_claims(request: Request, experiment_id: uuid.UUID) -> Response:
    """Return what the runs show about each claim: of the preset, and of the author's own."""
    body = await compute(request, _CHECK_CLAIMS, experiment_id)
    # Not for good: a claim can be added to a finished experiment.
    return cached_response(request, body, immutable=False)


@router.post(
    "/v1/experiments/{experiment_id}/claims",
    status_code=201,
    response_model=ExperimentClaims,
    responses={
        201: {
            "description": "The claim was added; all claims of the experiment.",
            **examples.json_answer(CLAIMS_EXAMPLE),
        },
        **problem_responses(404, 409, 422),
    },
    summary="Add a claim to an experiment",
    dependencies=_SUBMIT,
)
async def add_claim(
    request: Request,
    experiment_id: uuid.UUID,
    claim: Annotated[SubmittedClaim, Body(openapi_examples=_CLAIM_EXAMPLES)],
    session: SessionDep,
    caller: CallerDep,
) -> Response:
    """Add a claim after the submission, and check all claims.

    It is marked `post_hoc`, whatever the runs have shown by then. It is corrected for all claims
    of the experiment, and does not change what is found for those of the spec.
    """
    from service.presets import later_claims  # noqa: PLC0415

    await run_in_threadpool(later_claims.add, session, experiment_id, claim, caller.name)
    body = await compute(request, _CHECK_CLAIMS, experiment_id)
    return Response(body, status_code=201, media_type="application/json")


def _named(name: str) -> Preset:
    if name not in PRESETS:
        raise NotFoundError(unknown("preset", name, list(PRESETS)))
    return PRESETS[name]
