"""Steps: whether the steps of a training are of a size that can learn."""

from collections.abc import Iterator

from workers.diagnostics.findings import Finding
from workers.diagnostics.layers import NetworkStatistics
from workers.diagnostics.thresholds import Thresholds

#: An update ratio at which networks learn well; the advice aims at it.
_USUAL = 1e-2
_USUAL_SMALL = 1e-3


def step_findings(
    statistics: NetworkStatistics, epoch: int, limits: Thresholds
) -> Iterator[Finding]:
    """Yield a finding where steps are too large in a layer, or too small in all layers.

    A layer whose weights did not change at all tells nothing: it gets no gradient, whatever the
    size of the steps.
    """
    ratios = {layer.name: layer.update_ratio for layer in statistics.layers if layer.update_ratio}
    if not ratios:
        return
    largest = max(ratios, key=lambda name: ratios[name])
    ratio = ratios[largest]
    if ratio > limits.large_update:
        yield Finding(
            "step_size",
            largest,
            epoch,
            value=ratio,
            threshold=limits.large_update,
            explanation=f"A step changes the weights of {largest} by {ratio:.2g} of their norm: "
            "a few steps replace what the network has learned.",
            advice=f"Divide the learning rate by about {ratio / _USUAL:.1g}, or clip the gradient.",
        )
    elif ratio < limits.small_update:
        yield Finding(
            "step_size",
            largest,
            epoch,
            value=ratio,
            threshold=limits.small_update,
            explanation=f"A step changes the weights of no layer by more than {ratio:.2g} of their "
            "norm: the training hardly moves.",
            advice=f"Multiply the learning rate by about {_USUAL_SMALL / ratio:.1g}.",
        )
