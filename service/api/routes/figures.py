"""Figures of experiments over HTTP."""

import uuid
from typing import Annotated

from fastapi import Query, Request
from pydantic import Field
from starlette.responses import Response

from service.api.computing.pictures import drawn
from service.api.routes.questions import Axes, QuestionDep, names
from service.api.web.dependencies import SessionDep
from service.api.web.drawing import DESCRIBED, READ, LookDep, OneMetric, ScaleX, ScaleY
from service.api.web.routers import make_router
from service.errors import NotFoundError
from service.experiments import lifecycle
from service.fields import Form, unknown

router = make_router(prefix="/v1/experiments/{experiment_id}/figures", tags=["experiments"])

EXPERIMENT_FIGURES = ("learning_curves", "heatmap", "comparison", "tuning")

#: A parameter such as ``optimizer.learning_rate`` is of the form too, so that the answer to it
#: names the axes that there are.
_LEFT_OUT = Form(
    r"^[a-z_]+(\.[a-z_]+)*:.+$", "an axis, a colon and a value, as in activation:sigmoid"
)
_ByQuery = Annotated[
    list[Axes] | None,
    Query(
        description="The axes to group by, repeated or separated by commas; `variant` groups by "
        "the variants' labels. By default the axes that vary.",
        examples=[["activation,initializer"]],
    ),
]


@router.get("/learning_curves.{kind}", summary="Draw learning curves", **DESCRIBED)
async def draw_experiment_learning_curves(
    *,
    request: Request,
    experiment_id: uuid.UUID,
    metric: OneMetric = None,
    y: ScaleY = None,
    by: _ByQuery = None,
    leave_out: Annotated[
        list[Annotated[str, Field(max_length=300), _LEFT_OUT]] | None,
        Query(
            max_length=100,
            description="`axis:value` of configurations that are not drawn; repeat for several. "
            "Leave out one that fails, so that the others fill the figure.",
            examples=[["activation:sigmoid"]],
        ),
    ] = None,
    look: LookDep,
) -> Response:
    """Draw metrics by epoch: for each configuration the mean over seeds, and a band around it."""
    left_out = [pair.partition(":") for pair in leave_out or ()]
    return await drawn(
        request,
        "service.figures.sources.learning_curves:experiment_curves_picture",
        experiment_id,
        metric=metric,
        y=y,
        by=names("by", by),
        leave_out=[(axis, value) for axis, _, value in left_out],
        look=look,
    )


@router.get("/heatmap.{kind}", summary="Draw two axes against each other", **DESCRIBED)
async def draw_experiment_heatmap(
    *,
    request: Request,
    experiment_id: uuid.UUID,
    question: QuestionDep,
    look: LookDep,
) -> Response:
    """Draw the mean of each combination, with its verdict and the number of diverged runs.

    The two axes are those of `by`: by default the first two that vary on their own.
    """
    return await drawn(
        request,
        "service.figures.sources.heatmap:heatmap_picture",
        experiment_id,
        question,
        look=look,
    )


@router.get("/comparison.{kind}", summary="Draw the comparison", **DESCRIBED)
async def draw_experiment_comparison(
    *,
    request: Request,
    experiment_id: uuid.UUID,
    question: QuestionDep,
    x: ScaleX = None,
    look: LookDep,
) -> Response:
    """Draw each configuration's seeds and mean, best first, with what is said of it."""
    return await drawn(
        request,
        "service.figures.sources.comparison:comparison_picture",
        experiment_id,
        question,
        x=x,
        look=look,
    )


@router.get("/tuning.{kind}", summary="Draw results over what is tuned", **DESCRIBED)
async def draw_experiment_tuning(
    *,
    request: Request,
    experiment_id: uuid.UUID,
    question: QuestionDep,
    x: ScaleX = None,
    y: ScaleY = None,
    look: LookDep,
) -> Response:
    """Draw each configuration's result over the number that is tuned, and its good range."""
    return await drawn(
        request,
        "service.figures.sources.tuning:tuning_picture",
        experiment_id,
        question,
        x=x,
        y=y,
        look=look,
    )


@router.get("/{file}", include_in_schema=False, dependencies=READ)
def refuse_experiment_figure(experiment_id: uuid.UUID, file: str, session: SessionDep) -> None:
    """Raise an error with the figures of an experiment that exist."""
    lifecycle.get(session, experiment_id)
    name = file.partition(".")[0]
    raise NotFoundError(unknown("figure of an experiment", name, list(EXPERIMENT_FIGURES)))
