"""Figures of experiments and runs over HTTP."""

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import Field
from starlette.responses import Response

from service.api.computing.processes import compute
from service.api.routes.questions import Axes, QuestionDep, names
from service.api.web.dependencies import SessionDep, requires
from service.api.web.picture_answers import PICTURE, SvgResponse, ThemeQuery, picture_response
from service.api.web.problems import problem_responses
from service.catalog.metrics import EPOCH_METRICS
from service.errors import NotFoundError
from service.experiments import lifecycle
from service.fields import unknown
from service.figures.plots.style import Format
from service.runs import search

# The functions that draw are named, and not imported: they run in processes of their own, and
# numpy, scipy and matplotlib take two seconds to import.
router = APIRouter()

EXPERIMENT_FIGURES = ("learning_curves", "heatmap", "comparison", "tuning")
RUN_FIGURES = ("learning_curves", "layers", "gradient_flow", "decision_boundary")


_READ = [Depends(requires("read"))]
_DESCRIBED: dict[str, Any] = {
    "response_class": SvgResponse,
    "responses": {**PICTURE, **problem_responses(404, 409, 422, 503)},
    "dependencies": _READ,
}

_experiments = APIRouter(prefix="/v1/experiments/{experiment_id}/figures", tags=["experiments"])
_runs = APIRouter(prefix="/v1/runs/{run_id}/figures", tags=["runs"])

_ByQuery = Annotated[
    list[Axes] | None,
    Query(
        description="The axes to group by, repeated or separated by commas; `variant` groups by "
        "the variants' labels. By default the axes that vary.",
        examples=[["activation,initializer"]],
    ),
]
_OneMetric = Annotated[
    str | None,
    Query(
        json_schema_extra={"enum": [*EPOCH_METRICS]},
        description="The only metric to draw. By default accuracy and loss.",
    ),
]
_Kind = Annotated[Format, Path(description="The format of the figure.")]


@_experiments.get("/learning_curves.{kind}", summary="Draw learning curves", **_DESCRIBED)
async def draw_experiment_learning_curves(
    *,
    request: Request,
    experiment_id: uuid.UUID,
    kind: _Kind,
    metric: _OneMetric = None,
    by: _ByQuery = None,
    leave_out: Annotated[
        list[Annotated[str, Field(pattern=r"^[a-z_]+:.+$", max_length=300)]] | None,
        Query(
            max_length=100,
            description="`axis:value` of configurations that are not drawn; repeat for several. "
            "Leave out one that fails, so that the others fill the figure.",
            examples=[["activation:sigmoid"]],
        ),
    ] = None,
    theme: ThemeQuery = "light",
) -> Response:
    """Draw metrics by epoch: for each configuration the mean over seeds, and a band around it."""
    left_out = [pair.partition(":") for pair in leave_out or ()]
    picture = await compute(
        request,
        "service.figures.sources.learning_curves:experiment_curves_picture",
        experiment_id,
        metric=metric,
        by=names("by", by),
        leave_out=[(axis, value) for axis, _, value in left_out],
        kind=kind,
        theme=theme,
    )
    return picture_response(request, picture.data, kind, immutable=picture.finished)


@_experiments.get("/heatmap.{kind}", summary="Draw two axes against each other", **_DESCRIBED)
async def draw_experiment_heatmap(
    *,
    request: Request,
    experiment_id: uuid.UUID,
    kind: _Kind,
    question: QuestionDep,
    theme: ThemeQuery = "light",
) -> Response:
    """Draw the mean of each combination, with its verdict and the number of diverged runs.

    The two axes are those of `by`: activation and initializer by default, or others that vary.
    """
    picture = await compute(
        request,
        "service.figures.sources.heatmap:heatmap_picture",
        experiment_id,
        question,
        kind=kind,
        theme=theme,
    )
    return picture_response(request, picture.data, kind, immutable=picture.finished)


@_experiments.get("/comparison.{kind}", summary="Draw the comparison", **_DESCRIBED)
async def draw_experiment_comparison(
    *,
    request: Request,
    experiment_id: uuid.UUID,
    kind: _Kind,
    question: QuestionDep,
    theme: ThemeQuery = "light",
) -> Response:
    """Draw each configuration's seeds and mean, best first, with what is said of it."""
    picture = await compute(
        request,
        "service.figures.sources.comparison:comparison_picture",
        experiment_id,
        question,
        kind=kind,
        theme=theme,
    )
    return picture_response(request, picture.data, kind, immutable=picture.finished)


