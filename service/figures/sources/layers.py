"""Reading a run's layer statistics and drawing them: layers, moments by layer, gradient flow."""

import math
import uuid
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from service.database.tables import Run
from service.errors import ConflictError
from service.figures.plots.gradient_flow import draw_gradient_flow
from service.figures.plots.layer_moments import MOST_LINES, LayerMoments, draw_layer_moments
from service.figures.plots.layers import (
    PANELS,
    PlottedDistribution,
    PlottedLayer,
    PredictedSpread,
    Predictions,
    draw_layers,
)
from service.figures.plots.style import AxisScale, Look
from service.figures.sources.common import Picture, moment, refusal, run_title
from service.histories import layer_statistics, reading
from service.histories.layer_statistics import LayersAtEpoch
from service.mean_field.outlook import outlook
from service.runs import search
from service.specs.spec import RunConfig
from service.statuses import FINISHED

#: Most epochs of one gradient flow.
MOST_EPOCHS = 60
#: Most epochs of the whole gradient's norm; a longer history keeps its peaks.
MOST_POINTS = 400
#: Last digits of an id that tell runs of one name apart.
_ID_DIGITS = 8


def layers_picture(
    session: Session,
    run_id: uuid.UUID,
    *,
    epoch: int = 0,
    output: bool = True,
    inputs: bool = False,
    y: AxisScale | None = None,
    look: Look,
) -> Picture:
    """Draw the four panels of a run's layers at an epoch.

    Args:
        session: a session outside any transaction.
        run_id: the run.
        epoch: an epoch with layer statistics.
        output: whether the output layer is drawn.
        inputs: whether the network's inputs are drawn, before the first layer.
        y: the scale of the gradients; None for a logarithmic one where they are far apart.
        look: format, theme and title of the picture.

    Raises:
        NotFoundError: there is no such run, or no statistics at that epoch.
        ConflictError: the inputs are wanted, and were not recorded; or no layer is left.
    """
    found = layer_statistics.read_layers(session, run_id, epoch)
    run = search.get(session, run_id)
    layers = found.content["layers"] if output else without_output(found.content["layers"])
    data = draw_layers(
        [plotted_layer(layer) for layer in layers],
        title=look.title or f"{run_title(run)}: layers {moment(epoch)}",
        note=f"{found.content['samples']:,} samples.",
        predicted=_predictions(run.config, layers) if epoch == 0 else None,
        inputs=_inputs(session, run_id) if inputs else None,
        y=y,
        kind=look.kind,
        theme=look.theme,
    )
    # The statistics of a finished run never change.
    return Picture(data, found.status in FINISHED)


def layer_moments_picture(
    session: Session,
    run_id: uuid.UUID,
    *,
    epochs: Sequence[int] = (),
    beside: Sequence[uuid.UUID] = (),
    output: bool = True,
    y: AxisScale | None = None,
    look: Look,
) -> Picture:
    """Draw mean and standard deviation by layer as lines, one per run and epoch.

    Args:
        session: a session outside any transaction.
        run_id: the run.
        epochs: epochs with layer statistics; empty for the first and the last, or with other runs
            for the last of each.
        beside: further runs.
        output: whether the output layer is drawn.
        y: the scale of the deviations; None for a logarithmic one where they are far apart.
        look: format, theme and title of the picture.

    Raises:
        NotFoundError: there is no such run, or no statistics at one of the epochs.
        ConflictError: without the output no layer is left.
        InvalidError: these would be more lines than can be told apart.
    """
    ids = list(dict.fromkeys([run_id, *beside]))
    wanted = sorted(set(epochs))
    if len(ids) * max(1, len(wanted)) > MOST_LINES:
        detail = (
            f"{len(ids)} runs at {max(1, len(wanted))} epochs are more than {MOST_LINES} lines. "
            "Ask for fewer."
        )
        raise refusal("beside", detail)
    found = [at for each in ids for at in _at_epochs(session, each, wanted, alone=len(ids) == 1)]
    runs = [search.get(session, each) for each in ids]
    moments = {moment(at.epoch) for at in found}
    names = _told_apart(runs) if len(runs) > 1 else {run_id: ""}
    lines = [
        _moments(
            _line_name(names[at.run_id], moment(at.epoch), alike=len(moments) == 1),
            at.content["layers"] if output else without_output(at.content["layers"]),
        )
        for at in found
    ]
    counts = {at.content["samples"] for at in found}
    said = f"{min(counts):,} to {max(counts):,}" if len(counts) > 1 else f"{counts.pop():,}"
    data = draw_layer_moments(
        lines,
        title=look.title or f"{_subject(runs, moments)}: mean and spread by layer",
        note=f"{said} samples.",
        y=y,
        kind=look.kind,
        theme=look.theme,
    )
    return Picture(data, all(at.status in FINISHED for at in found))


