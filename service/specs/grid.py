"""The grid: the points of a spec's product of axes, each value with its place in the spec."""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from service.fields import Location
from service.specs.choices import choice
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
}


@dataclass(frozen=True)
class PlacedValue:
    """A value on an axis, with its place in the spec; None is left to the model."""

    location: Location
    value: Any


Point = dict[str, PlacedValue]


def points(spec: ExperimentSpec) -> Iterator[tuple[str | None, Point]]:
    """Return every point of the grid with its variant's label; the last axis varies fastest."""
    for label, axes in _grids(spec):
        for values in itertools.product(*axes.values()):
            yield label, dict(zip(axes, values, strict=True))


def size(spec: ExperimentSpec) -> int:
    """Return the number of points of the grid, without walking it."""
    return sum(math.prod(len(values) for values in axes.values()) for _, axes in _grids(spec))


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
    return filled
