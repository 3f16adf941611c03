"""Learning curves: metrics by epoch, with mean and band over each configuration's seeds."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

from service.catalog.metrics import METRICS
from service.figures.plots.arrangement import Panel, arrange
from service.figures.plots.metrics import Bounds, DrawnValues, scale_axis, within_range
from service.figures.plots.style import (
    AxisScale,
    Format,
    Ink,
    Theme,
    add_title,
    epoch_axis,
    house_style,
    new_figure,
    printable,
    render,
    series_style,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Most markers on one line; more would hide its dashes.
_MOST_MARKERS = 12
#: Most configurations with diverged runs that the note names.
_MOST_NAMED = 4


@dataclass(frozen=True)
class Trace:
    """A metric by epoch: the mean over seeds, and the mean minus and plus a standard deviation.

    It is the sample standard deviation; where only one seed has a value, the band has no width.
    """

    epochs: Sequence[int]
    mean: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]

    @classmethod
    def of(cls, epochs: Sequence[int], by_epoch: Sequence[tuple[float, float]]) -> "Trace":
        """Return a trace of pairs of mean and standard deviation, one per epoch."""
        return cls(
            epochs=epochs,
            mean=[mean for mean, _ in by_epoch],
            low=[mean - deviation for mean, deviation in by_epoch],
            high=[mean + deviation for mean, deviation in by_epoch],
        )

    @classmethod
    def over(cls, runs: Sequence[Sequence[float]]) -> "Trace":
        """Return the trace over runs, each given by its values from epoch 1 on.

        Values that are not finite are left out.
        """
        longest = max((len(run) for run in runs), default=0)
        by_epoch = [
            [run[index] for run in runs if index < len(run) and math.isfinite(run[index])]
            for index in range(longest)
        ]
        return cls.of(range(1, longest + 1), [_mean_and_deviation(values) for values in by_epoch])


def _mean_and_deviation(values: Sequence[float]) -> tuple[float, float]:
    mean = fmean(values) if values else math.nan
    return mean, stdev(values) if len(values) > 1 else 0.0


@dataclass(frozen=True)
class Curve:
    """One configuration's learning curves.

    Attributes:
        by: its label on each axis that distinguishes it.
        traces: its traces by metric, over the runs that did not diverge; over all where each did.
        runs: number of its runs.
        seeds: number of their seeds; None for one run of each.
        diverged: how many of them diverged.
    """

    by: Mapping[str, str]
    traces: Mapping[str, Trace]
    runs: int = 1
    seeds: int | None = None
    diverged: int = 0

    @property
    def trained(self) -> bool:
        """Whether some run did not diverge."""
        return self.diverged < self.runs

    @property
    def label(self) -> str:
        """The configuration's labels: ``relu, he_normal``."""
        return ", ".join(self.by.values())


def draw_learning_curves(
    curves: Sequence[Curve],
    *,
    title: str,
    metrics: Sequence[str] = ("val_accuracy", "val_loss"),
    names: Mapping[str, str] | None = None,
    note: str = "",
    y: AxisScale | None = None,
    kind: Format = "png",
    theme: Theme = "light",
) -> bytes:
    """Return a picture of metrics by epoch, one panel per metric, as PNG or SVG.

    A line is the mean over seeds, its band one standard deviation to either side. Up to 8
    configurations share a panel, the first ones on top. More are split into panels by their label
    on one axis, where that leaves few enough per panel; otherwise the first 8 are named and the
    others are grey.

    Args:
        curves: the configurations, best first.
        title: text above the picture.
        metrics: names of metrics.
        names: titles of metrics, where they differ from the registry's.
        note: text below the picture, after the explanation of lines and bands.
        y: the scale of the metrics; None for the one that separates the values best.
        kind: format of the picture.
        theme: light or dark background.
    """
    panels = arrange(curves)
    with house_style(theme, kind) as ink:
        if len(panels) > 1:
            figure = new_figure(2.6 + 2.9 * len(panels), 0.9 + 3.0 * len(metrics))
            grid = figure.subplots(
                len(metrics), len(panels), sharex=True, sharey="row", squeeze=False
            )
        else:
            figure = new_figure(2.6 + 4.7 * len(metrics), 4.4)
            grid = figure.subplots(1, len(metrics), squeeze=False).T
        said = (_explanation(curves), _beyond(curves, metrics), note)
        add_title(figure, ink, title, " ".join(filter(None, said)))
        for metric, row in zip(metrics, grid, strict=True):
            name = (names or {}).get(metric) or METRICS[metric].title
            values = _values(curves, metric)
            for panel, axes in zip(panels, row, strict=True):
                _draw_panel(axes, panel, metric, ink)
                scale = scale_axis(axes, metric, values, wanted=y)
                if len(panels) == 1:
                    axes.set_title(name + scale)
                else:
                    axes.set_ylabel(name + scale)
                    axes.label_outer()
        if len(panels) > 1:
            for panel, axes in zip(panels, grid[0], strict=True):
                axes.set_title(printable(panel.title))
        _add_legend(figure, panels, ink)
        return render(figure, kind)


