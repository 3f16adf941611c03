"""Configurations in a table: a column an axis, or all axes in one where these are too wide."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Column

from actinium.command import widgets
from actinium.spec import AXES


def varying(configs: Collection[Mapping[str, Any]]) -> list[str]:
    """Give the axes on which configurations differ, and always the activation."""
    return [
        axis
        for axis in own_axes(configs)
        if axis == "activation" or len({json.dumps(each[axis]) for each in configs}) > 1
    ]


def own_axes(configs: Iterable[Mapping[str, Any]]) -> list[str]:
    """Give the axes, but for the output's initializer where it is always the others'."""
    own = any(each["output_initializer"] != each["initializer"] for each in configs)
    return [axis for axis in AXES if axis != "output_initializer" or own]


def columns(axes: Sequence[str], *, joined: bool) -> list[Column]:
    """Begin the columns that say which configuration a line is about."""
    if joined and len(axes) > 1:
        return [widgets.words(",_".join(axes))]
    return [widgets.words(axis) for axis in axes]


def cells(place: Mapping[str, Any], *, joined: bool) -> list[str]:
    """Write a configuration, given by its label on each axis, into these columns."""
    if not joined or len(place) < 2:
        return [escape(str(label)) for label in place.values()]
    return [escape(", ".join(map(str, place.values())))]
