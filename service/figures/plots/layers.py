"""The four-panel figure: z-values, weights, activations and gradients, layer by layer."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from service.figures.plots.film import FilmTitles, film
from service.figures.plots.style import (
    AxisScale,
    Format,
    Ink,
    Theme,
    add_title,
    house_style,
    new_figure,
    printable,
    render,
    tick_text,
)
from service.specs.written_values import rounded_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Half the width of a violin at its widest, as a share of the distance between layers.
_HALF_WIDTH = 0.42
#: Bins are joined until they have this many values on average, or until this few bins are left.
_VALUES_PER_BIN, _FEWEST_BINS = 30, 8
#: Ratio of the largest to the smallest deviation from which gradients get a symmetric log scale.
_FAR_APART = 30
#: Most powers of ten that such a scale spans.
_MOST_DECADES = 6
#: Most layers whose labels fit side by side; of more, every k-th is labelled.
_MOST_LABELS = 12


@dataclass(frozen=True)
class PlottedDistribution:
    """Moments, extremes and a histogram of one kind of values in one layer.

    ``edges`` has one value more than ``counts``; both are empty where no value was finite.
    """

    mean: float
    std: float
    min: float
    max: float
    edges: Sequence[float]
    counts: Sequence[float]


@dataclass(frozen=True)
class PlottedLayer:
    """One layer's distributions; None for kinds of values that it does not have."""

    name: str
    z: PlottedDistribution | None
    weight: PlottedDistribution | None
    activation: PlottedDistribution | None
    gradient: PlottedDistribution | None


@dataclass(frozen=True)
class PredictedSpread:
    """Mean and standard deviation of a layer's z-values or activations, as theory has them."""

    mean: float
    std: float


#: A prediction for each panel that has one, by the panel's attribute name, in the layers' order.
Predictions = Mapping[str, Sequence[PredictedSpread | None]]

_MARKS = (
    "Width: density, each violin to its own widest part. Dot: mean; thick line: one standard "
    "deviation to either side, written below each layer."
)

#: A layer's name and its distribution in one panel.
NamedDistribution = tuple[str, PlottedDistribution | None]

#: Panels: attribute name, title.
PANELS = (
    ("z", "z-values"),
    ("weight", "Weights"),
    ("activation", "Activations"),
    ("gradient", "Gradients of the weights"),
)


def draw_layers(
    network: Sequence[PlottedLayer],
    *,
    title: str,
    note: str = "",
    predicted: Predictions | None = None,
    inputs: PlottedDistribution | None = None,
    y: AxisScale | None = None,
    kind: Format = "png",
    theme: Theme = "light",
) -> bytes:
    """Return violins of a network's z-values, weights, activations and gradients, as PNG or SVG.

    A violin's width is the density of values, scaled to its own maximum. The dot is the mean, the
    thick line one standard deviation to either side, which is also written below each layer.
    Values that are all equal are a horizontal line. Brackets beside the violins are the prediction
    for wide layers: mean, and one standard deviation to either side.

    Args:
        network: the layers, from the first on.
        title: text above the picture.
        note: text below the picture, after the explanation of its marks.
        predicted: what theory says of some panels.
        inputs: of the network; drawn before the first layer's activations.
        y: the scale of the gradients; None for a logarithmic one where they are far apart.
        kind: format of the picture.
        theme: light or dark background.
    """
    predicted = predicted or {}
    with house_style(theme, kind) as ink:
        figure = new_figure(_width(network), 7.4)
        marks = _MARKS
        if predicted:
            marks += " Brackets: the same as theory predicts it for wide layers."
        add_title(figure, ink, title, f"{marks} {note}".strip())
        for index, (axes, (field, name)) in enumerate(
            zip(figure.subplots(2, 2).flat, PANELS, strict=True)
        ):
            violins = [(layer.name, getattr(layer, field)) for layer in network]
            theory = list(predicted.get(field, ()))
            if field == "activation" and inputs is not None:
                violins, theory = [("inputs", inputs), *violins], [None, *theory]
            _draw_panel(axes, violins, ink.palette[index], ink)
            _draw_predictions(axes, theory, ink)
            scale = _spread_out(axes, violins, y) if field == "gradient" else ""
            axes.set_title(name + scale)
        return render(figure, kind)