def _values(curves: Sequence[Curve], metric: str) -> DrawnValues:
    traces = [curve.traces[metric] for curve in curves if metric in curve.traces]
    bounds = _bounds(curves, metric)
    return DrawnValues.of(
        metric,
        (bounds.edge(value) for trace in traces for value in trace.mean),
        (
            bounds.edge(value)
            for trace in traces
            for edge in (trace.low, trace.high)
            for value in edge
        ),
    )


def _bounds(curves: Sequence[Curve], metric: str) -> Bounds:
    """Return the bounds of a metric: one that diverged does not flatten those that trained."""
    traces = [curve.traces[metric] for curve in curves if metric in curve.traces and curve.trained]
    ends = (value for trace in traces if trace.mean for value in (trace.mean[0], trace.mean[-1]))
    return Bounds.of(metric, ends, guess=None)


def _beyond(curves: Sequence[Curve], metrics: Sequence[str]) -> str:
    """Return that lines leave the picture, a sentence; empty where none does."""
    for metric in metrics:
        bounds = _bounds(curves, metric)
        means = [
            value
            for curve in curves
            if metric in curve.traces
            for value in curve.traces[metric].mean
        ]
        if any(not bounds.has(value) for value in means if math.isfinite(value)):
            return "A line that leaves the picture goes on beyond it."
    return ""


def _draw_panel(axes: "Axes", panel: Panel[Curve], metric: str, ink: Ink) -> None:
    epochs: set[int] = set()
    for curve, index in panel.lines:
        trace = curve.traces.get(metric)
        if trace is None:
            continue
        epochs.update(trace.epochs)
        mean = [value if math.isfinite(value) else math.nan for value in trace.mean]
        style = _line_style(index, len(mean), ink)
        axes.plot(trace.epochs, mean, **style)
        if index is not None and list(trace.low) != list(trace.high):
            axes.fill_between(
                trace.epochs,
                within_range(metric, trace.low),
                within_range(metric, trace.high),
                color=style["color"],
                alpha=0.16,
                linewidth=0,
                zorder=style["zorder"] - 1,
            )
    epoch_axis(axes, epochs)


def _line_style(index: int | None, points: int, ink: Ink) -> dict[str, Any]:
    if index is None:
        return {"color": ink.faint, "linewidth": 1.0, "zorder": 1}
    every = max(1, points // _MOST_MARKERS)
    # The first configuration is on top.
    return {**series_style(index, ink), "markevery": every, "zorder": 3 - 0.01 * index}


def _add_legend(figure: "Figure", panels: Sequence[Panel[Curve]], ink: Ink) -> None:
    from matplotlib.lines import Line2D  # noqa: PLC0415 - see house_style

    named = {
        index: panel.label(curve)
        for panel in panels
        for curve, index in panel.lines
        if index is not None
    }
    others = sum(index is None for panel in panels for _, index in panel.lines)
    handles = [
        Line2D([], [], label=printable(label), **_line_style(index, 1, ink))
        for index, label in sorted(named.items())
    ]
    if others:
        label = "1 other" if others == 1 else f"{others} others"
        handles.append(Line2D([], [], label=label, **_line_style(None, 1, ink)))
    if handles:
        figure.legend(
            handles=handles,
            title=printable(_legend_title(panels)),
            alignment="left",
            loc="outside right center",
            handlelength=3.2,
        )


def _legend_title(panels: Sequence[Panel[Curve]]) -> str:
    """Return the names of the axes that the legend's labels belong to."""
    axes = [axis for curve, _ in panels[0].lines[:1] for axis in curve.by if axis != panels[0].axis]
    return ", ".join(axes).replace("_", " ")


def _explanation(curves: Sequence[Curve]) -> str:
    """Explain lines and bands, and name the configurations with runs that diverged."""
    sentences = []
    if any(curve.runs > 1 for curve in curves):
        over = _averaged(curves)
        sentences.append(f"Line: mean over {over}; band: one standard deviation to either side.")
    diverged = [
        f"{curve.label} ({curve.diverged} of {curve.runs})" for curve in curves if curve.diverged
    ]
    if diverged:
        more = len(diverged) - _MOST_NAMED
        rest = f" and {more} more" if more > 0 else ""
        sentences.append(
            f"Diverged: {', '.join(diverged[:_MOST_NAMED])}{rest}; "
            "a mean is over the others where there are any."
        )
    return " ".join(sentences)


def _averaged(curves: Sequence[Curve]) -> str:
    """Return what a line is the mean of: ``3 seeds``, or ``12 runs (3 seeds)``."""
    runs = {curve.runs for curve in curves}
    seeds = {curve.seeds or curve.runs for curve in curves}
    told = f"{min(seeds)} {'seed' if seeds == {1} else 'seeds'}" if len(seeds) == 1 else "seeds"
    if all(curve.seeds in {None, curve.runs} for curve in curves):
        return told
    return f"{min(runs)} runs ({told})" if len(runs) == len(seeds) == 1 else "runs"
