"""A comparison as people read it: best first, its intervals drawn on one scale."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.text import Text

from actinium.answers import Comparison, ComparisonGroup
from actinium.command import pieces

_INTERVAL = 24


def comparison_table(found: Comparison) -> RenderableType:
    """Lay a comparison out, best first, its intervals drawn on one scale."""
    metric = found["metric"]
    groups = found["groups"]
    table = pieces.table("rank", *found["by"], "n", "mean", "95% interval", "", "p", "notes")
    ends = [end for each in groups for end in _ends(each)]
    for each in groups:
        best = each["rank"] == 1
        table.add_row(
            "-" if each["rank"] is None else str(each["rank"]),
            *(escape(str(each["by"][axis])) for axis in found["by"]),
            str(each["n"]),
            pieces.value_cell(metric, each["mean"]),
            " - ".join(pieces.value_cell(metric, end) for end in each["ci95"] or ()),
            _interval(each, ends),
            "" if each["p_value"] is None else f"{each['p_value']:.2g}",
            _notes(each),
            style="bold" if best else None,
        )
    return Group(table, Text(_advice(found), style="dim"))


def _notes(group: ComparisonGroup) -> str:
    notes = ["tied with the best"] if group["tied_with_best"] and group["rank"] != 1 else []
    notes += [f"{group['diverged']} diverged"] if group["diverged"] else []
    notes += [f"{group['unfinished']} unfinished"] if group["unfinished"] else []
    return ", ".join(notes)


def _advice(found: Comparison) -> str:
    direction = "highest" if found["higher_is_better"] else "lowest"
    told = f"{found['metric']}, {found['at']}, {direction} first."
    match found["more_seeds_needed"]:
        case None:
            told += " How many more seeds would tell the best apart cannot be said from these runs."
        case 0:
            told += " The best is told apart from all others."
        case seeds:
            told += f" To tell the best from what is tied with it: about {seeds} more seeds."
    return told


def _ends(group: ComparisonGroup) -> list[float]:
    return group["ci95"] or ([] if group["mean"] is None else [group["mean"]])


def _interval(group: ComparisonGroup, ends: Sequence[float]) -> str:
    """Draw a group's interval and mean as text, on the scale of all of them."""
    own = _ends(group)
    if not own or group["mean"] is None:
        return ""
    low, high = min(ends), max(ends)

    def place(value: float) -> int:
        return round((value - low) / ((high - low) or 1) * (_INTERVAL - 1))

    drawn = [" "] * _INTERVAL
    for at in range(place(own[0]), place(own[-1]) + 1):
        drawn[at] = "─"
    drawn[place(group["mean"])] = "●"
    return f"[cyan]{''.join(drawn)}[/]"
