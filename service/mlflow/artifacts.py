"""A run's pictures and weights as MLflow's artifacts: names that lead to where they are."""

from typing import Any

from sqlalchemy import Row

from service.errors import NotFoundError
from service.fields import unknown
from service.statuses import FINISHED

_KINDS = ("png", "svg")
_CURVES = [f"learning_curves.{kind}" for kind in _KINDS]
_OF_LAYERS = [f"{name}.{kind}" for name in ("gradient_flow", "layers") for kind in _KINDS]
_WEIGHTS = "weights.safetensors"
_PLACES = {
    **{name: f"figures/{name}" for name in (*_CURVES, *_OF_LAYERS)},
    _WEIGHTS: "weights",
}


def names(run: Row[Any], *, has_layers: bool) -> list[str]:
    """Name what there is of a run by now; weights may have been removed for their age."""
    found = _CURVES if run.epoch > 0 else []
    if has_layers:
        found = found + _OF_LAYERS
    return [*found, _WEIGHTS] if run.status in FINISHED else found


def find(name: str) -> str:
    """Give the place of a file below its run's in the API.

    Raises:
        NotFoundError: there is no such file.
    """
    if name not in _PLACES:
        raise NotFoundError(unknown("artifact", name, list(_PLACES)))
    return _PLACES[name]


def split(path: str) -> tuple[str, str]:
    """Split the place of a file: ``{experiment}/{run}/artifacts/{name}``.

    Returns:
        The run's id, and the name, which is empty for the folder itself.

    Raises:
        NotFoundError: it is the place of no run.
    """
    match path.strip("/").split("/"):
        case [_, run_id, "artifacts", *below]:
            return run_id, "/".join(below)
    raise NotFoundError(f"No artifacts are at {path!r}.")
