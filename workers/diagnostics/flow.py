"""Flow: how signals and gradients change from the first hidden layer to the last."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from workers.diagnostics import sentences
from workers.diagnostics.findings import Finding
from workers.diagnostics.layers import LayerStatistics, NetworkStatistics
from workers.diagnostics.setting import Setting
from workers.diagnostics.thresholds import Thresholds


@dataclass(frozen=True)
class Flow:
    """How much a signal and a gradient change on their way through the hidden layers.

    A signal is the standard deviation of a unit's z-values over samples, mean over units. A
    gradient is the norm of a sample's dL/dz over a layer (root mean square over samples). For
    layers of one width the ratio of gradients is that of the root mean squares of dL/dz. The norm
    also compares a convolution, whose gradient is spread over many positions, with a dense layer.

    Attributes:
        layers: number of hidden layers.
        forward: signal of the last layer over that of the first.
        backward: gradient of the first layer over that of the last.

    A ratio is NaN if it is undefined: the denominator is zero, or something is not finite.
    """

    layers: int
    forward: float
    backward: float

    @property
    def forward_gain(self) -> float:
        """Gain of the signal per layer, a geometric mean."""
        return self._per_layer(self.forward)

    @property
    def backward_gain(self) -> float:
        """Gain of the gradient per layer, a geometric mean."""
        return self._per_layer(self.backward)

    def _per_layer(self, ratio: float) -> float:
        return ratio ** (1 / (self.layers - 1)) if self.layers > 1 else math.nan


def flow_of(statistics: NetworkStatistics) -> Flow:
    """Return a network's flow.

    References:
        Glorot & Bengio 2010, section 4.2.
    """
    first, last = statistics.hidden[0], statistics.hidden[-1]
    gradients = (_gradient(layer, statistics.samples) for layer in (first, last))
    return Flow(
        layers=len(statistics.hidden),
        forward=_ratio(last.signal, first.signal),
        backward=_ratio(*gradients),
    )


def _gradient(layer: LayerStatistics, samples: int) -> float:
    values = layer.z_gradient
    if values.non_finite:
        return math.nan
    return math.hypot(values.mean, values.std) * math.sqrt(values.count / samples)


def _ratio(out: float, into: float) -> float:
    return out / into if into > 0 and math.isfinite(out) and math.isfinite(into) else math.nan


def flow_findings(
    statistics: NetworkStatistics, epoch: int, limits: Thresholds, setting: Setting
) -> Iterator[Finding]:
    """Yield a finding where signals or gradients vanish or, before the first step, explode.

    A network that is to be trained is judged from end to end. One that is only initialized is
    judged by its gain per layer too, from ``gain_layers`` hidden layers on.
    """
    flow = flow_of(statistics)
    if flow.layers < 2 or _explained_otherwise(statistics):
        return
    first, last = statistics.hidden[0].name, statistics.hidden[-1].name
    ways = (
        _Way(*_SIGNAL, flow.forward, flow.forward_gain, first, last),
        _Way(*_GRADIENT, flow.backward, flow.backward_gain, last, first),
    )
    for way in ways:
        yield from _vanishing(way, flow.layers, epoch, limits, setting)
        if epoch == 0:
            yield from _exploding(way, flow.layers, limits, setting)


@dataclass(frozen=True)
class _Way:
    """A way through the hidden layers, and how much what passes it changes.

    ``vanishing`` and ``exploding`` are the sentences that say so.
    """

    vanishing: str
    exploding: str
    ratio: float
    gain: float
    start: str
    end: str

    def said(self, sentence: str) -> str:
        """Return a sentence with the values of this way."""
        return sentence.format(ratio=self.ratio, gain=self.gain, start=self.start, end=self.end)


_SIGNAL = (sentences.VANISHING_SIGNAL, sentences.EXPLODING_SIGNAL)
_GRADIENT = (sentences.VANISHING_GRADIENT, sentences.EXPLODING_GRADIENT)


def _explained_otherwise(statistics: NetworkStatistics) -> bool:
    """Whether a ratio says nothing new: equal units or a dead layer stop what would pass."""
    return any(layer.symmetric or layer.dead_fraction == 1 for layer in statistics.hidden)


def _vanishing(
    way: _Way, layers: int, epoch: int, limits: Thresholds, setting: Setting
) -> Iterator[Finding]:
    limit, value = 1 / _passed(1 / way.ratio if way.ratio else math.inf, limits), way.ratio
    if not value < limit:
        limit, value = _gain_limit(limits.vanishing_gain, layers, limits, setting), way.gain
        if not value < limit:
            return
    yield Finding(
        "vanishing",
        way.end,
        epoch,
        value,
        limit,
        way.said(way.vanishing),
        _advice_on_vanishing(way, epoch, setting),
        decisive=limit < 1 / limits.end_to_end or not setting.adaptive,
    )


def _exploding(way: _Way, layers: int, limits: Thresholds, setting: Setting) -> Iterator[Finding]:
    limit, value = _passed(way.ratio, limits), way.ratio
    if not value > limit:
        limit, value = _gain_limit(limits.exploding_gain, layers, limits, setting), way.gain
        if not value > limit:
            return
    advice = (
        sentences.FEWER_LAYERS_ADVICE
        if setting.normalized
        else sentences.SMALLER_WEIGHTS_ADVICE.format(times=sentences.factor(way.gain))
    )
    yield Finding(
        "exploding",
        way.end,
        0,
        value,
        limit,
        way.said(way.exploding),
        advice,
        decisive=limit > limits.end_to_end or not setting.adaptive,
    )


def _passed(ratio: float, limits: Thresholds) -> float:
    """Return the larger of the two end-to-end limits if the ratio is beyond it, else the other."""
    return limits.strong if ratio > limits.strong else limits.end_to_end


def _gain_limit(limit: float, layers: int, limits: Thresholds, setting: Setting) -> float:
    """Return the limit of a gain per layer; NaN, which nothing passes, where it is not judged."""
    return limit if setting.epochs == 0 and layers >= limits.gain_layers else math.nan


def _advice_on_vanishing(way: _Way, epoch: int, setting: Setting) -> str:
    if epoch > 0:
        return sentences.VANISHING_LATER_ADVICE
    if setting.normalized:
        return sentences.STEEPER_ADVICE
    if way.gain == 0:
        return sentences.LARGE_WEIGHTS_ADVICE
    return sentences.LARGER_WEIGHTS_ADVICE.format(times=sentences.factor(1 / way.gain))
