"""Reading a run's layer statistics and drawing them: layers, gradient flow, decision boundary."""

import math
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from service.errors import ConflictError
from service.figures.plots.decision_boundary import Boundary, draw_decision_boundary
from service.figures.plots.gradient_flow import draw_gradient_flow
from service.figures.plots.layers import (
    PANELS,
    PlottedDistribution,
    PlottedLayer,
    PredictedSpread,
    Predictions,
    draw_layers,
)
from service.figures.plots.style import Format, Theme
from service.figures.sources.common import Picture, run_title
from service.histories import layer_statistics, reading
from service.mean_field.outlook import outlook
from service.runs import search
from service.specs.spec import RunConfig
from service.statuses import FINISHED

#: Most epochs of one gradient flow.
MOST_EPOCHS = 60
#: Most epochs of the whole gradient's norm; a longer history keeps its peaks.
MOST_POINTS = 400


def layers_picture(
    session: Session,
    run_id: uuid.UUID,
    *,
    epoch: int = 0,
    kind: Format = "svg",
    theme: Theme = "light",
) -> Picture:
    """Draw the four panels of a run's layers at an epoch.

    Args:
        session: a session outside any transaction.
        run_id: the run.
        epoch: an epoch with layer statistics.
        kind: format of the picture.
        theme: light or dark background.

    Raises:
        NotFoundError: there is no such run, or no statistics at that epoch.
    """
    found = layer_statistics.read_layers(session, run_id, epoch)
    run = search.get(session, run_id)
    moment = "as initialized" if epoch == 0 else f"after epoch {epoch}"
    layers = found.content["layers"]
    data = draw_layers(
        [_layer(layer) for layer in layers],
        title=f"{run_title(run)}: layers {moment}",
        note=f"{found.content['samples']:,} samples.",
        predicted=_predictions(run.config, layers) if epoch == 0 else None,
        kind=kind,
        theme=theme,
    )
    # The statistics of a finished run never change.
    return Picture(data, found.status in FINISHED)


def gradient_flow_picture(
    session: Session, run_id: uuid.UUID, *, kind: Format = "svg", theme: Theme = "light"
) -> Picture:
    """Draw the size of each layer's gradients by epoch.

    Raises:
        NotFoundError: there is no such run, or it has no layer statistics.
    """
    last = layer_statistics.read_layers(session, run_id)
    epochs = evenly_spaced(last.epochs_available, MOST_EPOCHS)
    by_layer: dict[str, list[float | None]] = {}
    for epoch in epochs:
        found = (
            last if epoch == last.epoch else layer_statistics.read_layers(session, run_id, epoch)
        )
        for layer in found.content["layers"]:
            by_layer.setdefault(layer["name"], []).append(_number(layer["gradient"]["std"]))
    history = reading.read_history(
        session, run_id, metrics=["gradient_norm"], max_points=MOST_POINTS
    )
    norms = zip(history.epoch, history.metrics.get("gradient_norm", ()), strict=False)
    run = search.get(session, run_id)
    data = draw_gradient_flow(
        epochs,
        by_layer,
        [(epoch, _number(norm)) for epoch, norm in norms],
        title=f"{run_title(run)}: gradient flow",
        kind=kind,
        theme=theme,
    )
    return Picture(data, last.status in FINISHED)


def decision_boundary_picture(
    session: Session, run_id: uuid.UUID, *, kind: Format = "svg", theme: Theme = "light"
) -> Picture:
    """Draw the class a run's network predicts at each point, after its last epoch.

    Raises:
        NotFoundError: there is no such run, or it has no layer statistics.
        ConflictError: the data do not have two features, the run has not ended, or its network's
            output is not finite.
    """
    found = layer_statistics.read_layers(session, run_id)
    if found.boundary is None and found.status not in FINISHED:
        raise ConflictError("The decision boundary is drawn after the last epoch.")
    if found.boundary is None:
        raise ConflictError(
            "This run has no decision boundary: that needs data of two features, such as circles, "
            "moons or parabola, and a network whose output is finite."
        )
    data = draw_decision_boundary(
        Boundary(**found.boundary),
        title=f"{run_title(search.get(session, run_id))}: decision boundary",
        note=f"After epoch {found.epoch}.",
        kind=kind,
        theme=theme,
    )
    return Picture(data, found.status in FINISHED)


def _predictions(
    config: Mapping[str, Any], layers: Sequence[Mapping[str, Any]]
) -> Predictions | None:
    """Return what theory predicts for z-values and activations; None where it says nothing."""
    found = outlook(RunConfig.model_validate(config)).prediction
    if found is None:
        return None
    by_name = {layer.name: layer for layer in found.layers}
    predicted = [by_name.get(layer["name"]) for layer in layers]
    return {
        "z": [PredictedSpread(layer.z_mean, layer.z_std) if layer else None for layer in predicted],
        "activation": [
            PredictedSpread(layer.activation_mean, layer.activation_std)
            if layer and layer.activation_mean is not None and layer.activation_std is not None
            else None
            for layer in predicted
        ],
    }


def evenly_spaced(epochs: Sequence[int], most: int) -> list[int]:
    """Return at most so many of the epochs, evenly spaced, with the first and the last."""
    if len(epochs) <= most:
        return list(epochs)
    step = (len(epochs) - 1) / (most - 1)
    return [epochs[round(index * step)] for index in range(most)]


def _layer(content: Mapping[str, Any]) -> PlottedLayer:
    distributions = {name: _distribution(content[name]) for name, _ in PANELS}
    return PlottedLayer(name=content["name"], **distributions)


def _distribution(content: Mapping[str, Any]) -> PlottedDistribution:
    mean, std, low, high = (_number(content[name]) for name in ("mean", "std", "min", "max"))
    return PlottedDistribution(mean, std, low, high, **content["histogram"])


def _number(value: float | str | None) -> float:
    """Return a number that JSON may hold as a word; NaN for null."""
    return math.nan if value is None else float(value)
