"""Initializers: how weights and biases are drawn before the first step.

NumPy draws in float64 on the CPU, and the result is rounded to float32 (``nn.initialization``), so
a network begins with the same bits on every device.

Truncation, as in Keras: the normal forms of glorot, he and lecun are truncated at two standard
deviations and rescaled, so that the drawn weights have the stated variance. ``truncated_normal`` is
truncated and not rescaled, so its weights have 0.88 of the stated standard deviation. ``normal`` is
not truncated.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Weights = NDArray[np.float64]

#: From the shape of a weight or bias, and a random generator, to its values.
Initializer = Callable[[Sequence[int], np.random.Generator], Weights]

#: Standard deviation of a standard normal truncated to [-2, 2].
TRUNCATED_STDDEV = 0.87962566103423978


def fans(shape: Sequence[int]) -> tuple[int, int]:
    """Return fan_in and fan_out, the number of inputs and outputs of one unit.

    Args:
        shape: of a weight, (out, in) for a dense layer or (out, in, height, width) for a
            convolution, whose fans include its receptive field (k^2 c in, k^2 d out).

    Raises:
        ValueError: the shape has fewer than two dimensions, as a bias has.

    References:
        He et al. 2015, section 2.2.
    """
    if len(shape) < 2:
        raise ValueError(f"Fans need a weight of at least two dimensions; this has shape {shape}.")
    outputs, inputs, *kernel = shape
    field = math.prod(kernel)
    return inputs * field, outputs * field


def variance_scaling(
    *,
    scale: float,
    mode: Literal["fan_in", "fan_out", "fan_avg"],
    distribution: Literal["uniform", "truncated_normal", "untruncated_normal"],
) -> Initializer:
    """Return the initializer with mean 0 and variance scale / fan.

    The uniform form is bounded by +-sqrt(3 scale / fan), the truncated one by about 2.27 standard
    deviations of the result (two of the normal before truncation). As Keras' ``VarianceScaling``.

    Args:
        scale: numerator of the variance.
        mode: its denominator; fan_avg is (fan_in + fan_out) / 2.
        distribution: what is drawn from.
    """

    def draw(shape: Sequence[int], generator: np.random.Generator) -> Weights:
        fan_in, fan_out = fans(shape)
        denominator = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}
        variance = scale / denominator[mode]
        if distribution == "uniform":
            limit = math.sqrt(3 * variance)
            return generator.uniform(-limit, limit, shape)
        if distribution == "untruncated_normal":
            return generator.standard_normal(shape) * math.sqrt(variance)
        return _truncated_normal(shape, generator) * (math.sqrt(variance) / TRUNCATED_STDDEV)

    return draw


def _truncated_normal(shape: Sequence[int], generator: np.random.Generator) -> Weights:
    """Return draws from the standard normal on [-2, 2]; values outside are drawn again."""
    drawn = generator.standard_normal(math.prod(shape))
    while (outside := np.flatnonzero(np.abs(drawn) > 2)).size:
        drawn[outside] = generator.standard_normal(outside.size)
    return drawn.reshape(shape)


def constant(*, value: float) -> Initializer:
    """Return the initializer that sets every element to one value."""
    return lambda shape, _: np.full(shape, value)


def normal(*, stddev: float) -> Initializer:
    """Return the initializer N(0, stddev^2), not truncated, for any fans."""
    return lambda shape, generator: generator.standard_normal(shape) * stddev


def uniform(*, limit: float) -> Initializer:
    """Return the initializer U(-limit, limit), for any fans."""
    return lambda shape, generator: generator.uniform(-limit, limit, shape)


def truncated_normal(*, stddev: float) -> Initializer:
    """Return the initializer N(0, stddev^2) truncated at +-2 stddev, for any fans.

    The same as Keras' ``TruncatedNormal``.

    Args:
        stddev: of the normal before truncation; the drawn weights have 0.8796 of it.
    """
    return lambda shape, generator: _truncated_normal(shape, generator) * stddev


def fan_in_uniform() -> Initializer:
    """Return the initializer U(+-1 / sqrt(fan_in)), with variance 1 / (3 fan_in).

    Torch's default for weights.
    """
    return variance_scaling(scale=1 / 3, mode="fan_in", distribution="uniform")


def glorot_uniform() -> Initializer:
    """Return the initializer U(+-sqrt(6 / (fan_in + fan_out))).

    References:
        Glorot & Bengio 2010, eq. 16.
    """
    return variance_scaling(scale=1, mode="fan_avg", distribution="uniform")


def glorot_normal() -> Initializer:
    """Return the truncated normal initializer with variance 2 / (fan_in + fan_out).

    References:
        Glorot & Bengio 2010, eq. 12.
    """
    return variance_scaling(scale=1, mode="fan_avg", distribution="truncated_normal")


def he_uniform() -> Initializer:
    """Return the initializer U(+-sqrt(6 / fan_in)).

    References:
        The uniform form of He et al. 2015, eq. 10.
    """
    return variance_scaling(scale=2, mode="fan_in", distribution="uniform")


def he_normal() -> Initializer:
    """Return the truncated normal initializer with variance 2 / fan_in.

    References:
        He et al. 2015, eq. 10.
    """
    return variance_scaling(scale=2, mode="fan_in", distribution="truncated_normal")


def lecun_uniform() -> Initializer:
    """Return the initializer U(+-sqrt(3 / fan_in)).

    References:
        The uniform form of LeCun et al. 1998, eq. 16.
    """
    return variance_scaling(scale=1, mode="fan_in", distribution="uniform")


def lecun_normal() -> Initializer:
    """Return the truncated normal initializer with variance 1 / fan_in.

    References:
        LeCun et al. 1998, eq. 16.
    """
    return variance_scaling(scale=1, mode="fan_in", distribution="truncated_normal")


def orthogonal(*, gain: float) -> Initializer:
    """Return the initializer gain * Q, where Q has orthonormal rows (columns if it has more rows).

    Q is uniform (Haar measure) over such matrices. A convolution's weight is treated as
    (out, in * height * width).

    References:
        Saxe et al. 2013, section 4.
    """
    return lambda shape, generator: gain * _orthonormal(shape, generator)


def _orthonormal(shape: Sequence[int], generator: np.random.Generator) -> Weights:
    rows, columns = shape[0], math.prod(shape[1:])
    normal = generator.standard_normal((max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(normal)
    # Q is unique, and so uniform, if the diagonal of R is positive: Mezzadri 2007, section 5.
    q *= np.copysign(1.0, np.diagonal(r))
    return (q if rows >= columns else q.T).reshape(shape)


class LsuvInitializer:
    """Orthonormal weights, which ``nn.initialization`` scales on data afterwards."""

    def __call__(self, shape: Sequence[int], generator: np.random.Generator) -> Weights:
        return _orthonormal(shape, generator)


def lsuv() -> Initializer:
    """Return the initializer of orthonormal weights, scaled to z-values of unit variance.

    Layer-sequential unit-variance initialization: ``nn.initialization`` scales layer by layer over
    a batch.

    References:
        Mishkin & Matas 2015, algorithm 1.
    """
    return LsuvInitializer()


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
    "variance_scaling": variance_scaling,
    "orthogonal": orthogonal,
    "lsuv": lsuv,
}
