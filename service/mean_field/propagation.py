r"""Signals and gradients layer by layer, in a network as it is initialized.

Of wide layers with independent weights the z-values of a unit are normal over the draws of the
weights, so a few numbers per layer say everything (Poole et al. 2016, eq. 2 to 5):

    v_l = sigma_{w,l}^2 E[f(z)^2] + sigma_b^2,                   z ~ N(b, v_{l-1})
    s_l = sigma_{w,l}^2 E[(f(u) - f(v))^2] / 2                   of two samples u, v
    g_{l-1}^2 = sigma_{w,l}^2 E[f'(z)^2] g_l^2                   (Schoenholz et al. 2017, eq. 14)

with sigma_{w,l}^2 = fan-in times the variance of a weight, b a constant bias, and g the norm of
dL/dz over a layer. The square root of s is what layer statistics call signal. All is of finite
depth: nothing here waits for a fixed point.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from service.mean_field.moments import ActivationMoments


class NoSignalError(Exception):
    """No signal reaches a layer whose z-values are to be scaled to unit variance."""


#: How z-values are normalized: not at all, each unit over the batch, or each sample over the layer.
Normalized = Literal["none", "batch", "layer"]

#: Variance beyond which a signal counts as infinite.
_OVERFLOWN = 1e100


@dataclass(frozen=True)
class Inputs:
    """Moments of a data set's features x, over samples.

    Attributes:
        square: mean over features of E[x^2].
        common: mean over features of E[x]^2, what two samples have in common.
        variation: of the samples' norms, their standard deviation over their mean.
    """

    square: float
    common: float
    variation: float = 0.0


#: Samples without anything in common, each feature with mean 0 and variance 1.
STANDARD_INPUTS = Inputs(1.0, 0.0)

#: Most relative difference of a pair's norms from their mean.
_MOST_UNEQUAL = 0.95


@dataclass(frozen=True)
class Signal:
    """The z-values of a layer, of a pair of samples that stands for all pairs.

    Attributes:
        variances: of a unit's z-value over the draws of the weights, of the longer sample and of
            the shorter. Lengths differ as do the norms of inputs (in the variance of their roots).
        spread: of a unit's z-values over samples, as a variance.
        shift: the constant bias.
    """

    variances: tuple[float, float]
    spread: float
    shift: float = 0.0

    @property
    def variance(self) -> float:
        """The mean variance."""
        return sum(self.variances) / 2

    @property
    def length(self) -> float:
        """q: the mean square of a z-value."""
        return self.variance + self.shift**2

    @property
    def correlation(self) -> float:
        """c: the correlation of two samples' z-values, not centred; NaN where undefined."""
        if not 0 < self.length < math.inf:
            return math.nan
        return 1 - self.spread / self.length

    def mean_of(self, moment: Callable[[float, float], float]) -> float:
        """Return the mean over both samples of a moment of (variance, shift)."""
        return sum(moment(variance, self.shift) for variance in self.variances) / 2


@dataclass(frozen=True)
class Wave:
    """Signals on the way forward and gradients on the way back.

    Attributes:
        signals: of each layer, the output last.
        gradients: norm of dL/dz of each hidden layer, relative to the last hidden one.
    """

    signals: tuple[Signal, ...]
    gradients: tuple[float, ...]

    @property
    def forward(self) -> float:
        """Spread of the last hidden layer's z-values over that of the first, as deviations."""
        first, last = self.signals[0].spread, self.signals[-2].spread
        return math.sqrt(last / first) if first > 0 else math.nan

    @property
    def backward(self) -> float:
        """Norm of dL/dz of the first hidden layer over that of the last."""
        return self.gradients[0]


