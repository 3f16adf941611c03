"""Networks before they are trained, over HTTP."""

from typing import Annotated, Any

from fastapi import Body, Depends
from starlette.responses import Response

from service.api.openapi import examples
from service.api.schemas.models import ModelPreview
from service.api.web.dependencies import SessionDep, SettingsDep, requires
from service.api.web.problems import problem_responses
from service.api.web.request_bodies import JsonRoute
from service.api.web.routers import make_router
from service.datasets.store import facts_of
from service.specs.limits import Limits
from service.specs.previews import ModelPreviewSpec, NetworkPreview, preview, spec_of
from service.specs.uploads import ids_of

router = make_router(prefix="/v1/models", tags=["catalog"], route_class=JsonRoute)

_LAYERS: Any = {
    "layers": {
        "summary": "A network of one's own",
        "value": {
            "dataset": "digits",
            "model": {
                "name": "layers",
                "layers": [
                    {"name": "convolution", "channels": 8},
                    "max_pooling",
                    "flatten",
                    {"name": "dense", "units": 16},
                ],
            },
        },
    },
    "resnet": {
        "summary": "A ready network",
        "value": {"model": {"name": "resnet", "depth": 20}, "normalization": "batch"},
    },
}


def _answer(wanted: ModelPreviewSpec, found: NetworkPreview) -> ModelPreview:
    return ModelPreview.of(found, declared=wanted.model.name == "layers")


def _example() -> dict[str, Any]:
    """Return the answer to the first example."""
    wanted = ModelPreviewSpec.model_validate(_LAYERS["layers"]["value"])
    return _answer(wanted, preview(spec_of(wanted), Limits())).model_dump(mode="json")


@router.post(
    "/preview",
    response_model=ModelPreview,
    responses={200: examples.json_answer(_example()), **problem_responses(422)},
    summary="Preview a network",
    dependencies=[Depends(requires("read"))],
)
def preview_model(
    wanted: Annotated[ModelPreviewSpec, Body(openapi_examples=_LAYERS)],
    settings: SettingsDep,
    session: SessionDep,
) -> Response:
    """Return a network's layers with their shapes and sizes; nothing is stored.

    What a spec with this network would be refused for is refused here, at the same place:
    `/model/layers/3` where a layer does not fit the one before.
    """
    spec = spec_of(wanted)
    found = preview(spec, settings.limits, facts_of(session, ids_of(spec)))
    return Response(_answer(wanted, found).to_json(), media_type="application/json")
