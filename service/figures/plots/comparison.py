"""Comparison: each configuration's mean with its 95% interval, best first, with ties marked."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.catalog.metrics import METRICS
from service.figures.plots.metrics import DrawnValues, format_value, scale_axis, within_range
from service.figures.plots.style import (
    Format,
    Ink,
    Theme,
    add_title,
    house_style,
    new_figure,
    printable,
    render,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Most rows that stay readable.
MOST_GROUPS = 40


@dataclass(frozen=True)
class RankedConfiguration:
    """One configuration in the ranking.

    Attributes:
        label: its name.
        n: number of runs in the mean.
        mean: mean of the metric; None where every run diverged.
        interval: 95% interval of the mean; None for a single run.
        tied_with_best: whether it does not differ significantly from the best.
        diverged: number of runs that diverged; the mean leaves them out.
    """

    label: str
    n: int
    mean: float | None
    interval: tuple[float, float] | None
    tied_with_best: bool
    diverged: int = 0


def draw_comparison(
    groups: Sequence[RankedConfiguration],
    *,
    metric: str,
    axes: Sequence[str],
    title: str,
    note: str = "",
    kind: Format = "png",
    theme: Theme = "light",
) -> bytes:
    """Return a picture of each group's mean and interval, as PNG or SVG.

    Rows have the order of ``groups``, from top to bottom. The best and those tied with it are
    filled dots, the others hollow. Each row states its number of runs and how many diverged.
    """
    shown = list(groups[:MOST_GROUPS])
    with house_style(theme) as ink:
        figure = new_figure(9.0, 1.6 + 0.36 * max(3, len(shown)))
        marks = "Filled: the best, and what the data do not tell from it. Line: 95% interval."
        hidden = len(groups) - len(shown)
        more = f"{hidden:,} lower groups are not shown." if hidden else ""
        add_title(figure, ink, title, " ".join(filter(None, (marks, more, note))))
        plot = figure.subplots()
        for row, group in enumerate(shown):
            _draw_group(plot, row, group, metric, ink)
        _finish(plot, shown, metric)
        plot.set_ylabel(printable(", ".join(axes).replace("_", " ").capitalize()))
        return render(figure, kind)


def _draw_group(axes: "Axes", row: int, group: RankedConfiguration, metric: str, ink: Ink) -> None:
    colour = ink.palette[0] if group.tied_with_best else ink.palette[6]
    if group.mean is not None and math.isfinite(group.mean):
        if group.interval is not None:
            ends = within_range(metric, group.interval)
            axes.plot(ends, [row, row], color=colour, linewidth=2.2, zorder=2)
        axes.plot(
            [group.mean],
            [row],
            marker="o" if group.tied_with_best else "D",
            markersize=7 if group.tied_with_best else 6,
            color=colour,
            markerfacecolor=colour if group.tied_with_best else ink.paper,
            markeredgewidth=1.6,
            linestyle="none",
            zorder=3,
        )
    axes.annotate(
        _summary(group, metric),
        (1.02, row),
        xycoords=axes.get_yaxis_transform(),
        va="center",
        fontsize=9,
        color=ink.text,
        annotation_clip=False,
    )


def _summary(group: RankedConfiguration, metric: str) -> str:
    parts = [] if group.mean is None else [format_value(metric, group.mean)]
    parts.append(f"n = {group.n}")
    if group.diverged:
        parts.append(f"{group.diverged} diverged")
    return "   ".join(parts)


def _finish(axes: "Axes", groups: Sequence[RankedConfiguration], metric: str) -> None:
    axes.set_yticks(range(len(groups)), [printable(group.label) for group in groups])
    axes.set_ylim(len(groups) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    values = DrawnValues.of(
        metric,
        (group.mean for group in groups if group.mean is not None),
        (edge for group in groups for edge in group.interval or ()),
    )
    axes.set_xlabel(METRICS[metric].title + scale_axis(axes, metric, values, "x"))
