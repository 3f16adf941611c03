"""A spec as people read it: the values of each axis, and how its runs are trained."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.markup import escape

from actinium.command.choices import write_value
from actinium.spec import AXES
from actinium.types import Run

Facts = list[tuple[str, str]]


def experiment_facts(spec: Mapping[str, Any], runs: Sequence[Run], total: int) -> Facts:
    """Return the facts of an experiment's spec; axes have the labels of its runs.

    Args:
        spec: the spec.
        runs: the experiment's runs, or the first of them.
        total: how many runs the experiment has.
    """
    parts = [spec, *(spec.get("variants") or ())]
    rest = ["..."] if len(runs) < total else []
    axes = []
    for axis in AXES:
        if any(part.get(axis) is not None for part in parts):
            labels = dict.fromkeys(str(run["labels"][axis]) for run in runs)
            axes.append((axis, escape(", ".join([*labels, *rest]))))
    return [*axes, *_other_facts(spec)]


def preset_facts(spec: Mapping[str, Any]) -> Facts:
    """Return the facts of a preset's spec; axes have the values that flags would give."""
    axes = [
        (axis, escape(", ".join(write_value(value) for value in _listed(spec[axis]))))
        for axis in AXES
        if spec.get(axis) is not None
    ]
    return [*axes, *_other_facts(spec)]


def _other_facts(spec: Mapping[str, Any]) -> Facts:
    labels = [variant.get("label") or "without a label" for variant in spec.get("variants") or ()]
    device, priority = spec.get("device", "auto"), spec.get("priority", 0)
    return [
        ("variant" if len(labels) == 1 else f"{len(labels)} variants", escape("; ".join(labels))),
        ("epochs", str(spec.get("epochs", ""))),
        ("early stopping", _stopping(spec.get("early_stopping"))),
        ("ticket", _ticket(spec.get("ticket"))),
        ("seeds", _seeds(spec.get("seeds"))),
        ("layer statistics", _statistics(spec.get("layer_statistics"))),
        ("device", device if device != "auto" else ""),
        ("priority", str(priority) if priority else ""),
        ("reuse", "no" if spec.get("reuse") is False else ""),
    ]


def _stopping(stopping: Mapping[str, Any] | None) -> str:
    if stopping is None:
        return ""
    metric, patience = stopping.get("metric", "val_loss"), stopping["patience"]
    return f"{patience} epochs without a better {metric}"


def _ticket(ticket: Mapping[str, Any] | None) -> str:
    if ticket is None:
        return ""
    keep, scope = ticket.get("keep", 0.2), ticket.get("scope", "layer")
    of = "each layer" if scope == "layer" else "all layers"
    drawn = ", drawn anew" if ticket.get("redraw") else ""
    return f"{keep:.3g} of {of} of run {escape(str(ticket['run']))}{drawn}"


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else [value]


def _seeds(seeds: Any) -> str:
    """Return seeds in words: a number is a count; consecutive seeds are written by their ends."""
    listed = list(range(seeds)) if isinstance(seeds, int) else seeds or []
    if len(listed) > 2 and listed == list(range(listed[0], listed[-1] + 1)):
        return f"{listed[0]} to {listed[-1]}"
    return ", ".join(map(str, listed))


def _statistics(setting: Any) -> str:
    every = setting.get("every") if isinstance(setting, Mapping) else setting
    match every:
        case None:
            return ""
        case 1:
            return "every epoch"
        case int():
            return f"every {every} epochs"
        case _:
            return str(every)
