"""Numbers that JSON cannot hold: the service writes "NaN", "Infinity" and "-Infinity"."""

import json
import math
from collections.abc import Collection, Mapping
from typing import Any

_NAMES = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def read_numbers(value: Any) -> Any:
    """Return a value with the names of non-finite numbers as floats; it must hold no other text."""
    match value:
        case str():
            return _NAMES.get(value, value)
        case list():
            return [read_numbers(item) for item in value]
        case dict():
            return {name: read_numbers(item) for name, item in value.items()}
        case _:
            return value


def write_json(value: Any, *, indent: int | None = None) -> str:
    """Return a value as JSON, with non-finite numbers by their names, as the service does.

    Numbers and arrays of numpy and pandas become plain numbers and lists.

    Raises:
        TypeError: JSON cannot hold something in the value.
    """
    return json.dumps(_named(value), indent=indent, ensure_ascii=False, allow_nan=False)


def _named(value: Any) -> Any:
    # Recognized by a method, so neither numpy nor pandas is needed here.
    if hasattr(value, "tolist"):
        value = value.tolist()
    match value:
        case float() if not math.isfinite(value):
            return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
        case str() | bytes():
            return value
        case Mapping():
            return {name: _named(item) for name, item in value.items()}
        case Collection():
            return [_named(item) for item in value]
        case _:
            return value
