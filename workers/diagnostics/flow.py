"""Flow: how signals and gradients change from the first hidden layer to the last."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from workers.diagnostics.findings import Finding
from workers.diagnostics.layers import LayerStatistics, NetworkStatistics
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
    statistics: NetworkStatistics, epoch: int, limits: Thresholds
) -> Iterator[Finding]:
    """Yield a finding where signals or gradients vanish or, before the first step, explode."""
    flow = flow_of(statistics)
    if flow.layers < limits.gain_layers - 1:
        return
    first, last = statistics.hidden[0].name, statistics.hidden[-1].name
    yield from _vanishing_findings(flow, first, last, epoch, limits)
    if epoch == 0:
        yield from _exploding_findings(flow, first, last, limits)


def _vanishing_findings(
    flow: Flow, first: str, last: str, epoch: int, limits: Thresholds
) -> Iterator[Finding]:
    limit, signal, gradient = _vanishing(flow, limits)
    forward, backward = flow.forward_gain, flow.backward_gain
    if signal:
        yield Finding(
            "vanishing",
            last,
            epoch,
            value=forward,
            threshold=limit,
            explanation=f"At each layer the spread of the z-values shrinks to {forward:.2g} of "
            f"what it was, and to {flow.forward:.2g} from {first} to {last}, where the samples "
            "can hardly be told apart.",
        )
    if gradient:
        yield Finding(
            "vanishing",
            first,
            epoch,
            value=backward,
            threshold=limit,
            explanation=f"At each layer the gradient shrinks to {backward:.2g} of what it was, "
            f"and to {flow.backward:.2g} from {last} back to {first}, which hardly learns.",
        )


def _exploding_findings(flow: Flow, first: str, last: str, limits: Thresholds) -> Iterator[Finding]:
    limit, signal, gradient = _exploding(flow, limits)
    forward, backward = flow.forward_gain, flow.backward_gain
    if signal:
        yield Finding(
            "exploding",
            last,
            epoch=0,
            value=forward,
            threshold=limit,
            explanation=f"At each layer the spread of the z-values grows {forward:.2g} times, "
            f"and {flow.forward:.2g} times from {first} to {last}.",
        )
    if gradient:
        yield Finding(
            "exploding",
            first,
            epoch=0,
            value=backward,
            threshold=limit,
            explanation=f"At each layer the gradient grows {backward:.2g} times, and "
            f"{flow.backward:.2g} times from {last} back to {first}.",
        )


def _vanishing(flow: Flow, limits: Thresholds) -> tuple[float, bool, bool]:
    """Return the limit, and whether the signal and the gradient are below it."""
    if flow.layers >= limits.gain_layers:
        limit = limits.vanishing_gain
        return limit, flow.forward_gain < limit, flow.backward_gain < limit
    limit = limits.shallow_factor ** (-1 / (flow.layers - 1))
    both = flow.forward_gain < limit and flow.backward_gain < limit
    return limit, both, both


def _exploding(flow: Flow, limits: Thresholds) -> tuple[float, bool, bool]:
    """Return the limit, and whether the signal and the gradient are above it."""
    if flow.layers >= limits.gain_layers:
        limit = limits.exploding_gain
        return limit, flow.forward_gain > limit, flow.backward_gain > limit
    limit = limits.shallow_factor ** (1 / (flow.layers - 1))
    both = flow.forward_gain > limit and flow.backward_gain > limit
    return limit, both, both
