"""Mean and standard deviation by layer, as lines: how signals and gradients change with depth."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.figures.plots.layers import PANELS
from service.figures.plots.style import (
    AxisScale,
    Format,
    Ink,
    Theme,
    add_title,
    house_style,
    log_scale,
    new_figure,
    printable,
    render,
    series_style,
    tick_text,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Most lines of a panel: so many have their own colour and marker.
MOST_LINES = 8
#: Ratio of the largest deviation to the smallest from which they get a logarithmic scale.
_FAR_APART = 30
#: Most layers whose names fit below a panel, and most letters of them all.
_MOST_LABELS, _MOST_LETTERS = 10, 30
#: The axis of the means reaches this share of the largest deviation to either side of zero, so
#: that means which are nothing beside the deviations do not look large.
_LEAST_REACH = 0.1
#: Values beyond this are not drawn.
_LARGEST = 1e100


@dataclass(frozen=True)
class LayerMoments:
    """A network at one moment: for each panel's values the mean and deviation of every layer.

    Attributes:
        label: its name in the legend.
        layers: the layers' names, from the first on.
        moments: pairs of mean and standard deviation in the layers' order, by the panel's attribute
            name; NaN where no value was finite.
    """

    label: str
    layers: Sequence[str]
    moments: Mapping[str, Sequence[tuple[float, float]]]


def draw_layer_moments(
    lines: Sequence[LayerMoments],
    *,
    title: str,
    note: str = "",
    y: AxisScale | None = None,
    kind: Format = "png",
    theme: Theme = "light",
) -> bytes:
    """Return lines of mean (above) and standard deviation (below) by layer, as PNG or SVG.

    Args:
        lines: at most ``MOST_LINES`` networks, or moments of one.
        title: text above the picture.
        note: text below the picture.
        y: the scale of the deviations; None for a logarithmic one where they are far apart.
        kind: format of the picture.
        theme: light or dark background.
    """
    longest = max((line.layers for line in lines), key=len)
    alike = all(list(line.layers) == list(longest[: len(line.layers)]) for line in lines)
    with house_style(theme, kind) as ink:
        figure = new_figure(14.0, 5.8)
        add_title(figure, ink, title, note)
        grid = figure.subplots(2, len(PANELS), sharex=True)
        for column, (field, name) in enumerate(PANELS):
            means, deviations = (
                [[_drawable(pair[row]) for pair in line.moments[field]] for line in lines]
                for row in (0, 1)
            )
            _draw(grid[0, column], means, ink)
            _draw(grid[1, column], deviations, ink)
            grid[0, column].set_title(name)
            _limit_means(grid[0, column], means, deviations)
            grid[1, column].set_title(
                _scale_deviations(grid[1, column], deviations, y), fontweight="normal"
            )
            _name_layers(grid[1, column], longest, named=alike)
        grid[0, 0].set_ylabel("Mean")
        grid[1, 0].set_ylabel("Standard deviation")
        if len(lines) > 1:
            figure.legend(
                grid[0, 0].get_lines(),
                [printable(line.label) for line in lines],
                loc="outside right center",
                handlelength=3.2,
            )
        return render(figure, kind)


def _drawable(value: float) -> float:
    return value if abs(value) < _LARGEST else math.nan


def _draw(axes: "Axes", values: Sequence[Sequence[float]], ink: Ink) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator  # noqa: PLC0415 - see house_style

    for index, line in enumerate(values):
        # The first is on top.
        axes.plot(range(len(line)), line, **series_style(index, ink), zorder=3 - 0.01 * index)
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_formatter(FuncFormatter(tick_text))


def _limit_means(
    axes: "Axes", means: Sequence[Sequence[float]], deviations: Sequence[Sequence[float]]
) -> None:
    finite = [value for line in means for value in line if math.isfinite(value)]
    spread = [value for line in deviations for value in line if math.isfinite(value)]
    reach = _LEAST_REACH * max(spread, default=0.0)
    low, high = min([-reach, *finite]), max([reach, *finite])
    margin = 0.06 * (high - low) or 1.0
    axes.set_ylim(low - margin, high + margin)


def _scale_deviations(
    axes: "Axes", deviations: Sequence[Sequence[float]], wanted: AxisScale | None
) -> str:
    """Set the scale of the deviations, and return a note on it; empty for a linear one."""
    positive = [value for line in deviations for value in line if value > 0]
    highest = max(positive, default=1.0)
    far_apart = bool(positive) and highest >= _FAR_APART * min(positive)
    if positive and (far_apart if wanted is None else wanted == "log"):
        margin = (highest / min(positive)) ** 0.06 if highest > min(positive) else 2.0
        axes.set_ylim(min(positive) / margin, highest * margin)
        log_scale(axes)
        return "log scale"
    axes.set_ylim(0, 1.06 * highest)
    return ""


def _name_layers(axes: "Axes", names: Sequence[str], *, named: bool) -> None:
    """Name the layers below a panel; of many every k-th, and numbers where names do not fit.

    ``named``: whether all networks have the layers of these names; if not, numbers are written.
    """
    every = math.ceil(len(names) / _MOST_LABELS)
    places = range(0, len(names), every)
    written = [printable(names[place]) for place in places]
    if not named or sum(map(len, written)) > _MOST_LETTERS:
        written = [str(place + 1) for place in places]
        axes.set_xlabel("Layer")
    axes.set_xticks(places, written, fontsize=8.5)
    axes.set_xlim(-0.3, len(names) - 0.7)
