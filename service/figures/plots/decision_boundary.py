"""Decision boundary: which class a network sees where, for data of two features."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from service.figures.plots.style import (
    MARKERS,
    Format,
    Ink,
    Theme,
    entitle,
    house_style,
    new_figure,
    render,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Grid = NDArray[Any]

#: With these, ten classes differ: two more markers, and the last of Okabe & Ito's colours.
_MARKERS = (*MARKERS, "<", "p")
_YELLOW = "#F0E442"

#: How much of a class's colour the plane takes: where the network has no idea, and beyond that.
_PALEST, _DEEPENING = 0.12, 0.5


@dataclass(frozen=True)
class Boundary:
    """A network's view of the plane, and data in it.

    Attributes:
        extent: left, right, bottom and top of the grid: the first and last columns and rows.
        size: grid points along each feature.
        predicted: the most probable class at each grid point, row by row from the bottom.
        confidence: its probability there.
        points: samples, two features each.
        labels: their classes.
    """

    extent: tuple[float, float, float, float]
    size: int
    predicted: Sequence[int]
    confidence: Sequence[float]
    points: Sequence[Sequence[float]]
    labels: Sequence[int]


def decision_boundary(
    boundary: Boundary,
    *,
    title: str,
    note: str = "",
    kind: Format = "png",
    theme: Theme = "light",
) -> bytes:
    """Draw the plane in the classes' colours, deeper where the network is more certain.

    Lines are where the prediction changes; a class's samples have a marker of their own.

    Returns:
        The picture as PNG or SVG.
    """
    classes = max([*boundary.predicted, *boundary.labels]) + 1
    with house_style(theme) as ink:
        figure = new_figure(7.2, 5.6)
        marks = "Colour: predicted class, deeper where more certain. Line: where it changes."
        entitle(figure, ink, title, f"{marks} {note}".strip())
        axes = figure.subplots()
        _draw_plane(axes, boundary, classes, ink)
        _draw_points(axes, boundary, classes, ink)
        left, right, bottom, top = boundary.extent
        axes.set(xlim=(left, right), ylim=(bottom, top))
        axes.set(xlabel="First feature", ylabel="Second feature")
        axes.grid(visible=False)
        if boundary.points:
            figure.legend(loc="outside right center")
        return render(figure, kind)


def _draw_plane(axes: "Axes", boundary: Boundary, classes: int, ink: Ink) -> None:
    from matplotlib.colors import to_rgb  # noqa: PLC0415 - see house_style

    size = boundary.size
    predicted = np.asarray(boundary.predicted).reshape(size, size)
    confidence = np.asarray(boundary.confidence, dtype=float).reshape(size, size)
    paper = np.array(to_rgb(ink.paper))
    colours = np.array([to_rgb(_colour(each, ink)) for each in range(classes)])
    depth = _PALEST + _DEEPENING * certainty(confidence, classes)[..., None]
    left, right, bottom, top = boundary.extent
    # Grid points are the middles of pixels.
    across, up = (right - left) / (2 * (size - 1)), (top - bottom) / (2 * (size - 1))
    axes.imshow(
        (paper + (colours[predicted] - paper) * depth).clip(0, 1),
        extent=(left - across, right + across, bottom - up, top + up),
        origin="lower",
        interpolation="nearest",
        aspect="auto",
    )
    columns, rows = np.linspace(left, right, size), np.linspace(bottom, top, size)
    for field in _fields(predicted, confidence, classes):
        if field.min() < 0.5 < field.max():
            axes.contour(columns, rows, field, [0.5], colors=[ink.text], linewidths=1.2)


def _fields(predicted: Grid, confidence: Grid, classes: int) -> list[Grid]:
    """Give what passes 0.5 where the prediction changes: of two classes, a probability."""
    if classes <= 2:
        return [np.where(predicted == 1, confidence, 1 - confidence)]
    return [(predicted == which).astype(float) for which in range(classes)]


def certainty(confidence: Grid, classes: int) -> Grid:
    """Map the probability of the most probable class to 0 (no idea) .. 1 (certain)."""
    chance = 1 / max(2, classes)
    return ((confidence - chance) / (1 - chance)).clip(0, 1)


def _draw_points(axes: "Axes", boundary: Boundary, classes: int, ink: Ink) -> None:
    for which in range(classes):
        held = [
            point
            for point, label in zip(boundary.points, boundary.labels, strict=True)
            if label == which
        ]
        if held:
            axes.plot(
                *zip(*held, strict=True),
                linestyle="none",
                marker=_MARKERS[which % len(_MARKERS)],
                color=_colour(which, ink),
                markeredgecolor=ink.paper,
                markeredgewidth=0.6,
                markersize=6,
                label=f"class {which}",
            )


def _colour(which: int, ink: Ink) -> str:
    colours = (*ink.palette, _YELLOW, ink.muted)
    return colours[which % len(colours)]
