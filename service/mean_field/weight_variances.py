"""The variance of the weights that an initializer draws, by the fans of a layer."""

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


def _scaled(fans: Fans, *, scale: float, mode: str, distribution: str = "") -> float:  # noqa: ARG001
    denominators = {
        "fan_in": fans.inputs,
        "fan_out": fans.outputs,
        "fan_avg": (fans.inputs + fans.outputs) / 2,
    }
    return scale / denominators[mode]


def _glorot(fans: Fans) -> float:
    return _scaled(fans, scale=1, mode="fan_avg")


def _he(fans: Fans) -> float:
    return _scaled(fans, scale=2, mode="fan_in")


def _lecun(fans: Fans) -> float:
    return _scaled(fans, scale=1, mode="fan_in")


def _orthogonal(fans: Fans, *, gain: float) -> float:
    """Return gain^2 over the longer side: its rows or columns, the shorter ones, have length gain.

    The elements of a row are not independent, which changes nothing in wide layers.
    """
    return gain**2 / max(fans.rows, fans.inputs)


_VARIANCES: dict[str, Callable[..., float]] = {
    "zeros": lambda _: 0.0,
    "normal": lambda _, *, stddev: stddev**2,
    "truncated_normal": lambda _, *, stddev: TRUNCATED_VARIANCE * stddev**2,
    "uniform": lambda _, *, limit: limit**2 / 3,
    "fan_in_uniform": lambda fans: 1 / (3 * fans.inputs),
    "glorot_uniform": _glorot,
    "glorot_normal": _glorot,
    "he_uniform": _he,
    "he_normal": _he,
    "lecun_uniform": _lecun,
    "lecun_normal": _lecun,
    "variance_scaling": _scaled,
    "orthogonal": _orthogonal,
}


def weight_variance(initializer: str, parameters: Mapping[str, Any], fans: Fans) -> float | None:
    """Return the variance of a weight; None where the fans do not decide it.

    ``constant`` is not random, and ``lsuv`` scales its weights on data.
    """
    variance = _VARIANCES.get(initializer)
    return None if variance is None else variance(fans, **parameters)
