"""Learning curves: metrics by epoch for each configuration, mean and band over its seeds."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

from service.figures.plots.arrangement import Panel, arrange
from service.figures.plots.metrics import Values, metric_name, show_metric, within_range
from service.figures.plots.style import (
    Format,
    Ink,
    Theme,
    entitle,
    epoch_axis,
    house_style,
    new_figure,
    plain,
    render,
    series_style,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Markers on one line; more would hide its dashes.
_MOST_MARKERS = 12
#: Configurations with diverged runs that the note names.
_MOST_NAMED = 4


@dataclass(frozen=True)
class Trace:
    """A metric by epoch: mean over seeds, and the mean minus and plus one standard deviation.

    The deviation is the sample's; where one seed alone has a value, the band has no width.
    """

    epochs: Sequence[int]
    mean: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]

    @classmethod
    def of(cls, epochs: Sequence[int], by_epoch: Sequence[tuple[float, float]]) -> "Trace":
        """Make a trace of each epoch's mean and standard deviation."""
        return cls(
            epochs=epochs,
            mean=[mean for mean, _ in by_epoch],
            low=[mean - deviation for mean, deviation in by_epoch],
            high=[mean + deviation for mean, deviation in by_epoch],
        )

    @classmethod
    def over(cls, runs: Sequence[Sequence[float]]) -> "Trace":
        """Make the trace of runs, each its values of epoch 1, 2, ...; non-finite ones are gaps."""
        longest = max((len(run) for run in runs), default=0)
        by_epoch = [
            [run[at] for run in runs if at < len(run) and math.isfinite(run[at])]
            for at in range(longest)
        ]
        return cls.of(range(1, longest + 1), [_mean_and_deviation(each) for each in by_epoch])


def _mean_and_deviation(values: Sequence[float]) -> tuple[float, float]:
    mean = fmean(values) if values else math.nan
    return mean, stdev(values) if len(values) > 1 else 0.0


@dataclass(frozen=True)
class Curve:
    """One configuration: what it is by axis, its traces by metric, and how many runs it has.

    Traces are over the runs that did not diverge, where there are any.
    """

    by: Mapping[str, str]
    traces: Mapping[str, Trace]
    runs: int = 1
    diverged: int = 0

    @property
    def label(self) -> str:
        """Names the configuration: ``relu, he_normal``."""
        return ", ".join(self.by.values())


def learning_curves(
    curves: Sequence[Curve],
    *,
    title: str,
    metrics: Sequence[str] = ("val_accuracy", "val_loss"),
    names: Mapping[str, str] | None = None,
    note: str = "",
    kind: Format = "png",
    theme: Theme = "light",
) -> bytes:
    """Draw metrics by epoch, one panel each.

    A line is the mean over seeds, its band one standard deviation to either side. Up to 8
    configurations share a panel, the first ones foremost; more are spread over the values of
    one axis where that leaves few enough a panel, or else the first 8 are named and the others
    are drawn in grey.

    Args:
        curves: the configurations, best first.
        title: stands above the picture.
        metrics: names as in histories.
        names: what a metric is called, where that is not its usual name.
        note: stands below, after what the marks mean.
        kind: format of the picture.
        theme: for a light or a dark ground.

    Returns:
        The picture as PNG or SVG.
    """
    panels = arrange(curves)
    with house_style(theme) as ink:
        if len(panels) > 1:
            figure = new_figure(2.6 + 2.9 * len(panels), 0.9 + 3.0 * len(metrics))
            grid = figure.subplots(
                len(metrics), len(panels), sharex=True, sharey="row", squeeze=False
            )
        else:
            figure = new_figure(2.6 + 4.7 * len(metrics), 4.4)
            grid = figure.subplots(1, len(metrics), squeeze=False).T
        entitle(figure, ink, title, f"{_marks(curves)} {note}".strip())
        for metric, row in zip(metrics, grid, strict=True):
            name = (names or {}).get(metric) or metric_name(metric)
            values = _values(curves, metric)
            for panel, axes in zip(panels, row, strict=True):
                _draw_panel(axes, panel, metric, ink)
                scale = show_metric(axes, metric, values)
                if len(panels) == 1:
                    axes.set_title(name + scale)
                else:
                    axes.set_ylabel(name + scale)
                    axes.label_outer()
        if len(panels) > 1:
            for panel, axes in zip(panels, grid[0], strict=True):
                axes.set_title(plain(panel.title))
        _add_legend(figure, panels, ink)
        return render(figure, kind)


def _values(curves: Sequence[Curve], metric: str) -> Values:
    traces = [each.traces[metric] for each in curves if metric in each.traces]
    return Values.of(
        metric,
        (value for each in traces for value in each.mean),
        (value for each in traces for edge in (each.low, each.high) for value in edge),
    )


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
    # The first configuration lies on top.
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
        Line2D([], [], label=plain(label), **_line_style(index, 1, ink))
        for index, label in sorted(named.items())
    ]
    if others:
        label = "1 other" if others == 1 else f"{others} others"
        handles.append(Line2D([], [], label=label, **_line_style(None, 1, ink)))
    if handles:
        figure.legend(
            handles=handles,
            title=plain(_legend_title(panels)),
            alignment="left",
            loc="outside right center",
            handlelength=3.2,
        )


def _legend_title(panels: Sequence[Panel[Curve]]) -> str:
    """Name the axes whose values the legend's labels are."""
    axes = [axis for curve, _ in panels[0].lines[:1] for axis in curve.by if axis != panels[0].axis]
    return ", ".join(axes).replace("_", " ")


def _marks(curves: Sequence[Curve]) -> str:
    """Say what lines and bands mean, and which configurations have runs that diverged."""
    said = []
    seeds = {curve.runs for curve in curves}
    if seeds - {1}:
        over = f"{seeds.pop()} seeds" if len(seeds) == 1 else "seeds"
        said.append(f"Line: mean over {over}; band: one standard deviation to either side.")
    diverged = [
        f"{curve.label} ({curve.diverged} of {curve.runs})" for curve in curves if curve.diverged
    ]
    if diverged:
        more = len(diverged) - _MOST_NAMED
        rest = f" and {more} more" if more > 0 else ""
        said.append(
            f"Diverged: {', '.join(diverged[:_MOST_NAMED])}{rest}; "
            "a mean is over the other seeds where there are any."
        )
    return " ".join(said)
