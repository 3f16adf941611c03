"""A spec as people read it: the values on each axis, and how its runs are trained."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.markup import escape

from actinium.command.labels import Labels
from actinium.spec import AXES


def spec_rows(spec: Mapping[str, Any], labels: Labels) -> list[tuple[str, str]]:
    """Give a spec as facts; an axis that it is silent about is left out."""
    axes = [
        (axis, escape(", ".join(labels.of(axis, each) for each in _listed(spec[axis]))))
        for axis in AXES
        if spec.get(axis) is not None
    ]
    variants = [str(each.get("label") or "without a label") for each in spec.get("variants") or ()]
    return [
        *axes,
        (_counted("variant", variants), escape("; ".join(variants))),
        ("epochs", str(spec.get("epochs", ""))),
        ("seeds", _seeds(spec.get("seeds"))),
        ("layer statistics", _statistics(spec.get("layer_statistics"))),
        *_unusual(spec),
    ]


def _unusual(spec: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Give what is seldom asked for, where it is."""
    device, priority = spec.get("device", "auto"), spec.get("priority", 0)
    return [
        ("device", device if device != "auto" else ""),
        ("priority", str(priority) if priority else ""),
        ("reuse", "no" if spec.get("reuse") is False else ""),
    ]


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else [value]


def _counted(name: str, found: Sequence[Any]) -> str:
    return name if len(found) == 1 else f"{len(found)} {name}s"


def _seeds(seeds: Any) -> str:
    """Write seeds, of which a number alone is how many; those in a row by their ends."""
    listed = list(range(seeds)) if isinstance(seeds, int) else seeds or []
    if len(listed) > 2 and listed == list(range(listed[0], listed[-1] + 1)):
        return f"{listed[0]} to {listed[-1]}"
    return ", ".join(map(str, listed))


def _statistics(given: Any) -> str:
    every = given.get("every") if isinstance(given, Mapping) else given
    match every:
        case None:
            return ""
        case 1:
            return "every epoch"
        case int():
            return f"every {every} epochs"
        case _:
            return str(every)
