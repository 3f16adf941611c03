"""Initializers: how weights and biases are drawn before the first step.

Everything is drawn by NumPy in float64 on the CPU and rounded to float32 afterwards, so a
network begins with the same bits on every device.

Truncation: the normal forms of glorot, he and lecun are truncated at two standard deviations
and rescaled, so that the variance of what is drawn is the stated one (Keras draws them so);
plain ``normal`` is not truncated.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Weights = NDArray[np.float64]
Initializer = Callable[[Sequence[int], np.random.Generator], Weights]

#: Standard deviation of a standard normal truncated to [-2, 2].
TRUNCATED_STDDEV = 0.87962566103423978


def fans(shape: Sequence[int]) -> tuple[int, int]:
    """Count the inputs and the outputs of one unit.

    Args:
        shape: of a weight, (out, in) for a dense layer or (out, in, height, width) for a
            convolution, whose fans count its receptive field: He et al. 2015, section 2.2
            (k^2 c in, k^2 d out).

    Returns:
        (fan_in, fan_out).

    Raises:
        ValueError: the shape has fewer than two dimensions, as a bias has.
    """
    if len(shape) < 2:
        raise ValueError(f"Fans belong to weights of two dimensions or more, not to {shape}.")
    outputs, inputs, *kernel = shape
    field = math.prod(kernel)
    return inputs * field, outputs * field


def variance_scaling(
    scale: float,
    fan: Literal["fan_in", "fan_avg"],
    distribution: Literal["uniform", "truncated_normal"],
) -> Initializer:
    """Draw around zero with variance scale / fan, where fan_avg = (fan_in + fan_out) / 2.

    The uniform form lies within +-sqrt(3 scale / fan), the truncated one within about 2.27
    standard deviations of the result (two of the normal it is cut from).
    """

    def draw(shape: Sequence[int], generator: np.random.Generator) -> Weights:
        fan_in, fan_out = fans(shape)
        variance = scale / (fan_in if fan == "fan_in" else (fan_in + fan_out) / 2)
        if distribution == "uniform":
            limit = math.sqrt(3 * variance)
            return generator.uniform(-limit, limit, shape)
        return _truncated_normal(shape, generator) * (math.sqrt(variance) / TRUNCATED_STDDEV)

    return draw


def _truncated_normal(shape: Sequence[int], generator: np.random.Generator) -> Weights:
    """Draw a standard normal on [-2, 2], by drawing again whatever falls outside."""
    drawn = generator.standard_normal(math.prod(shape))
    while (outside := np.flatnonzero(np.abs(drawn) > 2)).size:
        drawn[outside] = generator.standard_normal(outside.size)
    return drawn.reshape(shape)


def constant(*, value: float) -> Initializer:
    """Give every element one value."""
    return lambda shape, _: np.full(shape, value)


def normal(*, stddev: float) -> Initializer:
    """Draw from N(0, stddev^2), not truncated, whatever the fans."""
    return lambda shape, generator: generator.standard_normal(shape) * stddev


def uniform(*, limit: float) -> Initializer:
    """Draw from U(-limit, limit), whatever the fans."""
    return lambda shape, generator: generator.uniform(-limit, limit, shape)


def glorot_uniform() -> Initializer:
    """U(+-sqrt(6 / (fan_in + fan_out))). Glorot & Bengio 2010, eq. 16."""
    return variance_scaling(1, "fan_avg", "uniform")


def glorot_normal() -> Initializer:
    """Variance 2 / (fan_in + fan_out), truncated. Glorot & Bengio 2010, eq. 12."""
    return variance_scaling(1, "fan_avg", "truncated_normal")


def he_uniform() -> Initializer:
    """U(+-sqrt(6 / fan_in)). The uniform form of He et al. 2015, eq. 10."""
    return variance_scaling(2, "fan_in", "uniform")


def he_normal() -> Initializer:
    """Variance 2 / fan_in, truncated. He et al. 2015, eq. 10."""
    return variance_scaling(2, "fan_in", "truncated_normal")


def lecun_uniform() -> Initializer:
    """U(+-sqrt(3 / fan_in)). The uniform form of LeCun et al. 1998, eq. 16."""
    return variance_scaling(1, "fan_in", "uniform")


def lecun_normal() -> Initializer:
    """Variance 1 / fan_in, truncated. LeCun et al. 1998, eq. 16."""
    return variance_scaling(1, "fan_in", "truncated_normal")


INITIALIZERS: dict[str, Callable[..., Initializer]] = {
    "zeros": partial(constant, value=0.0),
    "constant": constant,
    "normal": normal,
    "uniform": uniform,
    "glorot_uniform": glorot_uniform,
    "glorot_normal": glorot_normal,
    "he_uniform": he_uniform,
    "he_normal": he_normal,
    "lecun_uniform": lecun_uniform,
    "lecun_normal": lecun_normal,
}


@torch.no_grad()
def initialize(
    network: nn.Module,
    *,
    weight: Initializer,
    output_weight: Initializer,
    bias: Initializer,
    stream: Callable[[str], np.random.Generator],
) -> None:
    """Fill the weights and biases of a network's dense and convolution layers, in place.

    Args:
        network: its last layer is named ``output``.
        weight: draws every weight but the output layer's.
        output_weight: draws the output layer's.
        bias: draws every bias.
        stream: gives each parameter, by its full name, a generator of its own, so that one
            layer's draw does not depend on the layers before it.
    """
    for name, layer in network.named_modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            draw = output_weight if name == "output" else weight
            _fill(layer.weight, draw, stream(f"{name}.weight"))
            if layer.bias is not None:
                _fill(layer.bias, bias, stream(f"{name}.bias"))


def _fill(parameter: Tensor, draw: Initializer, generator: np.random.Generator) -> None:
    parameter.copy_(torch.from_numpy(draw(tuple(parameter.shape), generator)))
