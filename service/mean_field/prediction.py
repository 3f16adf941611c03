"""What theory predicts for a resolved configuration before anything is trained."""

import math
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from service.mean_field.fixed_points import FixedPoint, fixed_point
from service.mean_field.network import InitialNetwork, UnpredictableError, initial_network
from service.mean_field.propagation import NoSignalError, Signal, Wave, propagate
from service.specs.spec import RunConfig
from service.statuses import Verdict


class Risk(StrEnum):
    """What keeps a network from learning, as far as its initialization tells."""

    NONE = "none"
    VANISHING = Verdict.VANISHING.value
    EXPLODING = Verdict.EXPLODING.value


#: A signal or gradient that changes by more than this from end to end is a risk: docs/mean-field.md
#: has how often that was right.
WORST_RATIO = 100.0
#: Standard deviation of the logits at which the first loss is about three times that of guessing:
#: the largest of ten is then 7.7 above the right one, on average.
LARGE_LOGITS = 5.0
#: Depth scales that a signal survives (Schoenholz et al. 2017, section 5), and what six of them
#: leave of it, e^(-6 / 2): a network whose length is far from its fixed point loses less.
DEPTH_SCALES = 6.0
LEFT = math.exp(-DEPTH_SCALES / 2)


@dataclass(frozen=True)
class PredictedLayer:
    """One layer at initialization.

    Attributes:
        name: as in layer statistics.
        length: q, the mean square of its z-values.
        correlation: c, of two samples' z-values; NaN where there is no signal.
        signal: standard deviation of a unit's z-values over samples.
        gradient: norm of dL/dz relative to the last hidden layer; None for the output.
        z_mean: mean of its z-values.
        z_std: standard deviation of its z-values.
        activation_mean: mean of its activations; None for the output.
        activation_std: standard deviation of its activations; None for the output.
    """

    name: str
    length: float
    correlation: float
    signal: float
    gradient: float | None
    z_mean: float
    z_std: float
    activation_mean: float | None
    activation_std: float | None


@dataclass(frozen=True)
class Prediction:
    """A network's fixed point, and its signals and gradients from end to end.

    Attributes:
        fixed_point: of the hidden layers, were they repeated for ever.
        signal: spread of the last hidden layer's z-values over that of the first.
        gradient: norm of dL/dz of the first hidden layer over that of the last.
        risk: whether signal or gradient is lost on the way, or grows out of bounds, or the logits
            begin so large that the first loss is many times that of guessing.
        layers: each of them, the output last.
        pooled: whether a max-pooling was neglected.
    """

    fixed_point: FixedPoint
    signal: float
    gradient: float
    risk: Risk
    layers: tuple[PredictedLayer, ...]
    pooled: bool

    @property
    def hidden_layers(self) -> int:
        """The number of hidden layers."""
        return len(self.layers) - 1

    @property
    def logits(self) -> float:
        """Standard deviation of the outputs' z-values; NaN where theory does not cover them."""
        return self.layers[-1].z_std

    @property
    def deepest(self) -> float:
        """Hidden layers that can be trained by the rule of six depth scales; may be infinite."""
        return DEPTH_SCALES * self.fixed_point.depth_scale


def predict(config: RunConfig) -> Prediction:
    """Return the prediction for a configuration.

    Only what decides the first epoch's signals is looked at, so that a sweep over rates, seeds and
    batch sizes costs one prediction.

    Raises:
        UnpredictableError: theory says nothing of it.
    """
    return _predict(initial_network(config))


@lru_cache(maxsize=4096)
def _predict(network: InitialNetwork) -> Prediction:
    try:
        wave = propagate(
            network.moments,
            network.weight_variances,
            shift=network.shift,
            normalized=network.normalized,
            inputs=network.inputs,
            layers=len(network.layers),
        )
    except NoSignalError:
        raise UnpredictableError("All units are dead: the biases leave no signal.") from None
    found = _fixed_point(network, wave)
    return Prediction(
        fixed_point=found,
        signal=wave.forward,
        gradient=wave.backward,
        risk=_risk(wave, found),
        layers=_layers(network, wave),
        pooled=network.pooled,
    )


def _fixed_point(network: InitialNetwork, wave: Wave) -> FixedPoint:
    """Return the fixed point of a typical hidden layer: the geometric mean of their variances."""
    moments = network.moments
    if network.normalized == "batch":
        square, slope = moments.square(1.0), moments.squared_slope(1.0)
        return FixedPoint(1.0, 0.0, slope / (square - moments.mean(1.0) ** 2))
    start = wave.signals[0].variance
    if network.normalized == "layer":
        return fixed_point(moments, 1 / moments.square(1.0))
    if network.weight_variances is None:
        return fixed_point(moments, 1 / moments.square(1.0, network.shift), shift=network.shift)
    hidden = network.weight_variances[:-1]
    repeated = hidden[1:] or hidden
    typical = math.exp(sum(map(math.log, repeated)) / len(repeated))
    return fixed_point(moments, typical, shift=network.shift, start=start)


def _risk(wave: Wave, found: FixedPoint) -> Risk:
    lowest = min(wave.forward, wave.backward)
    highest = max(wave.forward, wave.backward)
    if not highest < WORST_RATIO:  # NaN: the signal has overflown
        return Risk.EXPLODING
    if wave.signals[-1].variance > LARGE_LOGITS**2:
        return Risk.EXPLODING
    too_deep = found.chi < 1 and len(wave.gradients) > DEPTH_SCALES * found.depth_scale
    if lowest < 1 / WORST_RATIO or (too_deep and lowest < LEFT):
        return Risk.VANISHING
    return Risk.NONE


def _layers(network: InitialNetwork, wave: Wave) -> tuple[PredictedLayer, ...]:
    gradients = (*wave.gradients, None)
    return tuple(
        _layer(network, name, signal, gradient)
        for name, signal, gradient in zip(network.layers, wave.signals, gradients, strict=True)
    )


def _layer(
    network: InitialNetwork, name: str, signal: Signal, gradient: float | None
) -> PredictedLayer:
    mean = std = None
    if gradient is not None and signal.variance < math.inf:
        mean = signal.mean_of(network.moments.mean)
        square = signal.mean_of(network.moments.square)
        std = math.sqrt(max(0.0, square - mean**2))
    return PredictedLayer(
        name=name,
        length=signal.length,
        correlation=signal.correlation,
        signal=math.sqrt(signal.spread),
        gradient=gradient,
        z_mean=signal.shift,
        z_std=math.sqrt(signal.variance),
        activation_mean=mean,
        activation_std=std,
    )