def propagate(
    moments: ActivationMoments,
    weight_variances: Sequence[float] | None,
    *,
    shift: float = 0.0,
    bias_variance: float = 0.0,
    normalized: Normalized = "none",
    inputs: Inputs = STANDARD_INPUTS,
    layers: int = 0,
) -> Wave:
    """Return signals and gradients of a network.

    Args:
        moments: of the activation of its hidden layers.
        weight_variances: sigma_w^2 of each layer, the output last; None where the weights are
            scaled so that all z-values have unit variance (lsuv).
        shift: the constant that all biases are.
        bias_variance: sigma_b^2.
        normalized: how the hidden layers are normalized.
        inputs: moments of the data.
        layers: number of layers, the output included, where ``weight_variances`` is None.

    Raises:
        NoSignalError: all activations before a layer that is normalized, or scaled, are zero.
    """
    count = layers if weight_variances is None else len(weight_variances)
    signals: list[Signal] = []
    chis: list[float] = []
    squares, spread = _first_pair(inputs), inputs.square - inputs.common
    for index in range(count):
        if sum(squares) == 0 and (weight_variances is None or normalized != "none"):
            raise NoSignalError
        scale = 2 / sum(squares) if weight_variances is None else weight_variances[index]
        long, short = (scale * square + bias_variance for square in squares)
        found = Signal((long, short), scale * spread, shift)
        hidden = index < count - 1
        if hidden and normalized != "none":
            found = _normalize(found, normalized)
        if found.variance >= _OVERFLOWN:
            found = Signal((math.inf, math.inf), math.inf, shift)
        signals.append(found)
        if index > 0:
            chis.append(_chi(moments, signals[index - 1], scale, normalized))
        if hidden:
            squares, spread = _activated(moments, found)
    return Wave(tuple(signals), _backwards(chis[:-1]))


def _first_pair(inputs: Inputs) -> tuple[float, float]:
    """Return the mean squares of two samples whose norms differ as those of two at random do."""
    apart = min(inputs.variation / math.sqrt(2), _MOST_UNEQUAL)
    middle = inputs.square / (1 + apart**2)
    return middle * (1 + apart) ** 2, middle * (1 - apart) ** 2


def _activated(moments: ActivationMoments, signal: Signal) -> tuple[tuple[float, float], float]:
    """Return E[f(z)^2] of both samples, and E[(f(u) - f(v))^2] / 2."""
    if signal.variance == math.inf:
        return (math.inf, math.inf), math.inf
    long, short = signal.variances
    squares = moments.square(long, signal.shift), moments.square(short, signal.shift)
    spread = moments.spread(signal.variance, signal.spread, signal.shift, long - short)
    return squares, spread


def _normalize(signal: Signal, normalized: Normalized) -> Signal:
    """Return z-values of unit variance: over samples (batch), or over a sample's units (layer)."""
    if normalized == "batch":
        return Signal((1.0, 1.0), 1.0)
    covariance = signal.variance - signal.spread
    return Signal((1.0, 1.0), 1 - covariance / math.sqrt(math.prod(signal.variances)))


def _chi(moments: ActivationMoments, signal: Signal, scale: float, normalized: Normalized) -> float:
    """Return the factor of the squared gradient on its way back through a layer to ``signal``.

    A normalization divides the gradient by the deviation that it divides the z-values by, so that
    the scale of the weights cancels: E[f'^2] / Var[f] of batch (for relu pi / (pi - 1): Yang et al.
    2019, section 4), E[f'^2] / E[f^2] of layer.
    """
    if signal.variance == math.inf:
        return math.nan
    slope = signal.mean_of(moments.squared_slope)
    if normalized == "none":
        return scale * slope
    square = moments.square(1.0)
    if normalized == "batch":
        square -= moments.mean(1.0) ** 2
    return slope / square


def _backwards(chis: Sequence[float]) -> tuple[float, ...]:
    """Return the gradient of each hidden layer relative to the last, from the factors between."""
    gradients = [1.0]
    for chi in reversed(chis):
        gradients.append(gradients[-1] * math.sqrt(chi))
    return tuple(reversed(gradients))