@_experiments.get("/tuning.{kind}", summary="Draw results over what is tuned", **_DESCRIBED)
async def draw_experiment_tuning(
    *,
    request: Request,
    experiment_id: uuid.UUID,
    kind: _Kind,
    question: QuestionDep,
    theme: ThemeQuery = "light",
) -> Response:
    """Draw each configuration's result over the number that is tuned, and its good range."""
    picture = await compute(
        request,
        "service.figures.sources.tuning:tuning_picture",
        experiment_id,
        question,
        kind=kind,
        theme=theme,
    )
    return picture_response(request, picture.data, kind, immutable=picture.finished)


@_runs.get("/learning_curves.{kind}", summary="Draw a run's learning curves", **_DESCRIBED)
async def draw_run_learning_curves(
    *,
    request: Request,
    run_id: uuid.UUID,
    kind: _Kind,
    metric: _OneMetric = None,
    theme: ThemeQuery = "light",
) -> Response:
    """Draw accuracy and loss by epoch, for training and validation."""
    picture = await compute(
        request,
        "service.figures.sources.learning_curves:run_curves_picture",
        run_id,
        metric=metric,
        kind=kind,
        theme=theme,
    )
    return picture_response(request, picture.data, kind, immutable=picture.finished)


@_runs.get("/layers.{kind}", summary="Draw a run's layers", **_DESCRIBED)
async def draw_run_layers(
    *,
    request: Request,
    run_id: uuid.UUID,
    kind: _Kind,
    epoch: Annotated[
        int,
        Query(
            ge=0,
            le=2**31 - 1,
            description="An epoch with layer statistics; 0 is the network as initialized.",
        ),
    ] = 0,
    theme: ThemeQuery = "light",
) -> Response:
    """Draw z-values, weights, activations and gradients layer by layer, as violins."""
    picture = await compute(
        request,
        "service.figures.sources.layers:layers_picture",
        run_id,
        epoch=epoch,
        kind=kind,
        theme=theme,
    )
    return picture_response(request, picture.data, kind, immutable=picture.finished)


@_runs.get("/gradient_flow.{kind}", summary="Draw a run's gradients by epoch", **_DESCRIBED)
async def draw_run_gradient_flow(
    *,
    request: Request,
    run_id: uuid.UUID,
    kind: _Kind,
    theme: ThemeQuery = "light",
) -> Response:
    """Draw the size of each layer's gradients and the norm of the whole gradient, by epoch."""
    picture = await compute(
        request,
        "service.figures.sources.layers:gradient_flow_picture",
        run_id,
        kind=kind,
        theme=theme,
    )
    return picture_response(request, picture.data, kind, immutable=picture.finished)


@_runs.get("/decision_boundary.{kind}", summary="Draw a run's decision boundary", **_DESCRIBED)
async def draw_run_decision_boundary(
    *,
    request: Request,
    run_id: uuid.UUID,
    kind: _Kind,
    theme: ThemeQuery = "light",
) -> Response:
    """Draw the class that the network predicts at each point; for data of two features."""
    picture = await compute(
        request,
        "service.figures.sources.layers:decision_boundary_picture",
        run_id,
        kind=kind,
        theme=theme,
    )
    return picture_response(request, picture.data, kind, immutable=picture.finished)


@_experiments.get("/{file}", include_in_schema=False, dependencies=_READ)
def refuse_experiment_figure(experiment_id: uuid.UUID, file: str, session: SessionDep) -> None:
    """Raise an error with the figures of an experiment that exist."""
    lifecycle.get(session, experiment_id)
    name = file.partition(".")[0]
    raise NotFoundError(unknown("figure of an experiment", name, list(EXPERIMENT_FIGURES)))


@_runs.get("/{file}", include_in_schema=False, dependencies=_READ)
def refuse_run_figure(run_id: uuid.UUID, file: str, session: SessionDep) -> None:
    """Raise an error with the figures of a run that exist."""
    search.get(session, run_id)
    name = file.partition(".")[0]
    raise NotFoundError(unknown("figure of a run", name, list(RUN_FIGURES)))


router.include_router(_experiments)
router.include_router(_runs)
