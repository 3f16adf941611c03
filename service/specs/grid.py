"""The grid: the points of a spec's product of axes, each value with its place in the spec."""

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from service.fields import Location
from service.specs import alternatives
from service.specs.alternatives import Indexes
from service.specs.choices import Choice, choice
from service.specs.spec import AXIS_FIELDS, AxisFields, ExperimentSpec

#: The value of an axis that the spec leaves out; one that is missing here is left to the model.
_DEFAULTS: dict[str, Any] = {
    "dataset": "mnist",
    "model": "mnist_cnn",
    "initializer": "auto",
    "bias_initializer": "zeros",
    "normalization": "none",
    "clipping": "none",
    "optimizer": "adam",
    "dropout": "auto",
    "precision": "float32",
}

#: Of a point: the lottery ticket. It is no axis, since one spec or variant has one.
TICKET = "ticket"


@dataclass(frozen=True)
class PlacedValue:
    """A value on an axis; None is left to the model.

    Attributes:
        location: its place in the spec.
        value: one value of the axis.
        indexes: the index that was taken from each of its parameters with a list.
    """

    location: Location
    value: Any
    indexes: Indexes = field(default_factory=dict)

    def parameter(self, *path: str | int) -> Location:
        """Return the place of one of its parameters in the spec."""
        location = self.location
        for depth, name in enumerate(path, start=1):
            location = (*location, name)
            if path[:depth] in self.indexes:
                location = (*location, self.indexes[path[:depth]])
        return location


Point = dict[str, PlacedValue]


def points(spec: ExperimentSpec) -> Iterator[tuple[str | None, Point]]:
    """Return every point of the grid with its variant's label; the last axis varies fastest."""
    for label, axes in _grids(spec):
        multiplied = [list(_multiplied(values)) for values in axes.values()]
        for values in itertools.product(*multiplied):
            yield label, dict(zip(axes, values, strict=True))


def size(spec: ExperimentSpec) -> int:
    """Return the number of points of the grid, without walking it."""
    return sum(math.prod(map(_count, axes.values())) for _, axes in _grids(spec))


def _multiplied(entries: Iterable[PlacedValue]) -> Iterator[PlacedValue]:
    """Return the values of an axis, one for each combination of its entries' parameters."""
    for placed in entries:
        if isinstance(placed.value, Choice):
            for indexes, value in alternatives.alternatives(placed.value):
                yield PlacedValue(placed.location, value, indexes)
        else:
            yield placed


def _count(entries: Iterable[PlacedValue]) -> int:
    return sum(
        alternatives.count(placed.value) if isinstance(placed.value, Choice) else 1
        for placed in entries
    )


def _grids(spec: ExperimentSpec) -> Iterator[tuple[str | None, dict[str, list[PlacedValue]]]]:
    """Return the products that make the experiment: the base alone, or one for each variant."""
    base = _axes_of(spec, ())
    if spec.variants is None:
        yield None, _with_defaults(base)
        return
    for index, variant in enumerate(spec.variants):
        yield variant.label, _with_defaults({**base, **_axes_of(variant, ("variants", index))})


def _axes_of(fields: AxisFields, prefix: Location) -> dict[str, list[PlacedValue]]:
    axes = {}
    for name in AXIS_FIELDS:
        values = getattr(fields, name)
        if values is not None:
            axes[name] = [
                PlacedValue((*prefix, name, index), value) for index, value in enumerate(values)
            ]
    if fields.ticket is not None:
        axes[TICKET] = [PlacedValue((*prefix, TICKET), fields.ticket)]
    return axes


def _with_defaults(axes: dict[str, list[PlacedValue]]) -> dict[str, list[PlacedValue]]:
    filled = {}
    for name in AXIS_FIELDS:
        if name in axes:
            filled[name] = axes[name]
        elif name in _DEFAULTS:
            filled[name] = [PlacedValue((name,), choice(name, _DEFAULTS[name]))]
        else:
            filled[name] = [PlacedValue((name,), None)]
    return filled | {TICKET: axes.get(TICKET, [PlacedValue((TICKET,), None)])}
