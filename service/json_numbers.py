"""Numbers that JSON cannot hold: they travel as "NaN", "Infinity" and "-Infinity"."""

import math
from typing import Literal

JsonNumber = float | Literal["NaN", "Infinity", "-Infinity"]


def to_json(value: float | None) -> JsonNumber | None:
    """Write a number as JSON can hold it; nothing becomes null but what is missing."""
    if value is None or math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"
