"""Tuning: each configuration's result over the number that is tuned, and its good range."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.catalog.metrics import METRICS
from service.figures.plots.metrics import Bounds, DrawnValues, failures, scale_axis
from service.figures.plots.style import (
    DASHES,
    MARKERS,
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
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Most curves that can be told apart.
MOST_CURVES = 12
_POINTS = "A point is the mean over seeds."
_GOOD = "The thick part of a curve is its good range: within the margin of its best."


@dataclass(frozen=True)
class TunedConfiguration:
    """One configuration's curve.

    Attributes:
        label: its name.
        levels: the levels of the tuned number, ascending.
        means: the mean of the metric at each.
        good: the first and the last level of the good range; None where nothing trained.
    """

    label: str
    levels: Sequence[float]
    means: Sequence[float]
    good: tuple[float, float] | None


def draw_tuning(
    curves: Sequence[TunedConfiguration],
    *,
    metric: str,
    tuned: str,
    title: str,
    note: str = "",
    guess: float | None = None,
    x: AxisScale | None = None,
    y: AxisScale | None = None,
    kind: Format = "png",
    theme: Theme = "light",
) -> bytes:
    """Return a picture of results over a tuned number, as PNG or SVG; the best curves first.

    Args:
        curves: the configurations' curves.
        metric: name of the metric.
        tuned: the tuned number, as ``optimizer.learning_rate``.
        title: text above the picture.
        note: text below the picture.
        guess: what guessing gets. Losses and errors ten times as high as it and as all curves at
            their best are drawn at the edge, as arrows.
        x: the scale of the tuned number; None for a logarithmic one. Linear where one is not
            positive.
        y: the scale of the metric; None for the one that separates the values best.
        kind: format of the picture.
        theme: light or dark background.
    """
    shown = list(curves[:MOST_CURVES])
    means = [mean for curve in shown for mean in curve.means]
    bounds = Bounds.of(metric, _bests(shown, metric), guess)
    with house_style(theme, kind) as ink:
        figure = new_figure(9.0, 5.2)
        hidden = len(curves) - len(shown)
        more = f"{hidden:,} lower groups are not shown." if hidden else ""
        said = (note, _POINTS, failures(metric), bounds.note(metric, means), _GOOD, more)
        add_title(figure, ink, title, " ".join(filter(None, said)))
        axes = figure.subplots()
        for index, curve in enumerate(shown):
            _draw_curve(axes, curve, index, bounds, ink)
        if x != "linear" and all(level > 0 for curve in shown for level in curve.levels):
            log_scale(axes, "x")
        values = DrawnValues.of(metric, map(bounds.edge, means), ())
        axes.set_ylabel(METRICS[metric].title + scale_axis(axes, metric, values, wanted=y))
        axes.set_xlabel(printable(tuned.rpartition(".")[2].replace("_", " ").capitalize()))
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
        return render(figure, kind)


def _bests(curves: Sequence[TunedConfiguration], metric: str) -> list[float]:
    """Return the best value of each curve that has a good range."""
    best = max if METRICS[metric].higher_is_better else min
    return [best(curve.means) for curve in curves if curve.good is not None]


def _draw_curve(
    axes: "Axes", curve: TunedConfiguration, index: int, bounds: Bounds, ink: Ink
) -> None:
    colour = ink.palette[index % len(ink.palette)]
    means = [bounds.edge(mean) for mean in curve.means]
    points = list(zip(curve.levels, curve.means, strict=True))
    axes.plot(
        curve.levels,
        means,
        color=colour,
        linestyle=DASHES[index % len(DASHES)],
        marker=MARKERS[index % len(MARKERS)],
        markevery=[at for at, (_, mean) in enumerate(points) if bounds.has(mean)],
        markersize=5,
        linewidth=1.2,
        label=printable(curve.label),
    )
    for marker, beyond in (("^", bounds.high), ("v", bounds.low)):
        there = [
            level for level, mean in points if not bounds.has(mean) and bounds.edge(mean) == beyond
        ]
        axes.plot(
            there,
            [beyond] * len(there),
            color=colour,
            marker=marker,
            markersize=8,
            linestyle="none",
        )
    if curve.good is not None:
        low, high = curve.good
        good = [(level, bounds.edge(mean)) for level, mean in points if low <= level <= high]
        axes.plot(*zip(*good, strict=True), color=colour, linewidth=3.6, alpha=0.45)
