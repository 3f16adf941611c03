"""What a run's layer statistics show, as pictures: layers, gradients, the decision boundary."""

import math
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from service.errors import ConflictError
from service.figures.plots.decision_boundary import Boundary
from service.figures.plots.decision_boundary import decision_boundary as draw_boundary
from service.figures.plots.gradient_flow import gradient_flow as draw_flow
from service.figures.plots.layers import PANELS, PlottedDistribution, PlottedLayer
from service.figures.plots.layers import layers as draw_layers
from service.figures.plots.style import Format, Theme
from service.figures.sources.common import Picture, run_title
from service.histories import layer_statistics, reading
from service.runs import search
from service.statuses import FINISHED

#: Epochs of one gradient flow; of more, evenly many with the first and the last.
MOST_EPOCHS = 60
#: Epochs of the whole gradient's norm; of a longer history its peaks are kept.
MOST_POINTS = 400


def layers(
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
        epoch: one with layer statistics.
        kind: format of the picture.
        theme: for a light or a dark ground.

    Raises:
        NotFoundError: there is no such run, or no statistics at that epoch.
    """
    found = layer_statistics.get(session, run_id, epoch)
    run = search.get(session, run_id)
    moment = "as initialized" if epoch == 0 else f"after epoch {epoch}"
    data = draw_layers(
        [_layer(each) for each in found.content["layers"]],
        title=f"{run_title(run)}: layers {moment}",
        note=f"{found.content['samples']:,} samples.",
        kind=kind,
        theme=theme,
    )
    # An epoch's statistics are written once.
    return Picture(data, found.status in FINISHED)


def gradient_flow(
    session: Session, run_id: uuid.UUID, *, kind: Format = "svg", theme: Theme = "light"
) -> Picture:
    """Draw how large the gradients of each layer are, epoch by epoch.

    Raises:
        NotFoundError: there is no such run, or it has no layer statistics.
    """
    last = layer_statistics.get(session, run_id)
    epochs = _evenly(last.epochs_available)
    by_layer: dict[str, list[float | None]] = {}
    for epoch in epochs:
        found = last if epoch == last.epoch else layer_statistics.get(session, run_id, epoch)
        for layer in found.content["layers"]:
            by_layer.setdefault(layer["name"], []).append(_number(layer["gradient"]["std"]))
    history = reading.get(session, run_id, metrics=["gradient_norm"], max_points=MOST_POINTS)
    norms = zip(history.epoch, history.metrics.get("gradient_norm", ()), strict=False)
    run = search.get(session, run_id)
    data = draw_flow(
        epochs,
        by_layer,
        [(epoch, _number(norm)) for epoch, norm in norms],
        title=f"{run_title(run)}: gradient flow",
        kind=kind,
        theme=theme,
    )
    return Picture(data, last.status in FINISHED)


def decision_boundary(
    session: Session, run_id: uuid.UUID, *, kind: Format = "svg", theme: Theme = "light"
) -> Picture:
    """Draw which class a run's network sees where, after its last epoch.

    Raises:
        NotFoundError: there is no such run, or it has no layer statistics.
        ConflictError: the data have not two features, the run has not ended, or its network's
            output is not finite.
    """
    found = layer_statistics.get(session, run_id)
    if found.boundary is None and found.status not in FINISHED:
        raise ConflictError("The decision boundary is drawn after the last epoch.")
    if found.boundary is None:
        raise ConflictError(
            "This run has no decision boundary: that needs data of two features, such as circles "
            "or moons, and a network whose output is finite."
        )
    data = draw_boundary(
        Boundary(**found.boundary),
        title=f"{run_title(search.get(session, run_id))}: decision boundary",
        note=f"After epoch {found.epoch}.",
        kind=kind,
        theme=theme,
    )
    return Picture(data, found.status in FINISHED)


def _evenly(epochs: Sequence[int]) -> list[int]:
    """Keep at most so many epochs, the first and the last among them."""
    if len(epochs) <= MOST_EPOCHS:
        return list(epochs)
    step = (len(epochs) - 1) / (MOST_EPOCHS - 1)
    return [epochs[round(at * step)] for at in range(MOST_EPOCHS)]


def _layer(shown: Mapping[str, Any]) -> PlottedLayer:
    parts = {name: _distribution(shown[name]) for name, _ in PANELS}
    return PlottedLayer(name=shown["name"], **parts)


def _distribution(shown: Mapping[str, Any]) -> PlottedDistribution:
    mean, std, low, high = (_number(shown[name]) for name in ("mean", "std", "min", "max"))
    return PlottedDistribution(mean, std, low, high, **shown["histogram"])


def _number(value: float | str | None) -> float:
    """Read a number as JSON holds it."""
    return math.nan if value is None else float(value)
