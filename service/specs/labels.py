"""Labels: how the values of a run's axes are written where runs are shown.

They are computed once, over all configurations of an experiment, and stored with its runs.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import ValidationError

from service.catalog.axes import AXES, own_name
from service.specs.choices import choice
from service.specs.expansion import PlannedRun
from service.specs.spec import AXIS_FIELDS, LATER_AXES, axis_value
from service.specs.written_values import entry_text, number_text, value_text

Label = str | int | None

#: What may be a number among the parameters of a label.
_NUMBER = re.compile(r"(?<==)[-+.\d][-+.\deE]*")

#: What people have named: a variant may be called "none".
_NAMED = ("variant", "experiment")

#: A configuration of an experiment: its variant's label, None without variants, and its hash.
ConfigurationKey = tuple[str | None, str]


@dataclass(frozen=True)
class RunLabels:
    """How a configuration is written beside the others of its experiment.

    Attributes:
        by_axis: its label on each of ``AXIS_FIELDS``, and on ``variant`` where the spec has
            variants. Different values of an axis have different labels.
        name: its variant and its labels on the axes that vary and that no earlier one decides, as
            in ``leaky_relu(negative_slope=0.2), no clipping``; its activation where nothing varies.
    """

    by_axis: dict[str, Label]
    name: str


def label_runs(planned: Iterable[PlannedRun]) -> dict[ConfigurationKey, RunLabels]:
    """Return the labels of an experiment's runs, by the key of their configuration."""
    return label_configurations({run.key: run.configuration.values for run in planned})


def labels_of(stored: Mapping[str, Label]) -> dict[str, Label]:
    """Return a run's stored labels with those on axes that came later than the run."""
    return {**LATER_AXES, **stored}


def label_configurations(
    configs: Mapping[ConfigurationKey, Mapping[str, Any]],
) -> dict[ConfigurationKey, RunLabels]:
    """Return the labels of each configuration of an experiment.

    Args:
        configs: all its configurations, as JSON values.
    """
    places: dict[ConfigurationKey, dict[str, Label]] = {key: {} for key in configs}
    for axis in AXIS_FIELDS:
        values = {key: _canonical(axis_value(config, axis)) for key, config in configs.items()}
        labels = axis_labels(axis, values.values())
        for key, value in values.items():
            places[key][axis] = labels[value]
    for (variant, _), place in places.items():
        if variant is not None:
            place["variant"] = variant
    has_variants = any(variant is not None for variant, _ in configs)
    axes = varying_axes(places.values(), ["variant"] if has_variants else [])
    return {key: RunLabels(place, _name(place, axes)) for key, place in places.items()}


def varying_axes(
    places: Collection[Mapping[str, Label]], decided_by: Sequence[str] = ()
) -> list[str]:
    """Return the axes that vary and that neither ``decided_by`` nor an earlier axis decides.

    Where ``auto`` gave each activation its own initializer, the activation alone is returned.

    Args:
        places: labels by axis.
        decided_by: axes, or ``variant``, that are known already.
    """
    groups = [0] * len(places)
    for axis in decided_by:
        groups = _divided(groups, axis, places)
    varying = []
    for axis in AXIS_FIELDS:
        finer = _divided(groups, axis, places)
        if max(finer, default=0) > max(groups, default=0):
            varying.append(axis)
            groups = finer
    return varying


def _divided(groups: list[int], axis: str, places: Iterable[Mapping[str, Label]]) -> list[int]:
    """Return the group of each place, numbered from 0, once an axis divides its old group."""
    numbers: dict[tuple[int, Label], int] = {}
    return [
        numbers.setdefault((group, place[axis]), len(numbers))
        for group, place in zip(groups, places, strict=True)
    ]


def _name(place: Mapping[str, Label], axes: Sequence[str]) -> str:
    variant = place.get("variant")
    parts = [] if variant is None else [str(variant)]
    parts += [with_axis(axis, place[axis]) for axis in axes]
    return ", ".join(parts) or str(place["activation"])


def with_axis(axis: str, label: Label | float) -> str:
    """Return a label that is understood without its axis: ``no clipping``, ``batch size 2``.

    Args:
        axis: an axis, or the dotted name of a parameter. Variants and experiments stay as they
            were named.
        label: the label on it, or the parameter's value.
    """
    text = value_text(label)
    if axis in _NAMED:
        return text
    words = axis.rpartition(".")[2].replace("_", " ")
    if text == "none":
        return f"no {words}"
    return f"{words} {text}" if isinstance(label, int | float) else text


def written_label(axis: str, asked: str) -> str:
    """Return a label as it is written here, of one that a person wrote.

    An alias becomes the entry's own name, and a number is written as labels write it.

    Args:
        axis: an axis, or the dotted name of a parameter.
        asked: as in ``swish``, ``leaky_relu(negative_slope=0.20)``.
    """
    name, opened, parameters = asked.partition("(")
    known = _catalog_axis(axis)
    if known in AXES:
        name = own_name(known, name.strip())
    return name + opened + _NUMBER.sub(_rewritten, parameters)


def _rewritten(match: re.Match[str]) -> str:
    try:
        return number_text(float(match[0]))
    except ValueError:
        return match[0]


def axis_labels(axis: str, values: Iterable[bytes]) -> dict[bytes, Label]:
    """Return a label for each value of an axis: ``leaky_relu(negative_slope=0.2)``.

    A label has the parameters that are not at their defaults. One that varies under an entry is in
    all its labels, so that ``adam(learning_rate=0.001)`` is beside ``adam(learning_rate=0.01)``.
    All parameters are shown where two values would otherwise read alike.

    Args:
        axis: one of ``AXIS_FIELDS``.
        values: the axis' values in an experiment, as canonical JSON.
    """
    parsed = {value: orjson.loads(value) for value in set(values)}
    varying = _varying_by_entry(parsed.values())
    short = {value: _label(axis, content, varying) for value, content in parsed.items()}
    times = Counter(short.values())
    return {
        value: label if times[label] == 1 else _spelled_out(parsed[value])
        for value, label in short.items()
    }


def _varying_by_entry(values: Iterable[Any]) -> dict[str, set[str]]:
    """Return for each entry's name the parameters that its values do not share."""
    entries: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for value in values:
        if isinstance(value, dict):
            entries[value["name"]].append(value)
    return {
        name: {
            parameter
            for parameter in set().union(*group)
            if any(other.get(parameter) != group[0].get(parameter) for other in group)
        }
        for name, group in entries.items()
    }


def _canonical(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def _label(axis: str, value: Any, varying: Mapping[str, Collection[str]]) -> Label:
    if not isinstance(value, dict):
        return value  # type: ignore[no-any-return]
    try:
        return choice(_catalog_axis(axis), value).written(varying[value["name"]])
    except ValidationError:  # stored by a version that knew another catalog
        return _spelled_out(value)


def _catalog_axis(axis: str) -> str:
    return "initializer" if axis == "output_initializer" else axis


def _spelled_out(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_spelled_out, value))}]"
    if not isinstance(value, dict):
        return value_text(value)
    # In alphabetical order: Postgres keeps an order of its own.
    parameters = [
        (name, _spelled_out(content)) for name, content in sorted(value.items()) if name != "name"
    ]
    return entry_text(value.get("name", ""), parameters)  # constants of a formula have no name
