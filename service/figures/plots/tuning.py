"""Tuning: each configuration's result over the number that is tuned, and its good range."""

from collections.abc import Sequence
from dataclasses import dataclass

from service.catalog.metrics import METRICS
from service.figures.plots.metrics import DrawnValues, scale_axis
from service.figures.plots.style import (
    DASHES,
    MARKERS,
    AxisScale,
    Format,
    Theme,
    add_title,
    house_style,
    new_figure,
    printable,
    render,
)

#: Most curves that can be told apart.
MOST_CURVES = 12
_NOTE = (
    "A point is the mean over seeds; a run that diverged counts as guessing. The thick part of a "
    "curve is its good range: within the margin of its best."
)


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
        x: the scale of the tuned number; None for a logarithmic one. Linear where one is not
            positive.
        y: the scale of the metric; None for the one that separates the values best.
        kind: format of the picture.
        theme: light or dark background.
    """
    shown = list(curves[:MOST_CURVES])
    with house_style(theme, kind) as ink:
        figure = new_figure(9.0, 5.2)
        hidden = len(curves) - len(shown)
        more = f"{hidden:,} lower groups are not shown." if hidden else ""
        add_title(figure, ink, title, " ".join(filter(None, (note, _NOTE, more))))
        axes = figure.subplots()
        for index, curve in enumerate(shown):
            colour = ink.palette[index % len(ink.palette)]
            axes.plot(
                curve.levels,
                curve.means,
                color=colour,
                linestyle=DASHES[index % len(DASHES)],
                marker=MARKERS[index % len(MARKERS)],
                markersize=5,
                linewidth=1.2,
                label=printable(curve.label),
            )
            if curve.good is not None:
                low, high = curve.good
                good = [
                    point
                    for point in zip(curve.levels, curve.means, strict=True)
                    if low <= point[0] <= high
                ]
                axes.plot(*zip(*good, strict=True), color=colour, linewidth=3.6, alpha=0.45)
        if x != "linear" and all(level > 0 for curve in shown for level in curve.levels):
            axes.set_xscale("log")
        means = [mean for curve in shown for mean in curve.means]
        values = DrawnValues.of(metric, means, ())
        axes.set_ylabel(METRICS[metric].title + scale_axis(axes, metric, values, wanted=y))
        axes.set_xlabel(printable(tuned.rpartition(".")[2].replace("_", " ").capitalize()))
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
        return render(figure, kind)
