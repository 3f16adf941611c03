"""A comparison as people read it: best first, its intervals drawn on one scale."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from actinium.command import configurations, widgets
from actinium.types import Comparison, ComparisonGroup

#: Characters that an interval is drawn with, where there is room.
_WIDE, _NARROW = 24, 12
#: So many additional seeds, or more: the service counts no further.
_MANY_SEEDS = 1_000


def comparison_table(found: Comparison) -> RenderableType:
    """Lay a comparison out, best first, its intervals drawn on one scale."""
    layouts = ((False, _WIDE), (False, _NARROW), (True, _NARROW), (True, 0))
    tables = [_table(found, joined=joined, drawn=drawn) for joined, drawn in layouts]
    return Group(widgets.Fitting(*tables), Text(_advice(found), style="dim"))


def _table(found: Comparison, *, joined: bool, drawn: int) -> Table:
    """Lay a comparison out with intervals ``drawn`` characters wide; 0 leaves the drawing out."""
    metric, groups = found["metric"], found["groups"]
    table = widgets.table(
        widgets.numbers("rank"),
        *configurations.columns(found["by"], joined=joined),
        widgets.numbers("n"),
        widgets.numbers("mean"),
        widgets.fixed("95% interval"),
        *([widgets.fixed("")] if drawn else []),
        widgets.numbers("p"),
        widgets.words("notes"),
    )
    scale = [end for each in groups for end in _ends(metric, each)]
    for each in groups:
        interval = _ends(metric, each) if each["ci95"] else []
        table.add_row(
            "-" if each["rank"] is None else str(each["rank"]),
            *configurations.cells({axis: each["by"][axis] for axis in found["by"]}, joined=joined),
            str(each["n"]),
            widgets.value_cell(metric, each["mean"]),
            " to ".join(widgets.value_cell(metric, end) for end in interval),
            *([_drawing(metric, each, scale, drawn)] if drawn else []),
            "" if each["p_value"] is None else f"{each['p_value']:.2g}",
            _notes(each, "tied" if joined else "tied with the best"),
            style="bold" if each["rank"] == 1 else None,
        )
    return table


def _notes(group: ComparisonGroup, tied: str) -> str:
    notes = [tied] if group["tied_with_best"] and group["rank"] != 1 else []
    notes += [f"{group['diverged']} diverged"] if group["diverged"] else []
    notes += [f"{group['unfinished']} unfinished"] if group["unfinished"] else []
    return ", ".join(notes)


def _advice(found: Comparison) -> str:
    direction = "highest" if found["higher_is_better"] else "lowest"
    return f"{found['metric']}, {found['at']}, {direction} first. {_meaning(found)}"


def _meaning(found: Comparison) -> str:
    measured = sum(each["mean"] is not None for each in found["groups"])
    if not measured:
        return f"No completed run has recorded {found['metric']}: nothing can be ranked."
    if len(found["groups"]) == 1:
        return "There is no other configuration to compare it with."
    if measured == 1:
        return "Only one configuration has a result: there is nothing to compare it with."
    match found["more_seeds_needed"]:
        case None:
            return "How many more seeds would tell the best apart cannot be said from these runs."
        case 0:
            ranked = "" if measured == len(found["groups"]) else " that have a result"
            return f"The best is told apart from all others{ranked}."
        case seeds:
            plural = "" if seeds == 1 else "s"
            told = f"To tell the best from what is tied with it: about {seeds} more seed{plural}."
            endless = f"{seeds:,} more seeds might not tell the best from what is tied with it."
            return told if seeds < _MANY_SEEDS else endless


def _ends(metric: str, group: ComparisonGroup) -> list[float]:
    """Give a group's interval, or its mean alone; a share lies between 0 and 1, all of it."""
    ends = group["ci95"] or ([] if group["mean"] is None else [group["mean"]])
    return [min(max(end, 0.0), 1.0) for end in ends] if widgets.is_share(metric) else list(ends)


def _drawing(metric: str, group: ComparisonGroup, scale: Sequence[float], width: int) -> str:
    """Draw a group's interval and mean as text, on the scale of all of them."""
    own = _ends(metric, group)
    if not own or group["mean"] is None:
        return ""
    low, high = min(scale), max(scale)

    def place(value: float) -> int:
        return round((value - low) / ((high - low) or 1) * (width - 1))

    drawn = [" "] * width
    for at in range(place(own[0]), place(own[-1]) + 1):
        drawn[at] = "─"
    drawn[place(group["mean"])] = "●"
    return f"[cyan]{''.join(drawn)}[/]"