def film_layers(
    networks: Sequence[tuple[str, Sequence[PlottedLayer]]],
    *,
    title: str,
    note: str = "",
    y: AxisScale | None = None,
    theme: Theme = "light",
) -> bytes:
    """Return a film of the figure of ``draw_layers``, as a GIF: one network after another.

    All frames have the same axes.

    Args:
        networks: pairs of what a frame is called, as ``epoch 3``, and the layers.
        title: text above the picture, and above the frame's name.
        note: text below the picture, after the explanation of its marks.
        y: the scale of the gradients; None for a logarithmic one where they are far apart.
        theme: light or dark background.
    """
    with house_style(theme, "gif") as ink:
        figure = new_figure(_width(networks[0][1]), 7.4)
        panels = list(zip(figure.subplots(2, 2).flat, PANELS, strict=True))
        everything = [layer for _, network in networks for layer in network]

        def draw(number: int) -> None:
            _, network = networks[number]
            for index, (axes, (field, name)) in enumerate(panels):
                axes.clear()
                violins = [(layer.name, getattr(layer, field)) for layer in network]
                _draw_panel(axes, violins, ink.palette[index], ink)
                found = [(layer.name, getattr(layer, field)) for layer in everything]
                _span(axes, found)
                scale = _spread_out(axes, found, y) if field == "gradient" else ""
                axes.set_title(name + scale)

        titles = FilmTitles(title, [label for label, _ in networks], f"{_MARKS} {note}".strip())
        return film(figure, ink, titles, draw)


def _width(network: Sequence[PlottedLayer]) -> float:
    return max(9.0, min(2.2 + 1.5 * len(network), 18.0))


def _span(axes: "Axes", violins: Sequence[NamedDistribution]) -> None:
    """Have the axis reach from the smallest value of these violins to the largest."""
    found = [distribution for _, distribution in violins if distribution and distribution.counts]
    if found:
        low, high = min(values.min for values in found), max(values.max for values in found)
        margin = 0.05 * (high - low) or 0.1 * (abs(high) or 1.0)
        axes.set_ylim(low - margin, high + margin)


def _draw_panel(axes: "Axes", violins: Sequence[NamedDistribution], colour: str, ink: Ink) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator  # noqa: PLC0415 - see house_style

    for index, (_, distribution) in enumerate(violins):
        if distribution is not None:
            _draw_violin(axes, index, distribution, colour, ink)
    every = math.ceil(len(violins) / _MOST_LABELS)
    axes.set_xticks(
        range(0, len(violins), every),
        [_label(name, distribution) for name, distribution in violins[::every]],
        fontsize=8.5,
    )
    axes.set_xlim(-0.6, len(violins) - 0.4)
    axes.yaxis.set_major_locator(MaxNLocator(6))
    axes.yaxis.set_major_formatter(FuncFormatter(tick_text))
    axes.grid(visible=False, axis="x")


def _draw_predictions(axes: "Axes", predicted: Sequence[PredictedSpread | None], ink: Ink) -> None:
    """Draw brackets to the right of the violins: from mean - std to mean + std, a tick at mean."""
    for index, found in enumerate(predicted):
        if found is None or not math.isfinite(found.mean) or not math.isfinite(found.std):
            continue
        low, high = found.mean - found.std, found.mean + found.std
        inner, outer = index + 0.26, index + 0.34
        style: dict[str, Any] = {"color": ink.text, "linewidth": 1.4, "zorder": 4}
        axes.plot([inner, outer, outer, inner], [low, low, high, high], **style)
        axes.plot([outer, outer + 0.06], [found.mean, found.mean], **style)


