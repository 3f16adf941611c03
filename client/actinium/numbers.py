"""Numbers that JSON cannot hold: they travel as "NaN", "Infinity" and "-Infinity"."""

import json
import math
from collections.abc import Collection, Mapping
from typing import Any

_NAMES = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def read_numbers(value: Any) -> Any:
    """Turn the names of non-finite numbers into floats, all through a value that holds no text."""
    match value:
        case str():
            return _NAMES.get(value, value)
        case list():
            return [read_numbers(each) for each in value]
        case dict():
            return {name: read_numbers(each) for name, each in value.items()}
        case _:
            return value


def write_json(value: Any, *, indent: int | None = None) -> str:
    """Write JSON as the service does: non-finite numbers by their names.

    Numbers and arrays of numpy and pandas are written as the numbers they hold.

    Raises:
        TypeError: there is something in it that JSON has no place for.
    """
    return json.dumps(_named(value), indent=indent, ensure_ascii=False, allow_nan=False)


def _named(value: Any) -> Any:
    # Known by what they can do: neither of the two libraries is needed here.
    if hasattr(value, "tolist"):
        value = value.tolist()
    match value:
        case float() if not math.isfinite(value):
            return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
        case str() | bytes():
            return value
        case Mapping():
            return {name: _named(each) for name, each in value.items()}
        case Collection():
            return [_named(each) for each in value]
        case _:
            return value
