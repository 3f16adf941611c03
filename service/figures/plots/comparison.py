"""Comparison: each configuration's mean with its 95% interval, best first, ties told."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.figures.plots.metrics import Values, metric_name, show_metric, show_value, within_range
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

#: Rows that stay readable.
MOST_GROUPS = 40


@dataclass(frozen=True)
class RankedConfiguration:
    """One configuration in the ranking.

    Attributes:
        label: names it.
        n: runs behind the mean.
        mean: of the metric; None where every run diverged.
        interval: 95% interval of the mean; None where one run gives none.
        tied_with_best: the data do not tell it from the best.
        diverged: runs that diverged, and are in no mean.
    """

    label: str
    n: int
    mean: float | None
    interval: tuple[float, float] | None
    tied_with_best: bool
    diverged: int = 0


def comparison(
    groups: Sequence[RankedConfiguration],
    *,
    metric: str,
    axes: Sequence[str],
    title: str,
    note: str = "",
    kind: Format = "png",
    theme: Theme = "light",
) -> bytes:
    """Draw a dot and an interval for each group, from top to bottom in the order given.

    The best and what is tied with it are filled dots, the others hollow; runs behind each mean,
    and those that diverged, are written beside.

    Returns:
        The picture as PNG or SVG.
    """
    shown = list(groups[:MOST_GROUPS])
    with house_style(theme) as ink:
        figure = new_figure(9.0, 1.6 + 0.36 * max(3, len(shown)))
        marks = "Filled: the best, and what the data do not tell from it. Line: 95% interval."
        left = len(groups) - len(shown)
        more = f"{left:,} lower groups are not shown." if left else ""
        entitle(figure, ink, title, " ".join(filter(None, (marks, more, note))))
        drawn = figure.subplots()
        for place, group in enumerate(shown):
            _draw_group(drawn, place, group, metric, ink)
        _finish(drawn, shown, metric)
        drawn.set_ylabel(plain(", ".join(axes).replace("_", " ").capitalize()))
        return render(figure, kind)


def _draw_group(
    axes: "Axes", place: int, group: RankedConfiguration, metric: str, ink: Ink
) -> None:
    colour = ink.palette[0] if group.tied_with_best else ink.palette[6]
    if group.mean is not None and math.isfinite(group.mean):
        if group.interval is not None:
            ends = within_range(metric, group.interval)
            axes.plot(ends, [place, place], color=colour, linewidth=2.2, zorder=2)
        axes.plot(
            [group.mean],
            [place],
            marker="o" if group.tied_with_best else "D",
            markersize=7 if group.tied_with_best else 6,
            color=colour,
            markerfacecolor=colour if group.tied_with_best else ink.paper,
            markeredgewidth=1.6,
            linestyle="none",
            zorder=3,
        )
    axes.annotate(
        _aside(group, metric),
        (1.02, place),
        xycoords=axes.get_yaxis_transform(),
        va="center",
        fontsize=9,
        color=ink.text,
        annotation_clip=False,
    )


def _aside(group: RankedConfiguration, metric: str) -> str:
    said = [] if group.mean is None else [show_value(metric, group.mean)]
    said.append(f"n = {group.n}")
    if group.diverged:
        said.append(f"{group.diverged} diverged")
    return "   ".join(said)


def _finish(axes: "Axes", groups: Sequence[RankedConfiguration], metric: str) -> None:
    axes.set_yticks(range(len(groups)), [plain(each.label) for each in groups])
    axes.set_ylim(len(groups) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    values = Values.of(
        metric,
        (each.mean for each in groups if each.mean is not None),
        (edge for each in groups for edge in each.interval or ()),
    )
    axes.set_xlabel(metric_name(metric) + show_metric(axes, metric, values, "x"))
