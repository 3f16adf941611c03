"""A comparison as people read it: best first, with its intervals drawn on one scale."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from actinium.command import axes, widgets
from actinium.command.metrics import Metrics
from actinium.types import Comparison, ComparisonGroup

#: Widths of a drawn interval, in characters.
_WIDE, _NARROW = 24, 12
#: The service does not count more additional seeds than this.
_MOST_SEEDS = 1_000


def comparison_table(comparison: Comparison, metrics: Metrics) -> RenderableType:
    """Return a comparison's table, in the widest layout that fits, and what it means."""
    layouts = ((False, _WIDE), (False, _NARROW), (True, _NARROW), (True, 0))
    tables = [
        _table(comparison, metrics, joined=joined, drawn_width=width) for joined, width in layouts
    ]
    summary = Text(_summary(comparison, metrics.title(comparison["metric"])), style="dim")
    return Group(widgets.Fitting(*tables), summary)


def _table(comparison: Comparison, metrics: Metrics, *, joined: bool, drawn_width: int) -> Table:
    """Return the table; with ``drawn_width`` 0, intervals are not drawn."""
    metric, by = comparison["metric"], comparison["by"]
    is_share = metrics.is_share(metric)
    table = widgets.table(
        widgets.numbers("rank"),
        *axes.columns(by, joined=joined),
        widgets.numbers("n"),
        widgets.numbers("mean"),
        widgets.fixed("95% interval"),
        *([widgets.fixed("")] if drawn_width else []),
        widgets.numbers("p"),
        widgets.words("notes"),
    )
    scale = [end for group in comparison["groups"] for end in _ends(group, is_share=is_share)]
    for group in comparison["groups"]:
        ends = _ends(group, is_share=is_share)
        drawing = _drawing(group["mean"], ends, scale, drawn_width) if drawn_width else ""
        table.add_row(
            "-" if group["rank"] is None else str(group["rank"]),
            *axes.cells(by, group["by"], joined=joined),
            str(group["n"]),
            metrics.cell(metric, group["mean"]),
            " to ".join(metrics.cell(metric, end) for end in ends) if group["ci95"] else "",
            *([drawing] if drawn_width else []),
            "" if group["p_value"] is None else f"{group['p_value']:.2g}",
            _notes(group, "tied" if joined else "tied with the best"),
            style="bold" if group["rank"] == 1 else None,
        )
    return table


def _notes(group: ComparisonGroup, tied: str) -> str:
    notes = [tied] if group["tied_with_best"] and group["rank"] != 1 else []
    notes += [f"{group['diverged']} diverged"] if group["diverged"] else []
    notes += [f"{group['unfinished']} unfinished"] if group["unfinished"] else []
    return ", ".join(notes)


def _summary(comparison: Comparison, title: str) -> str:
    at = "at the last epoch" if comparison["at"] == "final" else "at the best epoch"
    direction = "highest" if comparison["higher_is_better"] else "lowest"
    return f"{title} {at}, {direction} first. {_meaning(comparison)}"


def _meaning(comparison: Comparison) -> str:
    groups = comparison["groups"]
    measured = sum(group["mean"] is not None for group in groups)
    if not measured:
        return f"No completed run has recorded {comparison['metric']}: nothing can be ranked."
    if len(groups) == 1:
        return "There is no other configuration to compare it with."
    if measured == 1:
        return "Only one configuration has a result: there is nothing to compare it with."
    others = "all others" if measured == len(groups) else "all others that have a result"
    return _seeds_needed(comparison["more_seeds_needed"], others)


def _seeds_needed(seeds: int | None, others: str) -> str:
    if seeds is None:
        return "These runs do not show how many more seeds would separate the best from the others."
    if seeds == 0:
        return f"The best differs significantly from {others}."
    if seeds >= _MOST_SEEDS:
        return f"{seeds:,} more seeds might not separate the best from those tied with it."
    plural = "" if seeds == 1 else "s"
    return f"About {seeds} more seed{plural} would separate the best from those tied with it."


def _ends(group: ComparisonGroup, *, is_share: bool) -> list[float]:
    """Return the ends of a group's interval, or its mean alone; a share stays in [0, 1]."""
    ends = group["ci95"] or ([] if group["mean"] is None else [group["mean"]])
    return [min(max(end, 0.0), 1.0) for end in ends] if is_share else list(ends)


def _drawing(mean: float | None, ends: Sequence[float], scale: Sequence[float], width: int) -> str:
    """Return an interval and its mean, drawn as text on the scale of all groups."""
    if not ends or mean is None:
        return ""
    low, high = min(scale), max(scale)

    def column(value: float) -> int:
        return round((value - low) / ((high - low) or 1) * (width - 1))

    drawn = [" "] * width
    for position in range(column(ends[0]), column(ends[-1]) + 1):
        drawn[position] = "─"
    drawn[column(mean)] = "●"
    return f"[cyan]{''.join(drawn)}[/]"
