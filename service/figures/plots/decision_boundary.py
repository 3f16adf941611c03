"""Decision boundary: the class a network predicts at each point, for data with two features."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from service.figures.plots.film import FilmTitles, film
from service.figures.plots.style import (
    MARKERS,
    Format,
    Ink,
    Theme,
    add_title,
    house_style,
    new_figure,
    render,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Grid = NDArray[Any]

#: Two more markers and the last of Okabe & Ito's colours, so that ten classes look different.
_MARKERS = (*MARKERS, "<", "p")
_YELLOW = "#F0E442"

_MARKS = "Colour: predicted class, deeper where more certain. Line: where it changes."

#: Opacity of a class's colour at certainty 0, and how much certainty 1 adds.
_PALEST, _DEEPENING = 0.12, 0.5


@dataclass(frozen=True)
class Boundary:
    """A network's predictions on a grid, and samples of the data.

    Attributes:
        extent: coordinates of the first and last columns (left, right) and of the first and last
            rows (bottom, top) of the grid.
        size: number of grid points along each feature.
        predicted: the most probable class at each grid point, row by row from the bottom.
        confidence: the probability of that class.
        points: samples, with two features each.
        labels: classes of the samples.
    """

    extent: tuple[float, float, float, float]
    size: int
    predicted: Sequence[int]
    confidence: Sequence[float]
    points: Sequence[Sequence[float]]
    labels: Sequence[int]


def draw_decision_boundary(
    boundary: Boundary,
    *,
    title: str,
    note: str = "",
    kind: Format = "png",
    theme: Theme = "light",
) -> bytes:
    """Return a picture of the plane in the colours of the predicted classes, as PNG or SVG.

    Colours are deeper where the network is more certain. Lines show where the prediction changes.
    Each class's samples have their own marker.
    """
    with house_style(theme, kind) as ink:
        figure = new_figure(7.2, 5.6)
        add_title(figure, ink, title, f"{_MARKS} {note}".strip())
        _draw(figure.subplots(), boundary, _classes(boundary), ink)
        if boundary.points:
            figure.legend(loc="outside right center")
        return render(figure, kind)


def film_decision_boundary(
    boundaries: Sequence[tuple[str, Boundary]],
    *,
    title: str,
    note: str = "",
    theme: Theme = "light",
) -> bytes:
    """Return a film of the figure of ``draw_decision_boundary``, as a GIF.

    Args:
        boundaries: pairs of what a frame is called, as ``epoch 3``, and the boundary; all of the
            same data.
        title: text above the picture, and above the frame's name.
        note: text below the picture, after the explanation of its marks.
        theme: light or dark background.
    """
    classes = max(_classes(boundary) for _, boundary in boundaries)
    with house_style(theme, "gif") as ink:
        figure = new_figure(7.2, 5.6)
        axes = figure.subplots()

        def draw(number: int) -> None:
            axes.clear()
            _, boundary = boundaries[number]
            _draw(axes, boundary, classes, ink)
            if number == 0 and boundary.points:
                figure.legend(loc="outside right center")

        titles = FilmTitles(title, [label for label, _ in boundaries], f"{_MARKS} {note}".strip())
        return film(figure, ink, titles, draw)


def _classes(boundary: Boundary) -> int:
    return max([*boundary.predicted, *boundary.labels]) + 1


def _draw(axes: "Axes", boundary: Boundary, classes: int, ink: Ink) -> None:
    _draw_plane(axes, boundary, classes, ink)
    _draw_points(axes, boundary, classes, ink)
    left, right, bottom, top = boundary.extent
    axes.set(xlim=(left, right), ylim=(bottom, top))
    axes.set(xlabel="First feature", ylabel="Second feature")
    axes.grid(visible=False)


def _draw_plane(axes: "Axes", boundary: Boundary, classes: int, ink: Ink) -> None:
    from matplotlib.colors import to_rgb  # noqa: PLC0415 - see house_style

    size = boundary.size
    predicted = np.asarray(boundary.predicted).reshape(size, size)
    confidence = np.asarray(boundary.confidence, dtype=float).reshape(size, size)
    paper = np.array(to_rgb(ink.paper))
    colours = np.array([to_rgb(_colour(label, ink)) for label in range(classes)])
    depth = _PALEST + _DEEPENING * certainty(confidence, classes)[..., None]
    left, right, bottom, top = boundary.extent
    # Half a grid step: grid points are the centres of pixels.
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
    """Return fields that cross 0.5 where the prediction changes; with two classes a probability."""
    if classes <= 2:
        return [np.where(predicted == 1, confidence, 1 - confidence)]
    return [(predicted == label).astype(float) for label in range(classes)]


def certainty(confidence: Grid, classes: int) -> Grid:
    """Return the probability of the most probable class, scaled to 0 (chance) .. 1 (certain)."""
    chance = 1 / max(2, classes)
    return ((confidence - chance) / (1 - chance)).clip(0, 1)


def _draw_points(axes: "Axes", boundary: Boundary, classes: int, ink: Ink) -> None:
    labelled = list(zip(boundary.points, boundary.labels, strict=True))
    for label in range(classes):
        points = [point for point, of_class in labelled if of_class == label]
        if points:
            axes.plot(
                *zip(*points, strict=True),
                linestyle="none",
                marker=_MARKERS[label % len(_MARKERS)],
                color=_colour(label, ink),
                markeredgecolor=ink.paper,
                markeredgewidth=0.6,
                markersize=6,
                label=f"class {label}",
            )


def _colour(label: int, ink: Ink) -> str:
    colours = (*ink.palette, _YELLOW, ink.muted)
    return colours[label % len(colours)]
