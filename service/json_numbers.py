"""Numbers that JSON cannot hold: they are written as "NaN", "Infinity" and "-Infinity"."""

import math
from typing import Any, Literal, TypeGuard

JsonNumber = float | Literal["NaN", "Infinity", "-Infinity"]


def to_json(value: float | None) -> JsonNumber | None:
    """Return a number in a form that JSON can hold; only a missing number becomes null."""
    if value is None or math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def is_number(value: Any) -> TypeGuard[float]:
    """Whether a value of parsed JSON is a number, and a finite one."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
