"""Values as people write them: ``50``, ``0.001``, ``1e-5``, ``true``."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

#: Whole numbers from here on have an exponent, and rounded ones from a million on.
_LARGE, _MILLION = 1e16, 1e6


def number_text(number: float) -> str:
    """Return a number in the fewest digits that are read as it: ``50`` and ``1e-5``.

    >>> [number_text(number) for number in (50.0, 0.001, 0.00001, 2.5e-07, 1e300, -0.5)]
    ['50', '0.001', '1e-5', '2.5e-7', '1e300', '-0.5']
    """
    if isinstance(number, int) or (number.is_integer() and abs(number) < _LARGE):
        return str(int(number))
    digits, exponent, power = repr(number).partition("e")
    # Python writes two digits and a sign.
    return f"{digits.removesuffix('.0')}e{int(power)}" if exponent else digits


def rounded_text(number: float, digits: int) -> str:
    """Return a number in so many digits that count; from a million on with an exponent.

    >>> [rounded_text(number, 2) for number in (588.7, 0.0000123, -0.25, 999999.0, 1.62e19)]
    ['590', '1.2e-5', '-0.25', '1e6', '1.6e19']
    """
    short = float(f"{number:.{digits}g}")
    if not math.isfinite(short):
        return str(short)
    if abs(short) < _MILLION:
        return number_text(short)
    mantissa, _, power = f"{short:.{digits - 1}e}".partition("e")
    return f"{number_text(float(mantissa))}e{int(power)}"


def value_text(value: Any) -> str:
    """Return a value of a spec as text: numbers by ``number_text``, lists in brackets.

    Named numbers, the constants of a formula, are ``a=1, b=0.5``.
    """
    if value is None or isinstance(value, bool):
        return {None: "none", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return number_text(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(value_text, value))}]"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={value_text(content)}" for name, content in sorted(value.items()))
    return str(value)


def entry_text(name: str, parameters: Sequence[tuple[str, str]]) -> str:
    """Return an entry with its parameters: ``leaky_relu(negative_slope=0.2)``.

    A parameter that is called as its entry, such as the layers of ``layers``, is not named again.

    Args:
        name: of the entry; empty for what has none.
        parameters: name and text of each that is shown.
    """
    if not parameters:
        return name
    shown = [text if key == name else f"{key}={text}" for key, text in parameters]
    return f"{name}({', '.join(shown)})"
