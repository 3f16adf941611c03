"""Layer statistics, what is recorded with them, and the diagnosis of a run over HTTP."""

import uuid
from typing import Annotated

import orjson
from fastapi import Depends, Query, Request
from starlette.responses import Response

from service.api.openapi import examples
from service.api.schemas.layers import (
    BoundaryAnswer,
    ConfusionAnswer,
    LayersAnswer,
    OutputsAnswer,
)
from service.api.schemas.models import ModelPreview
from service.api.schemas.runs import DiagnosisAnswer
from service.api.web.caching import cached_answer, cached_response
from service.api.web.dependencies import SessionDep, requires
from service.api.web.problems import problem_responses
from service.api.web.routers import make_router
from service.datasets.class_names import class_names
from service.errors import ConflictError
from service.histories import diagnoses, layer_statistics, outputs
from service.histories.confusion import confusion_of
from service.runs import search
from service.specs.previews import network_of_config
from service.specs.spec import RunConfig
from service.statuses import FINISHED

router = make_router(prefix="/v1/runs", tags=["runs"])

_READ = [Depends(requires("read"))]


@router.get(
    "/{run_id}/layers",
    response_model=LayersAnswer,
    responses={
        **cached_answer(examples.json_answer(examples.LAYERS)),
        **problem_responses(404),
    },
    summary="Get a run's layer statistics",
    dependencies=_READ,
)
def get_run_layers(
    request: Request,
    run_id: uuid.UUID,
    session: SessionDep,
    epoch: Annotated[
        int | None,
        Query(ge=0, le=2**31 - 1, description="By default the last epoch with statistics."),
    ] = None,
) -> Response:
    """Return the distributions of z-values, activations, weights and gradients of every layer.

    They are taken at epoch 0 (before the first step), at the last epoch, and at the epochs
    between that `layer_statistics` of the spec selects.
    """
    found = layer_statistics.read_layers(session, run_id, epoch)
    shown = {
        "run_id": found.run_id,
        "epoch": found.epoch,
        "epochs_available": found.epochs_available,
        "also_recorded": outputs.also_recorded(found),
        "inputs": None,
        **found.content,
    }
    return cached_response(request, orjson.dumps(shown), immutable=found.status in FINISHED)


@router.get(
    "/{run_id}/decision_boundary",
    response_model=BoundaryAnswer,
    responses={
        **cached_answer(examples.json_answer(examples.BOUNDARY)),
        **problem_responses(404, 409),
    },
    summary="Get a run's decision boundary",
    dependencies=_READ,
)
def get_run_decision_boundary(
    request: Request,
    run_id: uuid.UUID,
    session: SessionDep,
    epoch: Annotated[
        int | None,
        Query(ge=0, le=2**31 - 1, description="By default the last epoch with statistics."),
    ] = None,
) -> Response:
    """Return the class that a network predicts on a grid of points, for data of two features.

    It is recorded at the epochs with layer statistics.
    """
    found = layer_statistics.read_layers(session, run_id, epoch)
    shown = {
        "run_id": found.run_id,
        "epoch": found.epoch,
        "epochs_available": found.epochs_available,
        **outputs.boundary_of(found),
    }
    return cached_response(request, orjson.dumps(shown), immutable=found.status in FINISHED)


@router.get(
    "/{run_id}/outputs",
    response_model=OutputsAnswer,
    responses={
        **cached_answer(examples.json_answer(examples.OUTPUTS)),
        **problem_responses(404, 409),
    },
    summary="Get a run's outputs by class",
    dependencies=_READ,
)
def get_run_outputs(request: Request, run_id: uuid.UUID, session: SessionDep) -> Response:
    """Return histograms of the true class's probability and of the losses, class by class.

    They are those of the validation part after the last epoch.
    """
    found = layer_statistics.read_layers(session, run_id)
    shown = {"run_id": found.run_id, "epoch": found.epoch, **outputs.outputs_of(found)}
    return cached_response(request, orjson.dumps(shown), immutable=found.status in FINISHED)


@router.get(
    "/{run_id}/network",
    response_model=ModelPreview,
    responses={
        **cached_answer(examples.json_answer(examples.NETWORK)),
        **problem_responses(404, 409),
    },
    summary="Get the layers of a run's network",
    dependencies=_READ,
)
def get_run_network(request: Request, run_id: uuid.UUID, session: SessionDep) -> Response:
    """Return the layers of a run's network with their shapes and sizes, the output last."""
    config = RunConfig.model_validate(search.get(session, run_id).config)
    found = network_of_config(config)
    if found is None:
        raise ConflictError(f"The model {config.model.name} is no list of layers.")
    body = ModelPreview.of(found, declared=False).to_json()
    return cached_response(request, body, immutable=True)


@router.get(
    "/{run_id}/confusion",
    response_model=ConfusionAnswer,
    responses={
        **cached_answer(examples.json_answer(examples.CONFUSION)),
        **problem_responses(404, 409),
    },
    summary="Get a run's confusion matrix",
    dependencies=_READ,
)
def get_run_confusion(request: Request, run_id: uuid.UUID, session: SessionDep) -> Response:
    """Return which classes the network takes for which, and each class's recall and precision.

    They are those of the validation part after the last epoch, measured when the run ends.
    """
    found = layer_statistics.read_layers(session, run_id)
    names = class_names(session, search.get(session, run_id).config["dataset"])
    shown = {"run_id": found.run_id, "epoch": found.epoch, **confusion_of(found, names)}
    return cached_response(request, orjson.dumps(shown), immutable=found.status in FINISHED)


@router.get(
    "/{run_id}/diagnosis",
    response_model=DiagnosisAnswer,
    responses={
        **cached_answer(examples.json_answer(examples.DIAGNOSIS)),
        **problem_responses(404),
    },
    summary="Get a run's diagnosis",
    dependencies=_READ,
)
def get_run_diagnosis(request: Request, run_id: uuid.UUID, session: SessionDep) -> Response:
    """Return what a run came to and why: its outcome, its verdict and all findings so far."""
    found = diagnoses.read_diagnosis(session, run_id)
    body = orjson.dumps(
        {
            "outcome": found.outcome,
            "verdict": found.verdict,
            "findings": found.findings,
            "version": found.version,
        }
    )
    return cached_response(request, body, immutable=found.status in FINISHED)
