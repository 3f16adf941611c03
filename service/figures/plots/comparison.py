"""Comparison: each configuration's seeds and mean, best first, with what is said of it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from service.catalog.metrics import METRICS
from service.comparison.words import Word
from service.figures.plots.metrics import (
    Bounds,
    DrawnValues,
    format_value,
    scale_axis,
    within_range,
)
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
    wrapped,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Most rows that stay readable.
MOST_GROUPS = 40
#: In inches: the least width of the picture and of what is between labels and statements, a row,
#: a further line of its statement, and a letter of a label and of a statement.
_WIDTH, _PLOT_WIDTH, _ROW, _LINE, _LABEL_LETTER, _LETTER = 10.5, 5.5, 0.36, 0.15, 0.085, 0.07
#: Most letters of a line of a statement.
_STATEMENT_LETTERS = 72
#: Said of those that may be the best; the others are drawn in grey.
_FOREMOST = (Word.LEADS, Word.EQUIVALENT, Word.UNDECIDED, Word.REFERENCE, Word.BETTER)
#: Undecided ones are hollow.
_FILLED = (Word.LEADS, Word.EQUIVALENT, Word.REFERENCE, Word.BETTER)
_MARKS = (
    "Small dots: seeds (x: did no better than guessing, or never reached the target). Line: 95% "
    "interval of the mean. Filled: the leader, and what is as good; hollow: undecided; grey: worse."
)


@dataclass(frozen=True)
class RankedConfiguration:
    """One configuration in the ranking.

    Attributes:
        label: its name.
        word: what is said of it; None without a value.
        statement: the same with its figures.
        mean: mean of the metric over seeds.
        interval: 95% interval of the mean; None where there is none to tell.
        seeds: each seed's value, and whether it did better than guessing, and reached the target
            where there is one.
        diverged: how many of the runs behind the seeds diverged.
    """

    label: str
    word: Word | None
    statement: str
    mean: float | None
    interval: tuple[float, float] | None
    seeds: Sequence[tuple[float, bool]] = ()
    diverged: int = 0


def draw_comparison(
    groups: Sequence[RankedConfiguration],
    *,
    metric: str,
    axes: Sequence[str],
    title: str,
    note: str = "",
    guess: float | None = None,
    x: AxisScale | None = None,
    kind: Format = "png",
    theme: Theme = "light",
) -> bytes:
    """Return a picture of each group's seeds, mean and interval, as PNG or SVG.

    Rows have the order of ``groups``, from top to bottom, and end with what is said of each. ``x``
    is the scale of the metric; None for the one that separates the values best. ``guess`` is what
    guessing gets: losses and errors ten times as high as it and as all that may be the best are
    drawn at the edge.
    """
    shown = list(groups[:MOST_GROUPS])
    foremost = [group.mean for group in shown if group.word in _FOREMOST]
    bounds = Bounds.of(metric, (mean for mean in foremost if mean is not None), guess)
    with house_style(theme, kind) as ink:
        summaries = [_summary(group, metric) for group in shown]
        figure = new_figure(*_size([printable(group.label) for group in shown], summaries))
        hidden = len(groups) - len(shown)
        more = f"{hidden:,} lower groups are not shown." if hidden else ""
        beyond = bounds.note(metric, _points(shown))
        add_title(figure, ink, title, " ".join(filter(None, (note, _MARKS, beyond, more))))
        plot = figure.subplots()
        for row, (group, summary) in enumerate(zip(shown, summaries, strict=True)):
            _draw_group(plot, row, _within(group, bounds), metric, ink)
            _draw_beyond(plot, row, group, bounds, ink)
            _write_summary(plot, row, summary, ink)
        _finish(plot, shown, bounds, metric, x)
        plot.set_ylabel(printable(", ".join(axes).replace("_", " ").capitalize()))
        return render(figure, kind)


def _size(labels: Sequence[str], summaries: Sequence[Sequence[str]]) -> tuple[float, float]:
    """Return a width that holds both columns of text, and a height that holds all lines."""
    longest = max((len(line) for lines in summaries for line in lines), default=0)
    beside = _LABEL_LETTER * max(map(len, labels), default=0) + _LETTER * longest
    lines = max(map(len, summaries), default=1)
    row = _ROW + _LINE * max(0, lines - 1)
    return max(_WIDTH, _PLOT_WIDTH + beside), 1.9 + row * max(3, len(labels))


def _points(groups: Sequence[RankedConfiguration]) -> list[float]:
    """Return all values of seeds and means."""
    means = [group.mean for group in groups if group.mean is not None]
    return [*means, *(value for group in groups for value, _ in group.seeds)]


def _within(group: RankedConfiguration, bounds: Bounds) -> RankedConfiguration:
    """Return a group with what is drawn in its place."""
    return replace(
        group,
        mean=group.mean if group.mean is not None and bounds.has(group.mean) else None,
        interval=None
        if group.interval is None
        else (bounds.edge(group.interval[0]), bounds.edge(group.interval[1])),
        seeds=[(value, did) for value, did in group.seeds if bounds.has(value)],
    )


def _draw_beyond(
    axes: "Axes", row: int, group: RankedConfiguration, bounds: Bounds, ink: Ink
) -> None:
    """Draw arrows at the edge where values of a group are beyond it."""
    colour = ink.palette[0] if group.word in _FOREMOST else ink.palette[6]
    edges = {bounds.edge(value) for value in _points([group]) if not bounds.has(value)}
    for edge in edges:
        marker = ">" if edge == bounds.high else "<"
        axes.plot([edge], [row], marker=marker, markersize=8, color=colour, linestyle="none")


def _draw_group(axes: "Axes", row: int, group: RankedConfiguration, metric: str, ink: Ink) -> None:
    colour = ink.palette[0] if group.word in _FOREMOST else ink.palette[6]
    for trained, marker in ((True, "."), (False, "x")):
        values = [value for value, did in group.seeds if did == trained and math.isfinite(value)]
        axes.plot(
            values,
            [row] * len(values),
            marker=marker,
            markersize=5,
            color=colour,
            alpha=0.55,
            linestyle="none",
            zorder=2,
        )
    if group.mean is not None and math.isfinite(group.mean):
        if group.interval is not None:
            ends = within_range(metric, group.interval)
            axes.plot(ends, [row, row], color=colour, linewidth=2.2, zorder=2)
        filled = group.word in _FILLED
        axes.plot(
            [group.mean],
            [row],
            marker="o" if group.word in _FOREMOST else "D",
            markersize=7 if group.word in _FOREMOST else 6,
            color=colour,
            markerfacecolor=colour if filled else ink.paper,
            markeredgewidth=1.6,
            linestyle="none",
            zorder=3,
        )


def _write_summary(axes: "Axes", row: int, summary: Sequence[str], ink: Ink) -> None:
    axes.annotate(
        "\n".join(summary),
        (1.02, row),
        xycoords=axes.get_yaxis_transform(),
        va="center",
        fontsize=8.5,
        color=ink.text,
        annotation_clip=False,
    )


def _summary(group: RankedConfiguration, metric: str) -> list[str]:
    """Return the lines that end a group's row."""
    parts = [] if group.mean is None else [format_value(metric, group.mean)]
    parts.append(group.statement)
    trained, n = sum(did for _, did in group.seeds), len(group.seeds)
    if 0 < trained < n:
        parts.append(f"trained {trained} of {n}")
    if group.diverged:
        parts.append(f"{group.diverged} diverged")
    return wrapped("   ".join(parts), _STATEMENT_LETTERS)


def _finish(
    axes: "Axes",
    groups: Sequence[RankedConfiguration],
    bounds: Bounds,
    metric: str,
    scale: AxisScale | None,
) -> None:
    """Set both axes."""
    axes.set_yticks(range(len(groups)), [printable(group.label) for group in groups])
    axes.set_ylim(len(groups) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    values = DrawnValues.of(
        metric,
        (bounds.edge(group.mean) for group in groups if group.mean is not None),
        [
            *(bounds.edge(end) for group in groups for end in group.interval or ()),
            *(
                bounds.edge(value)
                for group in groups
                for value, _ in group.seeds
                if math.isfinite(value)
            ),
        ],
    )
    axes.set_xlabel(METRICS[metric].title + scale_axis(axes, metric, values, "x", scale))
