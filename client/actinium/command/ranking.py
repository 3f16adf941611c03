"""A comparison as people read it: the answer, the groups on one scale, and the notes."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from actinium.command import axes, widgets
from actinium.command.metrics import Metrics
from actinium.labels import level_text
from actinium.types import Comparison, ComparisonGroup

#: Widths of the drawing of a group's values, in characters.
_WIDE, _NARROW = 24, 12
#: Most characters of what is said of a group, per line: so that the drawing has room.
_RESULT = 44


def comparison_table(comparison: Comparison, metrics: Metrics) -> RenderableType:
    """Return the headline, the table in the widest layout that fits, and the notes."""
    layouts = ((False, _WIDE), (False, _NARROW), (True, _NARROW), (True, 0))
    tables = [
        _table(comparison, metrics, joined=joined, drawn_width=width) for joined, width in layouts
    ]
    notes = [
        _compared(comparison, metrics),
        *comparison["notes"],
        _spread(comparison, metrics),
    ]
    return Group(
        Text(comparison["headline"], style="bold"),
        widgets.Fitting(*tables),
        Text(" ".join(filter(None, notes)), style="dim"),
    )


def _table(comparison: Comparison, metrics: Metrics, *, joined: bool, drawn_width: int) -> Table:
    """Return the table; with ``drawn_width`` 0, values are not drawn."""
    metric, by = comparison["metric"], comparison["by"]
    is_share = metrics.is_share(metric)
    groups = comparison["groups"]
    has_test = any(group["test"] for group in groups)
    table = widgets.table(
        widgets.numbers("rank"),
        *axes.columns(by, joined=joined),
        widgets.numbers("mean"),
        widgets.fixed("95% interval"),
        *([widgets.numbers("test")] if has_test else []),
        *([widgets.fixed("")] if drawn_width else []),
        widgets.numbers("p"),
        widgets.words("result", most=_RESULT),
    )
    scale = [value for group in groups for value in _drawn_values(group, is_share=is_share)]
    for group in groups:
        ends = _ends(group, is_share=is_share)
        drawing = _drawing(group, ends, scale, drawn_width) if drawn_width else ""
        table.add_row(
            "-" if group["rank"] is None else str(group["rank"]),
            *axes.cells(by, group["by"], joined=joined),
            metrics.cell(metric, group["mean"]),
            " to ".join(metrics.cell(metric, end) for end in ends),
            *([_tested(group, metrics)] if has_test else []),
            *([drawing] if drawn_width else []),
            "" if group["p_value"] is None else f"{group['p_value']:.2g}",
            escape(_said(group)),
            style="bold" if group["rank"] == 1 else None,
        )
    return table


def _tested(group: ComparisonGroup, metrics: Metrics) -> str:
    """Return a group's mean on the test part."""
    return metrics.cell(group["test"]["metric"], group["test"]["mean"]) if group["test"] else "-"


def _said(group: ComparisonGroup) -> str:
    """Return what is said of a group, and what its runs came to."""
    said = [group["statement"]]
    if 0 < group["trained"] < group["n"]:
        said.append(f"trained {group['trained']} of {group['n']}")
    if 0 < group["reached"] < group["n"]:
        said.append(f"reached by {group['reached']} of {group['n']}")
    said += [f"{_plain(name)} {level_text(level)}" for name, level in group["chosen"].items()]
    said += [f"{group['diverged']} diverged"] if group["diverged"] else []
    said += [f"{group['unfinished']} unfinished"] if group["unfinished"] else []
    return "; ".join(said)


def _plain(name: str) -> str:
    """Return what people call an axis or a dotted parameter: ``learning rate``."""
    return name.rpartition(".")[2].replace("_", " ")


_AT = {
    "final": "at the last epoch",
    "best": "at the best epoch",
    "mean": "as the mean over the epochs",
}


def _compared(comparison: Comparison, metrics: Metrics) -> str:
    title, target = metrics.title(comparison["metric"]), comparison["target"]
    if target is not None:
        value = metrics.cell(target["metric"], target["value"])
        return f"{title}: {metrics.title(target['metric'])} {value}. Lowest first."
    direction = "highest" if comparison["higher_is_better"] else "lowest"
    return f"{title} {_AT[comparison['at']]}, {direction} first."


def _spread(comparison: Comparison, metrics: Metrics) -> str:
    """Return where the spread within configurations comes from, if the data were drawn anew."""
    parts = comparison["components"]
    if parts is None:
        return ""
    data, seeds, rest = (
        metrics.cell(comparison["metric"], part)
        for part in (parts["data"], parts["seeds"], parts["rest"])
    )
    return (
        f"Standard deviations within a configuration: {data} between draws of the data, {seeds} "
        f"between seeds, {rest} beside both."
    )


def _ends(group: ComparisonGroup, *, is_share: bool) -> list[float]:
    """Return the ends of a group's interval, if it has one; a share stays in [0, 1]."""
    ends = group["ci95"] or []
    return [min(max(end, 0.0), 1.0) for end in ends] if is_share else list(ends)


def _drawn_values(group: ComparisonGroup, *, is_share: bool) -> list[float]:
    """Return all values that the drawing of a group shows."""
    mean = [] if group["mean"] is None else [group["mean"]]
    return [*_ends(group, is_share=is_share), *(seed["value"] for seed in group["seeds"]), *mean]


def _drawing(
    group: ComparisonGroup, ends: Sequence[float], scale: Sequence[float], width: int
) -> str:
    """Return a group's mean with its interval, or its seeds, as text on the scale of all groups.

    A seed is a dot, one that did not train or never reached the target an x.
    """
    if group["mean"] is None:
        return ""
    low, high = min(scale), max(scale)

    def column(value: float) -> int:
        return round((value - low) / ((high - low) or 1) * (width - 1))

    drawn = [" "] * width
    if ends:
        for position in range(column(ends[0]), column(ends[-1]) + 1):
            drawn[position] = "─"
    drawn[column(group["mean"])] = "●"
    if not ends:
        for seed in group["seeds"]:
            drawn[column(seed["value"])] = "•" if seed["trained"] and seed["reached"] else "x"
    return f"[cyan]{''.join(drawn)}[/]"
