"""Fields of a spec as they are typed: ``relu``, ``leaky_relu:negative_slope=0.2``, JSON."""

import json
from typing import Any


def read_value(text: str) -> Any:
    """Read a value: JSON, a name, or ``name:parameter=value,parameter=value``.

    Raises:
        ValueError: a parameter has no value.
    """
    if text.startswith(("{", "[", '"')):
        try:
            return json.loads(text)
        except ValueError as error:
            raise ValueError(f"{text!r} is not valid JSON: {error}.") from error
    name, colon, parameters = text.partition(":")
    if not colon:
        return _scalar(text)
    read = {}
    for each in _split(parameters):
        parameter, equals, value = each.partition("=")
        if not parameter or not equals:
            raise ValueError(
                f"{text!r} is no value: write it as leaky_relu:negative_slope=0.2, or as JSON."
            )
        read[parameter.strip()] = _scalar(value)
    return {"name": name, **read}


def read_seeds(text: str) -> int | list[int]:
    """Read seeds: a count as ``5``, or a list as ``1,2,3`` or ``7,``.

    Raises:
        ValueError: they are no whole numbers.
    """
    parts = [each for each in text.split(",") if each.strip()]
    try:
        seeds = [int(each) for each in parts]
    except ValueError:
        seeds = []
    if not seeds:
        raise ValueError(f"{text!r} are no seeds: write a count as 5, or a list as 1,2,3.")
    return seeds if "," in text else seeds[0]


def read_tag(text: str) -> tuple[str, str]:
    """Read a tag, ``key:value``.

    Raises:
        ValueError: it has no value.
    """
    key, colon, value = text.partition(":")
    if not colon or not key:
        raise ValueError(f"{text!r} is no tag: write it as key:value.")
    return key, value


def read_statistics(text: str) -> Any:
    """Read when layer statistics are taken: ``off``, ``auto`` or every so many epochs.

    Raises:
        ValueError: it is none of them.
    """
    if text == "off":
        return text
    if text != "auto" and not text.isdecimal():
        raise ValueError(f"{text!r} is none of off, auto, or a number of epochs.")
    return {"every": text if text == "auto" else int(text)}


def _scalar(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _split(text: str) -> list[str]:
    """Split at the commas that stand in no brackets."""
    parts, depth, start = [], 0, 0
    for at, each in enumerate(text):
        if each in "[{":
            depth += 1
        elif each in "]}":
            depth -= 1
        elif each == "," and depth == 0:
            parts.append(text[start:at])
            start = at + 1
    return [*parts, text[start:]]
