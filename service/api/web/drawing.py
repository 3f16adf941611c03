"""What the routes of figures share: their parameters, and how they are described."""

from typing import Annotated, Any

from fastapi import Depends, Path, Query

from service.api.web.dependencies import requires
from service.api.web.picture_answers import (
    FILM,
    PICTURE,
    GifResponse,
    SvgResponse,
    ThemeQuery,
)
from service.api.web.problems import problem_responses
from service.catalog.metrics import EPOCH_METRICS
from service.figures.plots.style import AxisScale, Format, Look

#: Most letters of a title; those that do not fit above the figure are not drawn.
_MOST_TITLE_LETTERS = 200

READ = [Depends(requires("read"))]
#: Of a route that draws.
DESCRIBED: dict[str, Any] = {
    "response_class": SvgResponse,
    "responses": {**PICTURE, **problem_responses(404, 409, 422, 503)},
    "dependencies": READ,
}
#: Of a route that films.
FILMED: dict[str, Any] = {
    **DESCRIBED,
    "response_class": GifResponse,
    "responses": {**FILM, **problem_responses(404, 409, 422, 503)},
}

OneMetric = Annotated[
    str | None,
    Query(
        json_schema_extra={"enum": [*EPOCH_METRICS]},
        description="The only metric to draw. By default accuracy and loss.",
    ),
]
_SCALE = (
    "By default the one that separates the values best. A panel without a positive value stays "
    "linear."
)
ScaleX = Annotated[
    AxisScale | None, Query(description=f"The scale of the horizontal axis. {_SCALE}")
]
ScaleY = Annotated[AxisScale | None, Query(description=f"The scale of the vertical axis. {_SCALE}")]
TitleQuery = Annotated[
    str | None,
    Query(
        min_length=1,
        max_length=_MOST_TITLE_LETTERS,
        description="The text above the figure, in place of its own.",
        examples=["Model accuracy"],
    ),
]


def _look(
    kind: Annotated[Format, Path(description="The format of the figure.")],
    theme: ThemeQuery = "light",
    title: TitleQuery = None,
) -> Look:
    return Look(kind, theme, title)


LookDep = Annotated[Look, Depends(_look)]


def _film_look(theme: ThemeQuery = "light", title: TitleQuery = None) -> Look:
    return Look(theme=theme, title=title)


FilmLookDep = Annotated[Look, Depends(_film_look)]
