"""The four-panel figure: z-values, weights, activations and gradients, layer by layer."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from service.figures.plots.style import (
    Format,
    Ink,
    Theme,
    entitle,
    house_style,
    new_figure,
    plain,
    render,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Half the widest part of a violin, in layers.
_HALF_WIDTH = 0.42
#: Bins are joined until so many values fall in one on average, or so few bins are left.
_VALUES_A_BIN, _FEWEST_BINS = 30, 8
#: Gradients whose layers differ more than this are drawn on a scale of magnitudes.
_FAR_APART = 30
#: Powers of ten that such a scale spans at most.
_MOST_DECADES = 6
#: Labels stay apart up to so many layers; of more, some are left out.
_MOST_LABELS = 12


@dataclass(frozen=True)
class PlottedDistribution:
    """Values of one kind in one layer: moments, extremes, and a histogram of them.

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
    """One layer's distributions; None where it has no such values."""

    name: str
    z: PlottedDistribution | None
    weight: PlottedDistribution | None
    activation: PlottedDistribution | None
    gradient: PlottedDistribution | None


#: The panels: what a layer calls it, what readers do.
PANELS = (
    ("z", "z-values"),
    ("weight", "Weights"),
    ("activation", "Activations"),
    ("gradient", "Gradients of the weights"),
)


def layers(
    shown: Sequence[PlottedLayer],
    *,
    title: str,
    note: str = "",
    kind: Format = "png",
    theme: Theme = "light",
) -> bytes:
    """Draw violins of z-values, weights, activations and weights' gradients by layer.

    A violin is as wide as values are dense, scaled to its own widest part; the dot is the mean,
    the thick line reaches one standard deviation to either side. Values that are all equal are
    a line across. The standard deviation is written below each layer.

    Returns:
        The picture as PNG or SVG.
    """
    with house_style(theme) as ink:
        figure = new_figure(max(9.0, min(2.2 + 1.5 * len(shown), 18.0)), 7.4)
        marks = (
            "Width: density, each violin to its own widest part. Dot: mean; thick line: one "
            "standard deviation to either side, written below each layer."
        )
        entitle(figure, ink, title, f"{marks} {note}".strip())
        for index, (axes, (field, name)) in enumerate(
            zip(figure.subplots(2, 2).flat, PANELS, strict=True)
        ):
            held = [(each.name, getattr(each, field)) for each in shown]
            _draw_panel(axes, held, ink.palette[index], ink)
            scale = _magnitudes(axes, held) if field == "gradient" else ""
            axes.set_title(name + scale)
        return render(figure, kind)


def _draw_panel(
    axes: "Axes", held: Sequence[tuple[str, PlottedDistribution | None]], colour: str, ink: Ink
) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator  # noqa: PLC0415 - see house_style

    for place, (_, distribution) in enumerate(held):
        if distribution is not None:
            _draw_violin(axes, place, distribution, colour, ink)
    every = math.ceil(len(held) / _MOST_LABELS)
    axes.set_xticks(
        range(0, len(held), every),
        [_label(name, distribution) for name, distribution in held[::every]],
        fontsize=8.5,
    )
    axes.set_xlim(-0.6, len(held) - 0.4)
    axes.yaxis.set_major_locator(MaxNLocator(6))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.grid(visible=False, axis="x")


def _magnitudes(axes: "Axes", held: Sequence[tuple[str, PlottedDistribution | None]]) -> str:
    """Scale an axis by magnitude where layers are far apart; give what is to be said of that.

    Around zero, up to about the smallest standard deviation, the scale is straight.
    """
    from matplotlib.ticker import FixedLocator  # noqa: PLC0415 - see house_style

    spreads = [each.std for _, each in held if each is not None and 0 < each.std < math.inf]
    if not spreads or max(spreads) < _FAR_APART * min(spreads):
        return ""
    highest = math.floor(math.log10(max(map(abs, axes.get_ylim()))))
    lowest = max(math.ceil(math.log10(min(spreads))), highest - _MOST_DECADES)
    powers = [10.0**each for each in range(highest, lowest - 1, -math.ceil((highest - lowest) / 3))]
    written = axes.yaxis.get_major_formatter()
    axes.set_yscale("symlog", linthresh=10.0**lowest)
    axes.yaxis.set_major_locator(FixedLocator([*(-each for each in powers), 0, *powers[::-1]]))
    axes.yaxis.set_major_formatter(written)
    return " (symmetric log scale)"


def _label(name: str, distribution: PlottedDistribution | None) -> str:
    if distribution is None:
        return f"{plain(name)}\nnone"
    if not distribution.counts:
        return f"{plain(name)}\nnot finite"
    return f"{plain(name)}\n{distribution.std:.2g}"


def _draw_violin(
    axes: "Axes", place: int, distribution: PlottedDistribution, colour: str, ink: Ink
) -> None:
    low, high = distribution.min, distribution.max
    if not distribution.counts:
        return
    if low < high:
        heights, widths = outline(distribution)
        left = [place - each for each in widths]
        right = [place + each for each in widths]
        axes.fill_betweenx(
            heights, left, right, facecolor=colour, alpha=0.45, edgecolor=colour, linewidth=0.8
        )
    else:
        axes.plot([place - _HALF_WIDTH, place + _HALF_WIDTH], [low, low], color=colour)
    mean, std = distribution.mean, distribution.std
    if math.isfinite(mean) and math.isfinite(std):
        axes.plot([place, place], [mean - std, mean + std], color=ink.text, linewidth=2.6)
        axes.plot([place], [mean], "o", color=ink.paper, markersize=3.4, markeredgecolor=ink.text)


def outline(distribution: PlottedDistribution) -> tuple[list[float], list[float]]:
    """Give a violin's half width at heights from the smallest value to the largest.

    Half widths are in layers: the density of each bin at its middle, in proportion to the
    densest bin, and the first and last bins' densities on to the extremes.
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
    """Join neighbouring bins until few values no longer make ragged violins."""
    while len(counts) % 2 == 0 and len(counts) > _FEWEST_BINS:
        if sum(counts) >= _VALUES_A_BIN * len(counts):
            break
        edges = edges[::2]
        counts = [sum(pair) for pair in zip(counts[::2], counts[1::2], strict=True)]
    return edges, counts