def _spread_out(
    axes: "Axes", violins: Sequence[NamedDistribution], wanted: AxisScale | None
) -> str:
    """Set a symmetric log scale where it is wanted, or the layers' deviations are far apart.

    Around zero, up to about the smallest deviation, the scale is linear.

    Returns:
        A note on the scale, to follow the panel's title; empty where the scale stays linear.
    """
    from matplotlib.ticker import FixedLocator  # noqa: PLC0415 - see house_style

    distributions = [distribution for _, distribution in violins if distribution is not None]
    deviations = [found.std for found in distributions if 0 < found.std < math.inf]
    far_apart = bool(deviations) and max(deviations) >= _FAR_APART * min(deviations)
    if not deviations or not (far_apart if wanted is None else wanted == "log"):
        return ""
    highest = math.floor(math.log10(max(map(abs, axes.get_ylim()))))
    lowest = min(math.ceil(math.log10(min(deviations))), highest)
    lowest = max(lowest, highest - _MOST_DECADES)
    exponents = range(highest, lowest - 1, -max(1, math.ceil((highest - lowest) / 3)))
    powers = [10.0**exponent for exponent in exponents]
    formatter = axes.yaxis.get_major_formatter()
    axes.set_yscale("symlog", linthresh=10.0**lowest)
    axes.yaxis.set_major_locator(FixedLocator([*(-power for power in powers), 0, *powers[::-1]]))
    axes.yaxis.set_major_formatter(formatter)
    return " (symmetric log scale)"


def _label(name: str, distribution: PlottedDistribution | None) -> str:
    if distribution is None:
        return f"{printable(name)}\nnone"
    if not distribution.counts:
        return f"{printable(name)}\nnot finite"
    return f"{printable(name)}\n{rounded_text(distribution.std, 2)}"


def _draw_violin(
    axes: "Axes", index: int, distribution: PlottedDistribution, colour: str, ink: Ink
) -> None:
    low, high = distribution.min, distribution.max
    if not distribution.counts:
        return
    if low < high:
        heights, widths = outline(distribution)
        left = [index - width for width in widths]
        right = [index + width for width in widths]
        axes.fill_betweenx(
            heights, left, right, facecolor=colour, alpha=0.45, edgecolor=colour, linewidth=0.8
        )
    else:
        axes.plot([index - _HALF_WIDTH, index + _HALF_WIDTH], [low, low], color=colour)
    mean, std = distribution.mean, distribution.std
    if math.isfinite(mean) and math.isfinite(std):
        axes.plot([index, index], [mean - std, mean + std], color=ink.text, linewidth=2.6)
        axes.plot([index], [mean], "o", color=ink.paper, markersize=3.4, markeredgecolor=ink.text)


def outline(distribution: PlottedDistribution) -> tuple[list[float], list[float]]:
    """Return a violin's outline: heights from the smallest value to the largest, and half widths.

    A half width is a bin's density at the bin's middle, relative to the densest bin, in units of
    the distance between layers. The first and last widths continue to the extremes.
    """
    edges, counts = _coarsened(distribution.edges, distribution.counts)
    bins = list(pairwise(edges))
    densities = [count / (high - low) for (low, high), count in zip(bins, counts, strict=True)]
    widest = max(densities)
    widths = [_HALF_WIDTH * density / widest for density in densities]
    middles = [low + (high - low) / 2 for low, high in bins]
    return [edges[0], *middles, edges[-1]], [widths[0], *widths, widths[-1]]


def _coarsened(
    edges: Sequence[float], counts: Sequence[float]
) -> tuple[Sequence[float], Sequence[float]]:
    """Return a histogram with neighbouring bins joined, so that few values give smooth violins."""
    while len(counts) % 2 == 0 and len(counts) > _FEWEST_BINS:
        if sum(counts) >= _VALUES_PER_BIN * len(counts):
            break
        edges = edges[::2]
        counts = [sum(pair) for pair in zip(counts[::2], counts[1::2], strict=True)]
    return edges, counts
