"""Labels and parameters of a comparison as people read them."""

from collections.abc import Iterable

from actinium.types import Level


def level_text(level: Level) -> str:
    """Return a label, or the value of a parameter as people write it: ``50``, ``1e-5``."""
    if isinstance(level, float):
        digits, exponent, power = repr(level).removesuffix(".0").partition("e")
        return f"{digits}e{int(power)}" if exponent else digits
    return str(level)


def group_text(levels: Iterable[Level]) -> str:
    """Return a group of a comparison: ``relu, he_normal``; ``all runs`` where nothing varies."""
    return ", ".join(map(level_text, levels)) or "all runs"
