"""Figures of runs over HTTP."""

import uuid
from typing import Annotated

from fastapi import Query, Request
from pydantic import Field
from starlette.responses import Response

from service.api.computing.pictures import drawn
from service.api.web.dependencies import SessionDep
from service.api.web.drawing import (
    DESCRIBED,
    FILMED,
    READ,
    FilmLookDep,
    LookDep,
    OneMetric,
    ScaleY,
)
from service.api.web.routers import make_router
from service.errors import NotFoundError
from service.fields import unknown
from service.runs import search

router = make_router(prefix="/v1/runs/{run_id}/figures", tags=["runs"])

RUN_FIGURES = (
    "learning_curves",
    "layers",
    "layer_moments",
    "gradient_flow",
    "decision_boundary",
    "outputs",
    "confusion",
)

OutputQuery = Annotated[bool, Query(description="Draw the output layer.")]


@router.get("/learning_curves.{kind}", summary="Draw a run's learning curves", **DESCRIBED)
async def draw_run_learning_curves(
    *,
    request: Request,
    run_id: uuid.UUID,
    metric: OneMetric = None,
    y: ScaleY = None,
    look: LookDep,
) -> Response:
    """Draw accuracy and loss by epoch, for training and validation."""
    return await drawn(
        request,
        "service.figures.sources.learning_curves:run_curves_picture",
        run_id,
        metric=metric,
        y=y,
        look=look,
    )


@router.get("/layers.gif", summary="Film a run's layers", **FILMED)
async def film_run_layers(
    *,
    request: Request,
    run_id: uuid.UUID,
    output: OutputQuery = True,
    y: ScaleY = None,
    look: FilmLookDep,
) -> Response:
    """Draw the layers' figure at up to 24 epochs with layer statistics, as an endless GIF.

    All frames have the same axes; `y` is the scale of the gradients.
    """
    return await drawn(
        request,
        "service.figures.sources.films:layers_film",
        run_id,
        output=output,
        y=y,
        look=look,
        kind="gif",
    )


@router.get("/decision_boundary.gif", summary="Film a run's decision boundary", **FILMED)
async def film_run_decision_boundary(
    *,
    request: Request,
    run_id: uuid.UUID,
    look: FilmLookDep,
) -> Response:
    """Draw the decision boundary at up to 24 epochs with layer statistics, as an endless GIF."""
    return await drawn(
        request,
        "service.figures.sources.films:decision_boundary_film",
        run_id,
        look=look,
        kind="gif",
    )


@router.get("/layers.{kind}", summary="Draw a run's layers", **DESCRIBED)
async def draw_run_layers(
    *,
    request: Request,
    run_id: uuid.UUID,
    epoch: Annotated[
        int,
        Query(
            ge=0,
            le=2**31 - 1,
            description="An epoch with layer statistics; 0 is the network as initialized.",
        ),
    ] = 0,
    output: OutputQuery = True,
    inputs: Annotated[bool, Query(description="Draw the inputs before the first layer.")] = False,
    y: ScaleY = None,
    look: LookDep,
) -> Response:
    """Draw z-values, weights, activations and gradients layer by layer, as violins.

    `y` is the scale of the gradients.
    """
    return await drawn(
        request,
        "service.figures.sources.layers:layers_picture",
        run_id,
        epoch=epoch,
        output=output,
        inputs=inputs,
        y=y,
        look=look,
    )


@router.get("/layer_moments.{kind}", summary="Draw mean and spread by layer", **DESCRIBED)
async def draw_run_layer_moments(
    *,
    request: Request,
    run_id: uuid.UUID,
    epoch: Annotated[
        list[Annotated[int, Field(ge=0, le=2**31 - 1)]] | None,
        Query(
            min_length=1,
            max_length=8,
            description="Epochs with layer statistics, a line for each; repeat for several. By "
            "default the first and the last; with `beside` the last of each run.",
        ),
    ] = None,
    beside: Annotated[
        list[uuid.UUID] | None,
        Query(
            max_length=7,
            description="Further runs to draw; repeat for several. Runs times epochs are at most "
            "eight lines.",
        ),
    ] = None,
    output: OutputQuery = True,
    y: ScaleY = None,
    look: LookDep,
) -> Response:
    """Draw mean and standard deviation of each layer's values as lines over the layers.

    The values are z-values, weights, activations and gradients; `y` is the scale of the standard
    deviations.
    """
    return await drawn(
        request,
        "service.figures.sources.layers:layer_moments_picture",
        run_id,
        epochs=epoch or (),
        beside=beside or (),
        output=output,
        y=y,
        look=look,
    )


@router.get("/gradient_flow.{kind}", summary="Draw a run's gradients by epoch", **DESCRIBED)
async def draw_run_gradient_flow(
    *,
    request: Request,
    run_id: uuid.UUID,
    y: ScaleY = None,
    look: LookDep,
) -> Response:
    """Draw the size of each layer's gradients and the norm of the whole gradient, by epoch."""
    return await drawn(
        request,
        "service.figures.sources.layers:gradient_flow_picture",
        run_id,
        y=y,
        look=look,
    )


@router.get("/decision_boundary.{kind}", summary="Draw a run's decision boundary", **DESCRIBED)
async def draw_run_decision_boundary(
    *,
    request: Request,
    run_id: uuid.UUID,
    epoch: Annotated[
        int | None,
        Query(
            ge=0,
            le=2**31 - 1,
            description="An epoch with layer statistics; by default the last.",
        ),
    ] = None,
    look: LookDep,
) -> Response:
    """Draw the class that the network predicts at each point; for data of two features."""
    return await drawn(
        request,
        "service.figures.sources.outputs:decision_boundary_picture",
        run_id,
        epoch=epoch,
        look=look,
    )


@router.get("/outputs.{kind}", summary="Draw a run's outputs", **DESCRIBED)
async def draw_run_outputs(
    *,
    request: Request,
    run_id: uuid.UUID,
    y: ScaleY = None,
    look: LookDep,
) -> Response:
    """Draw histograms of the true class's probability and of each sample's loss, by class.

    They are those of the validation part after the last epoch; `y` is the scale of the shares.
    """
    return await drawn(
        request,
        "service.figures.sources.outputs:outputs_picture",
        run_id,
        y=y,
        look=look,
    )


@router.get("/confusion.{kind}", summary="Draw a run's confusion matrix", **DESCRIBED)
async def draw_run_confusion(
    *,
    request: Request,
    run_id: uuid.UUID,
    look: LookDep,
) -> Response:
    """Draw which classes the network takes for which, in shares of the true class's samples.

    They are those of the validation part after the last epoch.
    """
    return await drawn(
        request,
        "service.figures.sources.outputs:confusion_picture",
        run_id,
        look=look,
    )


@router.get("/{file}", include_in_schema=False, dependencies=READ)
def refuse_run_figure(run_id: uuid.UUID, file: str, session: SessionDep) -> None:
    """Raise an error with the figures of a run that exist."""
    search.get(session, run_id)
    name = file.partition(".")[0]
    raise NotFoundError(unknown("figure of a run", name, list(RUN_FIGURES)))
