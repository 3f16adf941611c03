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


def normal(*, stddev: float, mean: float) -> Initializer:
    """Return the initializer N(mean, stddev^2), not truncated, for any fans."""
    if mean == 0:
        return lambda shape, generator: generator.standard_normal(shape) * stddev
    return lambda shape, generator: mean + generator.standard_normal(shape) * stddev


def uniform(*, limit: float, low: float | None, high: float | None) -> Initializer:
    """Return the initializer U(low, high), for any fans.

    Args:
        limit: for an end that is None: -limit and limit.
        low: the lower end.
        high: the upper end.
    """
    ends = (-limit if low is None else low, limit if high is None else high)
    return lambda shape, generator: generator.uniform(*ends, shape)


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


def glorot_uniform(*, gain: float) -> Initializer:
    """Return the initializer U(+-gain * sqrt(6 / (fan_in + fan_out))).

    References:
        Glorot & Bengio 2010, eq. 16.
    """
    return variance_scaling(scale=gain**2, mode="fan_avg", distribution="uniform")


def glorot_normal(*, gain: float) -> Initializer:
    """Return the truncated normal initializer with variance 2 gain^2 / (fan_in + fan_out).

    References:
        Glorot & Bengio 2010, eq. 12.
    """
    return variance_scaling(scale=gain**2, mode="fan_avg", distribution="truncated_normal")


def he_uniform(*, negative_slope: float) -> Initializer:
    """Return the initializer U(+-sqrt(6 / ((1 + negative_slope^2) fan_in))).

    References:
        The uniform form of He et al. 2015, eq. 10 and 15.
    """
    scale = 2 / (1 + negative_slope**2)
    return variance_scaling(scale=scale, mode="fan_in", distribution="uniform")


def he_normal(*, negative_slope: float) -> Initializer:
    """Return the truncated normal initializer with variance 2 / ((1 + negative_slope^2) fan_in).

    References:
        He et al. 2015, eq. 10 and 15.
    """
    scale = 2 / (1 + negative_slope**2)
    return variance_scaling(scale=scale, mode="fan_in", distribution="truncated_normal")


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


def identity(*, gain: float) -> Initializer:
    """Return the initializer of gain on the diagonal and zeros elsewhere.

    Unit i passes on input i; units without an input of their number get zeros. A kernel has the
    gain at its centre, as torch's ``dirac_``; the centre of an even side is the pixel before the
    middle, as in ``delta_orthogonal``.

    References:
        Le, Jaitly & Hinton 2015, section 3.
    """
    return lambda shape, _: _centred(shape, gain * np.eye(shape[0], shape[1]))


def delta_orthogonal(*, gain: float) -> Initializer:
    """Return the initializer of kernels that are gain * Q at their centre and zero elsewhere.

    Q (outputs, inputs) has orthonormal columns (rows if it has fewer rows) and is uniform over such
    matrices. The centre of an even side is the pixel before the middle. A dense layer's weight is
    gain * Q.

    References:
        Xiao et al. 2018, algorithm 1.
    """
    return lambda shape, generator: _centred(shape, gain * _orthonormal(shape[:2], generator))


def _centred(shape: Sequence[int], matrix: Weights) -> Weights:
    """Return a weight that is a matrix (outputs, inputs) at its kernel's centre, else zero."""
    outputs, inputs, *kernel = shape
    weights = np.zeros((outputs, inputs, math.prod(kernel)))
    centre = 0
    for side in kernel:
        centre = centre * side + (side - 1) // 2
    weights[:, :, centre] = matrix
    return weights.reshape(shape)


def random_walk(*, nonlinearity: Literal["relu", "linear"]) -> Initializer:
    """Return the initializer N(0, g^2 / fan_in) with g as ``walking_gain`` has it."""

    def draw(shape: Sequence[int], generator: np.random.Generator) -> Weights:
        fan_in, _ = fans(shape)
        deviation = walking_gain(nonlinearity, fan_in) / math.sqrt(fan_in)
        return generator.standard_normal(shape) * deviation

    return draw


def walking_gain(nonlinearity: Literal["relu", "linear"], width: int) -> float:
    """Return the gain at which the logarithm of a gradient's length has no drift.

    Args:
        nonlinearity: of the layers.
        width: of the layers.

    References:
        Sussillo & Abbott 2014, section 3: exp(1 / 2N) of linear units, from the mean of the
        logarithm of a chi-squared variable; of relu units a fit for widths of 6 and more.
    """
    if nonlinearity == "linear":
        return math.exp(1 / (2 * width))
    return math.sqrt(2) * math.exp(1.2 / (max(width, 6) - 2.4))


def fixup(*, negative_slope: float) -> Initializer:
    """Return the initializer of a layer outside of all residual branches: ``he_normal``.

    ``fixup_branch`` has those of the inside.

    References:
        Zhang, Dauphin & Ma 2019, section 3, rule 2.
    """
    return he_normal(negative_slope=negative_slope)


def fixup_branch(usual: Initializer, *, branches: int, layers: int) -> list[Initializer]:
    """Return the initializers of the layers of one residual branch, the first layer first.

    All but the last layer are scaled by branches^(-1 / (2 layers - 2)), and the last is zero: a
    step then changes the network's output by as much as in a network of one block.

    Args:
        usual: of a layer outside of the branches.
        branches: L, how many the network has.
        layers: m, the weighted layers of this one.

    References:
        Zhang, Dauphin & Ma 2019, section 3, rules 1 and 2.
    """

    def scaled(shape: Sequence[int], generator: np.random.Generator) -> Weights:
        scale: float = branches ** (-1 / (2 * layers - 2))
        return scale * usual(shape, generator)

    return [*[scaled] * (layers - 1), constant(value=0.0)]


class StandardizedInitializer:
    """Standard normal weights, which ``nn.initialization`` scales on data, unit by unit."""

    def __call__(self, shape: Sequence[int], generator: np.random.Generator) -> Weights:
        return generator.standard_normal(shape)


def data_dependent() -> Initializer:
    """Return the initializer of normal weights, scaled until each unit has unit variance.

    References:
        Krähenbühl et al. 2015, algorithm 1.
    """
    return StandardizedInitializer()


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
    "ones": partial(constant, value=1.0),
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
    "delta_orthogonal": delta_orthogonal,
    "identity": identity,
    "random_walk": random_walk,
    "fixup": fixup,
    "lsuv": lsuv,
    "data_dependent": data_dependent,
}
