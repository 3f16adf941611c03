"""The columns of a table of configurations: one per axis, or all axes in one if these are too wide.

Labels come from the service; nothing is labelled here.
"""

from collections.abc import Collection, Mapping, Sequence

from rich.markup import escape
from rich.table import Column

from actinium.command import widgets
from actinium.labels import level_text
from actinium.spec import AXES
from actinium.types import Label, Level


def varying(configurations: Collection[Mapping[str, Label]]) -> list[str]:
    """Return the axes on which configurations differ, and always the activation.

    Args:
        configurations: each one's labels by axis.
    """
    return [
        axis
        for axis in distinct(configurations)
        if axis == "activation" or len({labels[axis] for labels in configurations}) > 1
    ]


def distinct(configurations: Collection[Mapping[str, Label]]) -> list[str]:
    """Return the axes, without the output's initializer if it is always that of the layers.

    Args:
        configurations: each one's labels by axis.
    """
    own = any(labels["output_initializer"] != labels["initializer"] for labels in configurations)
    return [axis for axis in AXES if axis != "output_initializer" or own]


def columns(axes: Sequence[str], *, joined: bool) -> list[Column]:
    """Return the columns of the axes; ``joined``: one for all of them."""
    if joined and len(axes) > 1:
        return [widgets.words(",_".join(axes))]
    return [widgets.words(axis) for axis in axes]


def cells(axes: Sequence[str], labels: Mapping[str, Level], *, joined: bool) -> list[str]:
    """Return a configuration's cells in these columns."""
    return [escape(word) for word in words(axes, labels, joined=joined)]


def words(axes: Sequence[str], labels: Mapping[str, Level], *, joined: bool) -> list[str]:
    """Return what these cells say, as plain text."""
    found = [level_text(labels[axis]) for axis in axes]
    return [", ".join(found)] if joined and len(axes) > 1 else found