def _at_epochs(
    session: Session, run_id: uuid.UUID, epochs: Sequence[int], *, alone: bool
) -> list[LayersAtEpoch]:
    """Return a run's statistics at epochs; where none is named the last, and alone the first."""
    last = layer_statistics.read_layers(session, run_id)
    named = epochs or sorted({*last.epochs_available[: int(alone)], last.epoch})
    return [
        last if epoch == last.epoch else layer_statistics.read_layers(session, run_id, epoch)
        for epoch in named
    ]


def _told_apart(runs: Sequence[Run]) -> dict[uuid.UUID, str]:
    """Return a name for each run; where two read alike, with the last digits of its id."""
    names = {run.id: f"{run.name}, seed {run.seed}" for run in runs}
    times = Counter(names.values())
    return {
        run_id: name if times[name] == 1 else f"{name} ({str(run_id)[-_ID_DIGITS:]})"
        for run_id, name in names.items()
    }


def _line_name(run: str, when: str, *, alike: bool) -> str:
    """Return the run and the moment of a line; the moment is in the title where all are alike."""
    return run if run and alike else ", ".join(filter(None, [run, when]))


def _subject(runs: Sequence[Run], moments: Collection[str]) -> str:
    if len(runs) == 1:
        return run_title(runs[0])
    return " ".join([f"{len(runs)} runs", *(moments if len(moments) == 1 else ())])


def without_output(layers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the layers before the output.

    Raises:
        ConflictError: there are none.
    """
    if len(layers) == 1:
        raise ConflictError("This network has no layer but its output; ask for output=true.")
    return layers[:-1]


def _moments(label: str, layers: Sequence[Mapping[str, Any]]) -> LayerMoments:
    return LayerMoments(
        label=label,
        layers=[layer["name"] for layer in layers],
        moments={
            name: [(_number(layer[name]["mean"]), _number(layer[name]["std"])) for layer in layers]
            for name, _ in PANELS
        },
    )


def gradient_flow_picture(
    session: Session, run_id: uuid.UUID, *, y: AxisScale | None = None, look: Look
) -> Picture:
    """Draw the size of each layer's gradients by epoch.

    Args:
        session: a session outside any transaction.
        run_id: the run.
        y: the scale of the gradients; None for a logarithmic one.
        look: format, theme and title of the picture.

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
        title=look.title or f"{run_title(run)}: gradient flow",
        y=y,
        kind=look.kind,
        theme=look.theme,
    )
    return Picture(data, last.status in FINISHED)


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


def _inputs(session: Session, run_id: uuid.UUID) -> PlottedDistribution:
    """Return the distribution of a run's inputs, which is recorded once, at epoch 0."""
    inputs = layer_statistics.read_layers(session, run_id, 0).content.get("inputs")
    if inputs is None:
        raise ConflictError("The inputs of this run were not recorded: it is of an older version.")
    return _distribution(inputs)


def evenly_spaced(epochs: Sequence[int], most: int) -> list[int]:
    """Return at most so many of the epochs, evenly spaced, with the first and the last."""
    if len(epochs) <= most:
        return list(epochs)
    step = (len(epochs) - 1) / (most - 1)
    return [epochs[round(index * step)] for index in range(most)]


def plotted_layer(content: Mapping[str, Any]) -> PlottedLayer:
    """Return a layer's stored statistics as they are drawn."""
    distributions = {name: _distribution(content[name]) for name, _ in PANELS}
    return PlottedLayer(name=content["name"], **distributions)


def _distribution(content: Mapping[str, Any]) -> PlottedDistribution:
    mean, std, low, high = (_number(content[name]) for name in ("mean", "std", "min", "max"))
    return PlottedDistribution(mean, std, low, high, **content["histogram"])


def _number(value: float | str | None) -> float:
    """Return a number that JSON may hold as a word; NaN for null."""
    return math.nan if value is None else float(value)
