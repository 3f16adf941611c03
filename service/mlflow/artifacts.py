"""A run's pictures and weights as MLflow's artifacts."""

from typing import Any

from sqlalchemy import Row

from service.errors import NotFoundError
from service.fields import unknown
from service.statuses import FINISHED

_KINDS = ("png", "svg")
_CURVES = [f"learning_curves.{kind}" for kind in _KINDS]
_OF_LAYERS = [f"{name}.{kind}" for name in ("gradient_flow", "layers") for kind in _KINDS]
_WEIGHTS = "weights.safetensors"
#: Paths of the files below the run's path in the API.
_PATHS = {
    **{name: f"figures/{name}" for name in (*_CURVES, *_OF_LAYERS)},
    _WEIGHTS: "weights",
}


def names(run: Row[Any], *, has_layers: bool) -> list[str]:
    """Return the names of a run's files so far; weights may have been removed since."""
    pictures = _CURVES if run.epoch > 0 else []
    if has_layers:
        pictures = pictures + _OF_LAYERS
    return [*pictures, _WEIGHTS] if run.status in FINISHED else pictures


def find(name: str) -> str:
    """Return the path of a file below the run's path in the API.

    Raises:
        NotFoundError: there is no such file.
    """
    if name not in _PATHS:
        raise NotFoundError(unknown("artifact", name, list(_PATHS)))
    return _PATHS[name]


def split(path: str) -> tuple[str, str]:
    """Split a file's path in MLflow: ``{experiment}/{run}/artifacts/{name}``.

    Returns:
        The run's id, and the name, which is empty for the folder itself.

    Raises:
        NotFoundError: the path belongs to no run.
    """
    match path.strip("/").split("/"):
        case [_, run_id, "artifacts", *parts]:
            return run_id, "/".join(parts)
    raise NotFoundError(f"No artifacts are at {path!r}.")
