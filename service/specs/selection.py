"""Selections: some of an experiment's configurations, by their values on some axes."""

from collections.abc import Mapping
from typing import Any

from service.specs.parameters import entry_parameter
from service.specs.spec import axis_value
from service.specs.written_values import value_text

#: What a selection asks of an axis: an entry's name, some of its parameters (and its name), or a
#: number. One number asks for lists of nothing but it.
Asked = str | int | float | Mapping[str, Any]


def matches(config: Mapping[str, Any], label: str | None, where: Mapping[str, Asked]) -> bool:
    """Whether a configuration has each of the values that a selection asks for.

    Args:
        config: the resolved configuration, as JSON values.
        label: its variant's label.
        where: the selection; ``variant`` in it is compared with the label.
    """
    found = {**config, "variant": label}
    return all(_matches(axis, axis_value(found, axis), asked) for axis, asked in where.items())


def _matches(axis: str, found: Any, asked: Any) -> bool:
    if isinstance(asked, Mapping):
        return isinstance(found, Mapping) and all(
            _matches(name, entry_parameter(axis, found, name), value)
            for name, value in asked.items()
        )
    if isinstance(found, list) and not isinstance(asked, list):  # 0.5 for a rate of each layer
        return bool(found) and all(_matches(axis, each, asked) for each in found)
    return bool((found.get("name") if isinstance(found, Mapping) else found) == asked)


def in_words(where: Mapping[str, Asked]) -> str:
    """Return a selection in words: ``relu, he_normal``."""
    return ", ".join(_words(axis, asked) for axis, asked in where.items())


def _words(axis: str, asked: Any) -> str:
    if isinstance(asked, Mapping):
        # The name first: "adam, learning rate 0.01".
        named = sorted(asked.items(), key=lambda item: item[0] != "name")
        return ", ".join(_words(name, value) for name, value in named)
    if isinstance(asked, str):
        return asked if asked != "none" else f"no {axis.replace('_', ' ')}"
    return f"{axis.replace('_', ' ')} {value_text(asked)}"
