"""Decision boundary: what a network says everywhere in the plane, where data have two features."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

#: Grid points along each feature.
SIZE = 100
#: Samples kept beside the grid, the first ones of those given.
MOST_POINTS = 300
#: How far the grid reaches beyond the samples, in their range.
_MARGIN = 0.15
#: Grid points that go through the network at once.
_AT_ONCE = 1_000


@dataclass(frozen=True)
class Boundary:
    """A network's view of the plane, and samples in it; plain numbers, fit for JSON.

    Attributes:
        extent: left, right, bottom and top of the grid: its first and last columns and rows.
        size: grid points along each feature.
        predicted: the most probable class at each grid point, row by row from the bottom,
            (size * size,).
        confidence: its probability there, to three digits, (size * size,).
        points: samples, two features each, as the network sees them (preprocessed).
        labels: their classes.
    """

    extent: tuple[float, float, float, float]
    size: int
    predicted: list[int]
    confidence: list[float]
    points: list[list[float]]
    labels: list[int]


def decision_boundary(
    network: nn.Module, inputs: Tensor, labels: Tensor, *, size: int = SIZE
) -> Boundary | None:
    """Ask a network for its prediction on a grid around samples of two features.

    The network is left as it was: it is asked in evaluation mode, without gradients.

    Args:
        network: from (batch, *sample) to logits, (batch, classes), or (batch, 1) for two classes.
        inputs: samples, (n, *sample), on the network's device.
        labels: (n,).
        size: grid points along each feature.

    Returns:
        The boundary; None where samples have not two features, or the network's output is not
        finite somewhere on the grid.
    """
    if inputs[:1].numel() != 2:
        return None
    points = inputs.flatten(1)
    low, high = points.amin(0), points.amax(0)
    margin = _MARGIN * (high - low).clamp(min=1e-6)
    low, high = low - margin, high + margin
    shares = torch.linspace(0, 1, size, device=points.device, dtype=points.dtype)
    columns, rows = (low[at] + shares * (high[at] - low[at]) for at in (0, 1))
    across, up = torch.meshgrid(columns, rows, indexing="xy")
    logits = _evaluated(network, torch.stack([across, up], -1).view(-1, *inputs.shape[1:]))
    if not logits.isfinite().all():
        return None
    if logits.shape[1] == 1:
        logits = torch.cat([torch.zeros_like(logits), logits], 1)
    confidence, predicted = logits.double().softmax(1).max(1)
    (left, bottom), (right, top) = low.tolist(), high.tolist()
    return Boundary(
        extent=(left, right, bottom, top),
        size=size,
        predicted=predicted.tolist(),
        confidence=[round(each, 3) for each in confidence.tolist()],
        points=points[:MOST_POINTS].tolist(),
        labels=labels[:MOST_POINTS].tolist(),
    )


def _evaluated(network: nn.Module, inputs: Tensor) -> Tensor:
    training = network.training
    network.eval()
    try:
        with torch.inference_mode():
            return torch.cat([network(part) for part in torch.split(inputs, _AT_ONCE)])
    finally:
        network.train(training)
