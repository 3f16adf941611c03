"""Labels: how the value of an axis is written where runs are shown."""

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from service.specs.choices import choice

Label = str | int | None


def labels(axis: str, keys: Iterable[str]) -> dict[str, Label]:
    """Write each value as runs are shown: ``leaky_relu(0.2)``; parameters named where it must be.

    ``sgd(0.9)`` may stand for a learning rate or a momentum.

    Args:
        axis: one of ``AXIS_FIELDS``.
        keys: the axis' values in an experiment, as JSON.

    Returns:
        The label of each; other values have other labels.
    """
    values = {key: json.loads(key) for key in set(keys)}
    plain = {key: _label(axis, value) for key, value in values.items()}
    times = Counter(plain.values())
    return {
        key: label if times[label] == 1 else _spelled_out(values[key])
        for key, label in plain.items()
    }


def _label(axis: str, value: Any) -> Label:
    if not isinstance(value, dict):
        return value  # type: ignore[no-any-return]
    try:
        return str(choice(_catalog_axis(axis), value))
    except ValidationError:  # stored by a version that knew another catalog
        return _spelled_out(value)


def _catalog_axis(axis: str) -> str:
    return "initializer" if axis == "output_initializer" else axis


def _spelled_out(value: Any) -> str:
    if not isinstance(value, dict):
        return str(value)
    # In the order of the alphabet: Postgres keeps an order of its own.
    given = {name: each for name, each in sorted(value.items()) if name != "name"}
    parameters = ", ".join(f"{name}={_spelled_out(each)}" for name, each in given.items())
    return f"{value['name']}({parameters})" if parameters else str(value["name"])
