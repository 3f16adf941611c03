"""The variance of the weights that an initializer draws, by the fans of a layer."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

#: Variance of a standard normal that is truncated to [-2, 2].
TRUNCATED_VARIANCE = 0.7737413035760618


@dataclass(frozen=True)
class Fans:
    """The fans of a layer, and the shape of its weights as a matrix.

    Attributes:
        inputs: fan-in, the columns of the matrix: a convolution's channels times its field.
        outputs: fan-out: a convolution's channels times its field.
        rows: output units or channels.
    """

    inputs: int
    outputs: int
    rows: int

    @property
    def field(self) -> int:
        """Pixels of a kernel; 1 of a dense layer."""
        return self.outputs // self.rows


def _scaled(fans: Fans, *, scale: float, mode: str, distribution: str = "") -> float:  # noqa: ARG001
    denominators = {
        "fan_in": fans.inputs,
        "fan_out": fans.outputs,
        "fan_avg": (fans.inputs + fans.outputs) / 2,
    }
    return scale / denominators[mode]


def _glorot(fans: Fans, *, gain: float) -> float:
    return _scaled(fans, scale=gain**2, mode="fan_avg")


def _he(fans: Fans, *, negative_slope: float) -> float:
    return _scaled(fans, scale=2 / (1 + negative_slope**2), mode="fan_in")


def _lecun(fans: Fans) -> float:
    return _scaled(fans, scale=1, mode="fan_in")


def _orthogonal(fans: Fans, *, gain: float) -> float:
    """Return gain^2 over the longer side: its rows or columns, the shorter ones, have length gain.

    The elements of a row are not independent, which changes nothing in wide layers.
    """
    return gain**2 / max(fans.rows, fans.inputs)


def _delta_orthogonal(fans: Fans, *, gain: float) -> float:
    """Return the same of the centre, over all pixels of the kernel."""
    return gain**2 / max(fans.rows, fans.inputs // fans.field) / fans.field


def _random_walk(fans: Fans, *, nonlinearity: str) -> float:
    width = fans.inputs
    if nonlinearity == "linear":
        return math.exp(1 / width) / width
    return 2 * math.exp(2.4 / (max(width, 6) - 2.4)) / width


def _normal(_: Fans, *, stddev: float, mean: float) -> float | None:
    return None if mean else stddev**2


def _uniform(_: Fans, *, limit: float, low: float | None, high: float | None) -> float | None:
    lower, upper = -limit if low is None else low, limit if high is None else high
    return (upper - lower) ** 2 / 12 if lower == -upper else None


_VARIANCES: dict[str, Callable[..., float | None]] = {
    "zeros": lambda _: 0.0,
    "normal": _normal,
    "truncated_normal": lambda _, *, stddev: TRUNCATED_VARIANCE * stddev**2,
    "uniform": _uniform,
    "fan_in_uniform": lambda fans: 1 / (3 * fans.inputs),
    "glorot_uniform": _glorot,
    "glorot_normal": _glorot,
    "he_uniform": _he,
    "he_normal": _he,
    "lecun_uniform": _lecun,
    "lecun_normal": _lecun,
    "variance_scaling": _scaled,
    "orthogonal": _orthogonal,
    "delta_orthogonal": _delta_orthogonal,
    "random_walk": _random_walk,
}


def weight_variance(initializer: str, parameters: Mapping[str, Any], fans: Fans) -> float | None:
    """Return the variance of a weight of mean zero; None where there is none to state.

    ``constant``, ``ones`` and ``identity`` are not random, ``lsuv`` and ``data_dependent`` scale
    their weights on data, ``fixup`` by the blocks around a layer, and ``normal`` and ``uniform``
    may lie around another mean.
    """
    variance = _VARIANCES.get(initializer)
    return None if variance is None else variance(fans, **parameters)
