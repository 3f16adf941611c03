"""Parameters of resolved configurations under dotted names: ``optimizer.learning_rate``.

A dotted name is an axis, then a parameter of the axis' entry; a parameter that is an entry itself
goes on with its own parameters, ``dataset.preprocessing.components``, and so do the constants of a
formula: ``activation.parameters.b``.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from service.catalog.axes import AXES
from service.catalog.entry import Parameter
from service.specs.spec import AXIS_FIELDS


def parameter_value(config: Mapping[str, Any], dotted: str) -> Any:
    """Return the value of a parameter in a resolved configuration.

    Args:
        config: the configuration, as JSON values.
        dotted: the parameter's dotted name.

    Returns:
        The JSON value, a mapping where the parameter is an entry itself; None where the
        configuration's entry has no such parameter.
    """
    axis, *names = dotted.split(".")
    value = config.get(axis) if names else None
    for name in names:
        if name == "name" or not isinstance(value, Mapping):
            return None
        value = entry_parameter(axis, value, name)
        axis = name
    return value


def entry_parameter(axis: str, entry: Mapping[str, Any], parameter: str) -> Any:
    """Return an entry's value of a parameter, also of one that is left out at its default.

    None where the entry has no such parameter.
    """
    if parameter in entry:
        return entry[parameter]
    parameters = _catalogued(axis, entry)
    return next((found.default for found in parameters if found.name == parameter), None)


def parameters_of(axis: str, entry: Mapping[str, Any]) -> set[str]:
    """Return the names that a selection of an entry can ask for: its parameters', and ``name``."""
    return {*entry, *(parameter.name for parameter in _catalogued(axis, entry))}


def _catalogued(axis: str, entry: Mapping[str, Any]) -> Sequence[Parameter]:
    """Return the parameters that the catalog has of an entry; none of one it does not know."""
    known = AXES.get("initializer" if axis == "output_initializer" else axis, {})
    return known[entry["name"]].parameters if entry.get("name") in known else ()


def varying_parameters(configs: Collection[Mapping[str, Any]]) -> list[str]:
    """Return the dotted names of the parameters that differ under the same entry of an axis.

    ``adam`` with two learning rates gives ``optimizer.learning_rate``; ``adam`` beside ``sgd``
    gives nothing, because their parameters do not mean the same. A parameter that is an entry
    itself is returned where its entries have different names.

    Args:
        configs: resolved configurations, as JSON values.

    Returns:
        The names in the order of the axes, each once.
    """
    return [
        name
        for axis in AXIS_FIELDS
        for name in _varying(axis, _different(config.get(axis) for config in configs))
    ]


def _different(entries: Iterable[Any]) -> Collection[Any]:
    """Return each entry once: most configurations share most of theirs."""
    return {orjson.dumps(entry): entry for entry in entries}.values()


def _varying(prefix: str, entries: Collection[Any]) -> list[str]:
    """Return the parameters below ``prefix`` that differ between entries of one name."""
    same_name: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for entry in entries:
        if isinstance(entry, Mapping):
            same_name[entry.get("name", "")].append(entry)
    found = [name for group in same_name.values() for name in _differences(prefix, group)]
    return list(dict.fromkeys(found))


def _differences(prefix: str, entries: list[Mapping[str, Any]]) -> Iterator[str]:
    """Return the parameters that differ between entries, which all have the same name."""
    for parameter in dict.fromkeys(name for entry in entries for name in entry if name != "name"):
        dotted = f"{prefix}.{parameter}"
        values = [entry_parameter(prefix.rpartition(".")[2], entry, parameter) for entry in entries]
        if len({_identity(value) for value in values}) > 1:
            yield dotted
        yield from _varying(dotted, values)


def _identity(value: Any) -> bytes:
    """Return what tells values apart: of an entry its name, of anything else its JSON.

    The constants of a formula are told apart one by one.
    """
    if isinstance(value, Mapping):
        value = {"name": value.get("name")}
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
