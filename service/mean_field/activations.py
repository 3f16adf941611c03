"""Activations as functions of numbers, with their slopes and kinks: what the theory integrates.

The functions that train are in ``workers.nn.activations``; a test holds the two together. maxout
and the gated activations read several z-values; their maps are in ``service.mean_field.maxout`` and
``service.mean_field.moments``.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.formulas.expression import Constants, Expression
from service.formulas.special import expit, ndtr

Values = NDArray[np.float64]
Function = Callable[[Values], Values]

#: Constants of selu: Klambauer et al. 2017, eq. 14.
_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805

#: Formulas are cut off here: exp(exp(x)) has no mean square among the numbers.
_LARGEST = 1e70

_ROOT_TWO_PI = math.sqrt(2 * math.pi)


@dataclass(frozen=True)
class Nonlinearity:
    """An element-wise activation.

    Attributes:
        value: the function, of an array of any shape.
        slope: its derivative; at a kink, either side's.
        kinks: where the function is not smooth.
    """

    value: Function
    slope: Function
    kinks: tuple[float, ...] = ()


def _identity() -> Nonlinearity:
    return Nonlinearity(lambda x: x, np.ones_like)


def _sigmoid() -> Nonlinearity:
    return Nonlinearity(expit, lambda x: expit(x) * expit(-x))


def _tanh() -> Nonlinearity:
    return Nonlinearity(np.tanh, lambda x: 1 - np.tanh(x) ** 2)


def _rectifier(slope: float) -> Nonlinearity:
    return Nonlinearity(
        lambda x: np.where(x > 0, x, slope * x), lambda x: np.where(x > 0, 1.0, slope), (0.0,)
    )


def _elu(alpha: float, scale: float = 1.0) -> Nonlinearity:
    return Nonlinearity(
        lambda x: scale * np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0))),
        lambda x: scale * np.where(x > 0, 1.0, alpha * np.exp(np.minimum(x, 0))),
        (0.0,),
    )


def _gelu(approximate: str) -> Nonlinearity:
    if approximate == "tanh":
        return Nonlinearity(_tanh_gelu, _tanh_gelu_slope)
    return Nonlinearity(
        lambda x: x * ndtr(x), lambda x: ndtr(x) + x * np.exp(-(x**2) / 2) / _ROOT_TWO_PI
    )


def _tanh_gelu(x: Values) -> Values:
    value: Values = x * expit(2 * _tanh_gelu_exponent(x))
    return value


def _tanh_gelu_slope(x: Values) -> Values:
    share = expit(2 * _tanh_gelu_exponent(x))
    inner = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x**2)
    slope: Values = share + 2 * x * share * (1 - share) * inner
    return slope


def _tanh_gelu_exponent(x: Values) -> Values:
    exponent: Values = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
    return exponent


def _silu(beta: float) -> Nonlinearity:
    return Nonlinearity(
        lambda x: x * expit(beta * x),
        lambda x: expit(beta * x) * (1 + beta * x * expit(-beta * x)),
    )


def _mish() -> Nonlinearity:
    def slope(x: Values) -> Values:
        squashed = np.tanh(np.logaddexp(0, x))
        found: Values = squashed + x * (1 - squashed**2) * expit(x)
        return found

    return Nonlinearity(lambda x: x * np.tanh(np.logaddexp(0, x)), slope)


def _softplus() -> Nonlinearity:
    return Nonlinearity(lambda x: np.logaddexp(0, x), expit)


def _softsign() -> Nonlinearity:
    return Nonlinearity(lambda x: x / (1 + np.abs(x)), lambda x: 1 / (1 + np.abs(x)) ** 2, (0.0,))


def _clamp(low: float, high: float, steepness: float = 1.0, shift: float = 0.0) -> Nonlinearity:
    """Return ``shift + steepness * x`` inside of ``low`` and ``high``, flat outside."""
    return Nonlinearity(
        lambda x: shift + steepness * np.clip(x, low, high),
        lambda x: np.where((x > low) & (x < high), steepness, 0.0),
        (low, high),
    )


def _celu(alpha: float) -> Nonlinearity:
    return Nonlinearity(
        lambda x: np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0) / alpha)),
        lambda x: np.where(x > 0, 1.0, np.exp(np.minimum(x, 0) / alpha)),
        (0.0,),
    )


def _hard_swish() -> Nonlinearity:
    return Nonlinearity(
        lambda x: x * np.clip(x + 3, 0, 6) / 6,
        lambda x: np.where(x <= -3, 0.0, np.where(x >= 3, 1.0, x / 3 + 0.5)),
        (-3.0, 3.0),
    )


def _formula(*, expression: Expression, parameters: Constants) -> Nonlinearity:
    written = expression.with_constants(parameters)
    return Nonlinearity(
        lambda x: _finite(written.sampled(x)[0]),
        lambda x: _finite(written.sampled(x)[1]),
        written.kinks,
    )


def _finite(values: Values) -> Values:
    """Return values whose squares are numbers, with 0 in the place of a hole."""
    return np.nan_to_num(np.clip(values, -_LARGEST, _LARGEST), nan=0.0)


#: From an activation's parameters, by their names in the catalog, to its function.
NONLINEARITIES: dict[str, Callable[..., Nonlinearity]] = {
    "identity": _identity,
    "sigmoid": _sigmoid,
    "tanh": _tanh,
    "relu": lambda: _rectifier(0.0),
    "leaky_relu": lambda *, negative_slope: _rectifier(negative_slope),
    "prelu": lambda *, initial_slope: _rectifier(initial_slope),
    "elu": lambda *, alpha: _elu(alpha),
    "selu": lambda: _elu(_SELU_ALPHA, _SELU_SCALE),
    "gelu": lambda *, approximate: _gelu(approximate),
    "silu": lambda *, beta: _silu(beta),
    "mish": _mish,
    "softplus": _softplus,
    "softsign": _softsign,
    "hard_sigmoid": lambda: _clamp(-3.0, 3.0, 1 / 6, 0.5),
    "hard_tanh": lambda: _clamp(-1.0, 1.0),
    "relu6": lambda: _clamp(0.0, 6.0),
    "celu": lambda *, alpha: _celu(alpha),
    "hard_swish": _hard_swish,
    "squared_relu": lambda: Nonlinearity(
        lambda x: np.maximum(x, 0) ** 2, lambda x: 2 * np.maximum(x, 0), (0.0,)
    ),
    "formula": _formula,
}

#: The functions of the second z-value by which gated activations multiply the first.
GATES: dict[str, Nonlinearity] = {
    "glu": _sigmoid(),
    "swiglu": _silu(1.0),
    "geglu": _gelu("none"),
}
