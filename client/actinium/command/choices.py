"""Fields of a spec as words of a command: ``relu``, ``leaky_relu:negative_slope=0.2``, JSON."""

import json
import re
from collections.abc import Mapping
from typing import Any

from actinium.spec import Target

#: Numbers as people type them, and JSON does not have them.
_NUMBER = re.compile(r"[-+]?(?:\.\d+|\d+\.)(?:[eE][-+]?\d+)?|\+\d+(?:\.\d*)?(?:[eE][-+]?\d+)?")


def read_value(text: str) -> Any:
    """Return the value of an axis: JSON, a name, or ``name:parameter=value,parameter=value``.

    Raises:
        ValueError: the JSON is not valid, or a parameter has no value.
    """
    if text.startswith(("{", "[", '"')):
        try:
            return json.loads(text)
        except ValueError as error:
            raise ValueError(f"{text!r} is not valid JSON: {error}.") from error
    name, colon, parameters = text.partition(":")
    if not colon:
        return _scalar(text)
    values = _assignments(parameters)
    if values is None:
        raise ValueError(
            f"{text!r} is not a value: write it as leaky_relu:negative_slope=0.2, or as JSON."
        )
    return {"name": name, **values}


def write_value(value: Any) -> str:
    """Return the word that ``read_value`` reads as this value of an axis."""
    if not isinstance(value, Mapping):
        return str(value)
    parameters = {name: setting for name, setting in value.items() if name != "name"}
    listed = ",".join(f"{name}={_word(setting)}" for name, setting in parameters.items())
    return f"{value['name']}:{listed}" if listed else str(value["name"])


def _word(setting: Any) -> str:
    readable = isinstance(setting, str) and _scalar(setting) == setting
    return str(setting) if readable else json.dumps(setting, separators=(",", ":"))


def read_seeds(text: str) -> int | list[int]:
    """Return seeds: a count such as ``5``, or a list such as ``1,2,3`` or ``7,``.

    Raises:
        ValueError: they are not whole numbers.
    """
    try:
        seeds = [int(number) for number in text.split(",") if number.strip()]
    except ValueError:
        seeds = []
    if not seeds:
        raise ValueError(f"{text!r} are not seeds: write a count as 5, or a list as 1,2,3.")
    return seeds if "," in text else seeds[0]


def read_tag(text: str) -> tuple[str, str]:
    """Return the key and the value of a tag, ``key:value``.

    Raises:
        ValueError: it has no key or no value.
    """
    return _pair(text, "tag", "key:value")


def read_label(text: str) -> tuple[str, str]:
    """Return the axis and the label of a group, ``activation:leaky_relu(negative_slope=0.2)``.

    Raises:
        ValueError: it has no axis.
    """
    return _pair(text, "label of a group", "axis:label")


def read_target(text: str) -> Target:
    """Return the target of a metric, ``val_accuracy:0.97``.

    Raises:
        ValueError: it has no metric, or no number.
    """
    metric, value = _pair(text, "target", "metric:value")
    try:
        return {"metric": metric, "value": float(value)}
    except ValueError:
        raise ValueError(f"{value!r} is not a number: write the target as {metric}:0.97.") from None


def _pair(text: str, what: str, form: str) -> tuple[str, str]:
    key, colon, value = text.partition(":")
    if not colon or not key:
        raise ValueError(f"{text!r} is not a {what}: write it as {form}.")
    return key, value


def read_statistics(text: str) -> Any:
    """Return when layer statistics are taken: ``off``, ``auto``, or every N epochs.

    Raises:
        ValueError: the text is none of them.
    """
    if text == "off":
        return text
    if text != "auto" and not text.isdecimal():
        raise ValueError(f"{text!r} is neither off, nor auto, nor a number of epochs.")
    return {"every": text if text == "auto" else int(text)}


def read_early_stopping(text: str) -> dict[str, Any]:
    """Return when runs stop early: ``5``, a patience, or ``patience=5,metric=val_accuracy``.

    Raises:
        ValueError: the text is neither.
    """
    if text.isdecimal():
        return {"patience": int(text)}
    values = _assignments(text)
    if values is None:
        raise ValueError(
            f"{text!r} is no early stopping: write a number of epochs, or "
            "patience=5,metric=val_accuracy."
        )
    return values


def read_ticket(text: str) -> dict[str, Any]:
    """Return a lottery ticket: the id of a run, or ``run=ID,keep=0.1,scope=global``.

    Raises:
        ValueError: the text is neither.
    """
    values = {"run": text} if "=" not in text else _assignments(text)
    if not values or "run" not in values:
        raise ValueError(f"{text!r} is no ticket: write the id of a run, or run=ID,keep=0.1.")
    return values | {"run": str(values["run"])}


def read_object(text: str) -> dict[str, Any]:
    """Return a JSON object.

    Raises:
        ValueError: the text is none.
    """
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is not valid JSON: {error}.") from error
    if isinstance(value, dict):
        return value
    raise ValueError(f"{text!r} is not a JSON object.")


def _assignments(text: str) -> dict[str, Any] | None:
    """Return the values of ``parameter=value,parameter=value``; None where one has no value."""
    values = {}
    for assignment in _split(text):
        parameter, equals, value = assignment.partition("=")
        if not parameter or not equals:
            return None
        values[parameter.strip()] = _scalar(value)
    return values


def _scalar(text: str) -> Any:
    """Return a number, a value of JSON, or the text; ``.25``, ``5.`` and ``+1`` are numbers too."""
    if _NUMBER.fullmatch(text):
        return float(text)
    try:
        return json.loads(text)
    except ValueError:
        return text


def _split(text: str) -> list[str]:
    """Split a text at the commas outside brackets."""
    parts, depth, start = [], 0, 0
    for at, character in enumerate(text):
        if character in "[{(":
            depth += 1
        elif character in "]})":
            depth -= 1
        elif character == "," and depth == 0:
            parts.append(text[start:at])
            start = at + 1
    return [*parts, text[start:]]
