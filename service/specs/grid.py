"""The grid: every point of a spec's product of axes, with where the spec wrote each value."""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from service.fields import Location
from service.specs.choices import choice
from service.specs.spec import AXIS_FIELDS, AxisFields, ExperimentSpec

#: What an axis is where the spec is silent; an axis missing here is left to the model.
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
class Value:
    """A value on an axis, with where the spec wrote it. None is left to the model."""

    location: Location
    value: Any


Point = dict[str, Value]


def points(spec: ExperimentSpec) -> Iterator[tuple[str | None, Point]]:
    """Give every point of the grid with its variant's label, the last axis fastest."""
    for label, axes in _grids(spec):
        for values in itertools.product(*axes.values()):
            yield label, dict(zip(axes, values, strict=True))


def size(spec: ExperimentSpec) -> int:
    """Count the points of the grid without walking it."""
    return sum(math.prod(len(values) for values in axes.values()) for _, axes in _grids(spec))


def _grids(spec: ExperimentSpec) -> Iterator[tuple[str | None, dict[str, list[Value]]]]:
    """Give each product the experiment is made of: the base alone, or one for each variant."""
    base = _axes_of(spec, ())
    if spec.variants is None:
        yield None, _with_defaults(base)
        return
    for index, variant in enumerate(spec.variants):
        yield variant.label, _with_defaults({**base, **_axes_of(variant, ("variants", index))})


def _axes_of(fields: AxisFields, prefix: Location) -> dict[str, list[Value]]:
    axes = {}
    for name in AXIS_FIELDS:
        values = getattr(fields, name)
        if values is not None:
            axes[name] = [Value((*prefix, name, at), each) for at, each in enumerate(values)]
    return axes


def _with_defaults(axes: dict[str, list[Value]]) -> dict[str, list[Value]]:
    filled = {}
    for name in AXIS_FIELDS:
        if name in axes:
            filled[name] = axes[name]
        elif name in _DEFAULTS:
            filled[name] = [Value((name,), choice(name, _DEFAULTS[name]))]
        else:
            filled[name] = [Value((name,), None)]
    return filled
