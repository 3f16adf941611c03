"""Initializers: how weights and biases are drawn before the first step.

Everything is drawn by NumPy in float64 on the CPU and rounded to float32 afterwards, so a
network begins with the same bits on every device.

Truncation: the normal forms of glorot, he and lecun are truncated at two standard deviations
and rescaled, so that the variance of what is drawn is the stated one; ``truncated_normal`` is
truncated and not rescaled, so that what is drawn has 0.88 of the stated standard deviation;
plain ``normal`` is not truncated. Keras draws all of them so.
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

#: The layers that have weights to draw.
Weighted = nn.Linear | nn.Conv2d

#: Outputs whose spread is below this share of their mean differ by float32's rounding alone.
ROUNDING = 1e-6

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


def truncated_normal(*, stddev: float) -> Initializer:
    """Draw from N(0, stddev^2) cut at +-2 stddev, whatever the fans.

    ``stddev`` is that of the normal before it is cut; what is drawn has 0.8796 of it. Keras,
    ``TruncatedNormal``.
    """
    return lambda shape, generator: _truncated_normal(shape, generator) * stddev


def fan_in_uniform() -> Initializer:
    """U(+-1 / sqrt(fan_in)), of variance 1 / (3 fan_in): torch's own default for weights."""
    return variance_scaling(1 / 3, "fan_in", "uniform")


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


def orthogonal(*, gain: float) -> Initializer:
    """Give gain times a matrix with orthonormal rows, or columns where there are more rows.

    Drawn uniformly (Haar measure) over such matrices; a convolution's weight is seen as
    (out, in * height * width). Saxe et al. 2013, section 4.
    """
    return lambda shape, generator: gain * _orthonormal(shape, generator)


def _orthonormal(shape: Sequence[int], generator: np.random.Generator) -> Weights:
    rows, columns = shape[0], math.prod(shape[1:])
    normal = generator.standard_normal((max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(normal)
    # QR is unique, and so uniform, once the diagonal of R is positive: Mezzadri 2007, section 5.
    q *= np.copysign(1.0, np.diagonal(r))
    return (q if rows >= columns else q.T).reshape(shape)


class Lsuv:
    """Orthonormal weights, which ``initialize`` scales once they have met the data."""

    def __call__(self, shape: Sequence[int], generator: np.random.Generator) -> Weights:
        return _orthonormal(shape, generator)


def lsuv() -> Initializer:
    """Orthonormal weights, scaled layer by layer until z-values have unit variance over a batch.

    Layer-sequential unit-variance initialization. Mishkin & Matas 2015, algorithm 1.
    """
    return Lsuv()


INITIALIZERS: dict[str, Callable[..., Initializer]] = {
    "zeros": partial(constant, value=0.0),
    "constant": constant,
    "normal": normal,
    "truncated_normal": truncated_normal,
    "uniform": uniform,
    "fan_in_uniform": fan_in_uniform,
    "glorot_uniform": glorot_uniform,
    "glorot_normal": glorot_normal,
    "he_uniform": he_uniform,
    "he_normal": he_normal,
    "lecun_uniform": lecun_uniform,
    "lecun_normal": lecun_normal,
    "orthogonal": orthogonal,
    "lsuv": lsuv,
}


@torch.no_grad()
def initialize(
    network: nn.Module,
    *,
    weight: Initializer,
    output_weight: Initializer,
    bias: Initializer,
    stream: Callable[[str], np.random.Generator],
    inputs: Tensor,
) -> None:
    """Fill the weights and biases of a network's dense and convolution layers, in place.

    All other parameters (of normalizations and activations) keep their own start.

    Args:
        network: its last layer is named ``output``.
        weight: draws every weight but the output layer's.
        output_weight: draws the output layer's.
        bias: draws every bias.
        stream: gives each parameter, by its full name, a generator of its own, so that one
            layer's draw does not depend on the layers before it.
        inputs: training samples, (samples, *input_shape), on the network's device: what ``lsuv``
            measures the z-values of. The other initializers do not look at them.
    """
    measured = []
    for name, layer in network.named_modules():
        if isinstance(layer, Weighted):
            draw = output_weight if name == "output" else weight
            _fill(layer.weight, draw, stream(f"{name}.weight"))
            if layer.bias is not None:
                _fill(layer.bias, bias, stream(f"{name}.bias"))
            if isinstance(draw, Lsuv):
                measured.append(layer)
    if measured:
        unit_variance(network, measured, inputs)


def _fill(parameter: Tensor, draw: Initializer, generator: np.random.Generator) -> None:
    parameter.copy_(torch.from_numpy(draw(tuple(parameter.shape), generator)))


@torch.no_grad()
def unit_variance(network: nn.Module, layers: Sequence[Weighted], inputs: Tensor) -> None:
    """Scale the weights of layers, in place, so that their outputs have unit variance.

    One pass through the network: each layer is scaled when the pass reaches it, so the next
    meets what it gives then. The variance is over all elements of the layer's output (before
    any normalization). Since the layer is linear and its bias, one constant, moves no variance,
    one division is exact: the paper's iterations, up to ten within a tolerance of 0.1, are for
    mini-batches that change. Mishkin & Matas 2015, algorithm 1.

    Nothing is dropped; normalizations see the batch as in training, and keep their running
    statistics as they were. A layer whose output does not vary (its inputs are all dead) is left
    as it is, and so is one whose output is not finite.

    Args:
        network: takes ``inputs`` alone.
        layers: those to scale, of the network.
        inputs: (samples, *input_shape), on the network's device.
    """
    buffers = [(buffer, buffer.clone()) for buffer in network.buffers()]
    hooks = [layer.register_forward_hook(_scale) for layer in layers]
    training = network.training
    network.train()(inputs)
    network.train(training)
    for hook in hooks:
        hook.remove()
    for buffer, before in buffers:
        buffer.copy_(before)


def _scale(layer: Weighted, _: tuple[Tensor], z: Tensor) -> Tensor:
    """Divide a layer's weight by the standard deviation of its output; give its new output."""
    deviation, mean = torch.std_mean(z, correction=0)
    if not ROUNDING * mean.abs() < deviation < math.inf:
        return z
    layer.weight.div_(deviation)
    if layer.bias is None:
        return z / deviation
    # The bias stays: bias + (z - bias) / deviation.
    return torch.lerp(layer.bias.view(-1, *[1] * (z.dim() - 2)), z, 1 / deviation)
