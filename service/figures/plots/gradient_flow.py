"""Gradient flow: how large the gradients of each layer are, epoch by epoch."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from service.figures.plots.style import (
    Format,
    Ink,
    Theme,
    entitle,
    epoch_axis,
    house_style,
    log_scale,
    new_figure,
    plain,
    render,
    series_style,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Layers that get a line style and a name each; of deeper networks some are named.
_MOST_NAMED = 10
_MOST_MARKERS = 12
#: The part of the map from depth to colour that stands out from the ground.
_COLOURS = {"light": (0.05, 0.85), "dark": (0.25, 1.0)}


def gradient_flow(
    epochs: Sequence[int],
    by_layer: Mapping[str, Sequence[float | None]],
    norms: Sequence[tuple[int, float]],
    *,
    title: str,
    note: str = "",
    kind: Format = "png",
    theme: Theme = "light",
) -> bytes:
    """Draw each layer's gradients by epoch, and the norm of the whole gradient.

    Args:
        epochs: those with layer statistics.
        by_layer: the standard deviation of a layer's gradients at each of these epochs, from
            the first layer to the last; None or not finite is a gap.
        norms: epoch and mean norm of the whole gradient before clipping; may be empty.
        title: stands above the picture.
        note: stands below.
        kind: format of the picture.
        theme: for a light or a dark ground.

    Returns:
        The picture as PNG or SVG.
    """
    with house_style(theme) as ink:
        figure = new_figure(11.0 if norms else 7.2, 4.4)
        entitle(figure, ink, title, note)
        panels = figure.subplots(1, 2 if norms else 1, squeeze=False)[0]
        panels[0].set_title("Standard deviation of the weights' gradients")
        styles = _styles(len(by_layer), ink, theme)
        for (name, values), style in zip(by_layer.items(), styles, strict=True):
            _draw(panels[0], epochs, values, plain(name), style)
        _finish(panels[0], epochs, [each for values in by_layer.values() for each in values])
        handles, labels = panels[0].get_legend_handles_labels()
        every = max(1, math.ceil(len(handles) / _MOST_NAMED))
        figure.legend(
            handles[::every], labels[::every], loc="outside right center", handlelength=3.2
        )
        if norms:
            panels[1].set_title("Norm of the whole gradient, mean over steps")
            known, values = [epoch for epoch, _ in norms], [each for _, each in norms]
            _draw(panels[1], known, values, None, _single(ink))
            _finish(panels[1], known, values)
        return render(figure, kind)


def _styles(layers: int, ink: Ink, theme: Theme) -> list[dict[str, Any]]:
    """Give few layers the house's line styles, and many a colour by their depth."""
    if layers <= min(_MOST_NAMED, len(ink.palette)):
        return [series_style(at, ink) for at in range(layers)]
    from matplotlib import colormaps  # noqa: PLC0415 - see house_style

    first, last = _COLOURS[theme]
    share = [at / (layers - 1) for at in range(layers)]
    return [
        {**series_style(at, ink), "color": colormaps["viridis"](first + (last - first) * each)}
        for at, each in enumerate(share)
    ]


def _single(ink: Ink) -> dict[str, Any]:
    return {"color": ink.text, "linestyle": "-", "marker": "o"}


def _draw(
    axes: "Axes",
    epochs: Sequence[int],
    values: Sequence[float | None],
    label: str | None,
    style: Mapping[str, Any],
) -> None:
    known = [each if each is not None and math.isfinite(each) else math.nan for each in values]
    every = max(1, len(epochs) // _MOST_MARKERS)
    axes.plot(epochs, known, label=label, markevery=every, **style)


def _finish(axes: "Axes", epochs: Sequence[int], values: Sequence[float | None]) -> None:
    epoch_axis(axes, epochs)
    positive = [each for each in values if each is not None and 0 < each < math.inf]
    if positive:
        # An exact zero has no logarithm; its line leaves the picture at the bottom.
        low, high = min(positive), max(positive)
        margin = (high / low) ** 0.06 if high > low else 2.0
        axes.set_ylim(low / margin, high * margin)
        log_scale(axes)
