"""The catalog over HTTP: axes and their values, metrics, and pictures of activations."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated

from fastapi import Depends, Path, Request
from starlette.responses import Response

from service.api.openapi import examples
from service.api.schemas.catalog import Catalog, CatalogAxis, CatalogEntry, CatalogEntryDetails
from service.api.schemas.metrics import MetricPage
from service.api.web.caching import cached_answer, cached_response
from service.api.web.dependencies import requires
from service.api.web.formula_query import FormulaDep
from service.api.web.paging import LINK_HEADER, PageDep, page_of, page_response
from service.api.web.picture_answers import PICTURE, SvgResponse, ThemeQuery, picture_response
from service.api.web.problems import problem_responses
from service.api.web.routers import make_router
from service.catalog.axes import AXES, own_name
from service.catalog.entry import Entry
from service.catalog.metrics import METRICS, main_metric
from service.errors import NotFoundError
from service.fields import unknown
from service.figures.plots.activation_curve import (
    curve_of,
    draw_activation_curve,
    sampled_curves,
)
from service.figures.plots.phase_diagram import draw_phase_diagram
from service.figures.plots.style import Format, Theme
from service.mean_field.moments import ActivationMoments, moments_of
from service.mean_field.phase_diagram import phase_diagram
from service.specs.choices import Choice

router = make_router(prefix="/v1/catalog", tags=["catalog"])

_READ = [Depends(requires("read"))]

_Axis = Annotated[str, Path(json_schema_extra={"enum": [*AXES]})]
_Name = Annotated[str, Path(description="A name or an alias.", examples=["leaky_relu"])]

_LEAKY_RELU = CatalogEntry.of("activation", AXES["activation"]["leaky_relu"])
_ENTRY = _LEAKY_RELU.model_dump(mode="json") | {
    "phase_diagram": {
        "sigma_w": [1.0, 2.0],
        "sigma_b": [0.0],
        "chi_1": [[0.5001, 2.0]],
        "edge_of_chaos": [1.414],
    }
}
_METRICS = MetricPage.of([main_metric("classification")]).model_dump(mode="json")
_AXIS = CatalogAxis.of("activation", ["leaky_relu"], None).model_dump(mode="json")


@router.get(
    "",
    response_model=Catalog,
    responses={
        200: {
            "headers": LINK_HEADER,
            **examples.json_answer({"items": [_AXIS], "next_cursor": None}),
        },
        **problem_responses(422),
    },
    summary="Get the whole catalog",
    dependencies=_READ,
)
async def get_catalog(request: Request, page: PageDep) -> Response:
    """Return every axis with all its values: meaning, formula, parameters, source."""
    axes, next_cursor = page_of(list(AXES), page.cursor, page.limit, "catalog")
    return page_response(request, _catalog(tuple(axes), next_cursor), next_cursor)


@router.get(
    "/metrics",
    response_model=MetricPage,
    responses={
        **cached_answer(examples.json_answer(_METRICS)),
    },
    summary="List the metrics",
    dependencies=_READ,
)
async def list_metrics(request: Request) -> Response:
    """Return every metric that runs record, in the order of histories, in one page."""
    body = MetricPage.of(METRICS.values()).to_json()
    return cached_response(request, body, immutable=False)


@router.get(
    "/{axis}",
    response_model=CatalogAxis,
    responses={
        200: {"headers": LINK_HEADER, **examples.json_answer(_AXIS)},
        **problem_responses(404, 422),
    },
    summary="Get an axis' values",
    dependencies=_READ,
)
async def get_catalog_axis(request: Request, axis: _Axis, page: PageDep) -> Response:
    """Return every value of an axis; formulas are LaTeX."""
    names, next_cursor = page_of(list(_entries(axis)), page.cursor, page.limit, axis)
    return page_response(request, _axis(axis, tuple(names), next_cursor), next_cursor)


@router.get(
    "/{axis}/{name}",
    response_model=CatalogEntryDetails,
    responses={
        **cached_answer(examples.json_answer(_ENTRY)),
        **problem_responses(404),
    },
    summary="Get one value of an axis",
    dependencies=_READ,
)
def get_catalog_entry(request: Request, axis: _Axis, name: _Name) -> Response:
    """Return one value by its name or an alias; an activation with its phase diagram."""
    body = CatalogEntryDetails.of(axis, _entry(axis, name)).to_json()
    return cached_response(request, body, immutable=False)


@router.get(
    "/activation/{name}/figure.{kind}",
    response_class=SvgResponse,
    responses={**PICTURE, **problem_responses(404, 422)},
    summary="Get the picture of an activation",
    dependencies=_READ,
)
def get_activation_figure(
    request: Request,
    name: _Name,
    kind: Annotated[Format, Path(description="The picture's format.")],
    formula: FormulaDep,
    theme: ThemeQuery = "light",
) -> Response:
    """Draw an activation and its derivative (dashed), with its default parameters; or a formula."""
    entry = _entry("activation", name)
    if entry.name not in sampled_curves():
        raise NotFoundError(f"There is no picture of the activation {entry.name!r}.")
    data = _drawn(formula.of(entry.name), kind, theme)
    return picture_response(request, data, kind, immutable=False)


@router.get(
    "/activation/{name}/phase_diagram.{kind}",
    response_class=SvgResponse,
    responses={**PICTURE, **problem_responses(404, 422)},
    summary="Get the phase diagram of an activation",
    dependencies=_READ,
)
def get_activation_phase_diagram(
    request: Request,
    name: _Name,
    kind: Annotated[Format, Path(description="The picture's format.")],
    formula: FormulaDep,
    theme: ThemeQuery = "light",
) -> Response:
    """Draw where deep networks of an activation, or of a formula, vanish or explode.

    The activation has its default parameters.
    """
    entry = _entry("activation", name)
    activation = formula.of(entry.name)
    moments = moments_of(entry.name, activation.parameters)
    if moments is None:
        raise NotFoundError(f"The theory has no function for the activation {entry.name!r}.")
    data = _drawn_phases(str(activation), moments, kind, theme)
    return picture_response(request, data, kind, immutable=False)


@lru_cache(maxsize=256)
def _drawn_phases(name: str, moments: ActivationMoments, kind: Format, theme: Theme) -> bytes:
    title = f"{name}: order and chaos"
    return draw_phase_diagram(phase_diagram(moments), title=title, kind=kind, theme=theme)


@lru_cache(maxsize=256)
def _drawn(activation: Choice, kind: Format, theme: Theme) -> bytes:
    return draw_activation_curve(curve_of(activation), kind=kind, theme=theme)


@lru_cache(maxsize=16)
def _catalog(axes: tuple[str, ...], next_cursor: str | None) -> bytes:
    """Return a page of the catalog; making it takes longer than a hundred other requests."""
    return Catalog.of(axes, next_cursor).to_json()


@lru_cache(maxsize=64)
def _axis(axis: str, names: tuple[str, ...], next_cursor: str | None) -> bytes:
    """Return a page of an axis."""
    return CatalogAxis.of(axis, names, next_cursor).to_json()


def _entries(axis: str) -> Mapping[str, Entry]:
    if axis not in AXES:
        raise NotFoundError(unknown("axis", axis, list(AXES)))
    return AXES[axis]


def _entry(axis: str, name: str) -> Entry:
    entries = _entries(axis)
    entry = entries.get(own_name(axis, name))
    if entry is None:
        names = [known for each in entries.values() for known in (each.name, *each.aliases)]
        raise NotFoundError(unknown(axis.replace("_", " "), name, names))
    return entry
