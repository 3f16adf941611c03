"""Gradient flow: the size of each layer's gradients by epoch."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from service.figures.plots.style import (
    AxisScale,
    Format,
    Ink,
    Theme,
    add_title,
    epoch_axis,
    house_style,
    log_scale,
    new_figure,
    printable,
    render,
    series_style,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Most layers in the legend; of a deeper network every k-th is named.
_MOST_NAMED = 10
_MOST_MARKERS = 12
#: Values above this are not drawn.
_LARGEST = 1e100
#: The range of the colour map that contrasts with each theme's background.
_COLOUR_RANGE = {"light": (0.05, 0.85), "dark": (0.25, 1.0)}


def draw_gradient_flow(
    epochs: Sequence[int],
    by_layer: Mapping[str, Sequence[float | None]],
    norms: Sequence[tuple[int, float]],
    *,
    title: str,
    note: str = "",
    y: AxisScale | None = None,
    kind: Format = "png",
    theme: Theme = "light",
) -> bytes:
    """Return a picture of each layer's gradients and the whole gradient's norm, as PNG or SVG.

    Args:
        epochs: epochs with layer statistics.
        by_layer: for each layer, from first to last, the standard deviation of its gradients at
            these epochs; None and values that are not finite are gaps.
        norms: pairs of an epoch and the mean norm of the whole gradient before clipping; may be
            empty.
        title: text above the picture.
        note: text below the picture.
        y: the scale of both panels; None for a logarithmic one.
        kind: format of the picture.
        theme: light or dark background.
    """
    with house_style(theme, kind) as ink:
        figure = new_figure(11.0 if norms else 7.2, 4.4)
        add_title(figure, ink, title, note)
        panels = figure.subplots(1, 2 if norms else 1, squeeze=False)[0]
        panels[0].set_title("Standard deviation of the weights' gradients")
        styles = _styles(len(by_layer), ink, theme)
        for (name, values), style in zip(by_layer.items(), styles, strict=True):
            _draw(panels[0], epochs, values, printable(name), style)
        _finish(panels[0], epochs, [value for values in by_layer.values() for value in values], y)
        handles, labels = panels[0].get_legend_handles_labels()
        every = max(1, math.ceil(len(handles) / _MOST_NAMED))
        figure.legend(
            handles[::every], labels[::every], loc="outside right center", handlelength=3.2
        )
        if norms:
            panels[1].set_title("Norm of the whole gradient, mean over steps")
            norm_epochs, values = [epoch for epoch, _ in norms], [norm for _, norm in norms]
            _draw(panels[1], norm_epochs, values, None, _single(ink))
            _finish(panels[1], norm_epochs, values, y)
        return render(figure, kind)


def _styles(layers: int, ink: Ink, theme: Theme) -> list[dict[str, Any]]:
    """Return a line style per layer: the usual ones for few layers, else colours by depth."""
    if layers <= min(_MOST_NAMED, len(ink.palette)):
        return [series_style(index, ink) for index in range(layers)]
    from matplotlib import colormaps  # noqa: PLC0415 - see house_style

    first, last = _COLOUR_RANGE[theme]
    depths = [index / (layers - 1) for index in range(layers)]
    return [
        {**series_style(index, ink), "color": colormaps["viridis"](first + (last - first) * depth)}
        for index, depth in enumerate(depths)
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
    drawn = [value if value is not None and value < _LARGEST else math.nan for value in values]
    every = max(1, len(epochs) // _MOST_MARKERS)
    axes.plot(epochs, drawn, label=label, markevery=every, **style)


def _finish(
    axes: "Axes", epochs: Sequence[int], values: Sequence[float | None], scale: AxisScale | None
) -> None:
    epoch_axis(axes, epochs)
    if scale == "linear":
        axes.set_ylim(bottom=0)
        return
    positive = [value for value in values if value is not None and 0 < value < _LARGEST]
    if positive:
        low, high = min(positive), max(positive)
        margin = (high / low) ** 0.06 if high > low else 2.0
        axes.set_ylim(low / margin, high * margin)
        log_scale(axes)
