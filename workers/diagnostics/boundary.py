"""Decision boundary: a network's prediction on a grid, for data with two features."""

import base64
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

#: Grid points along each feature, after the last epoch and at the others. The smaller grid takes
#: about a tenth of the time of a probe of 300 samples.
SIZE, SMALL_SIZE = 100, 50
#: Most samples kept beside the grid, from the first on.
MOST_POINTS = 300
#: How far the grid extends beyond the samples, as a share of their range.
_MARGIN = 0.15
_MOST_CLASSES = 256
#: Grid points that go through the network at once.
_AT_ONCE = 1_000


@dataclass(frozen=True)
class Boundary:
    """A network's predictions on a grid in the plane, and samples in it, as plain numbers.

    Attributes:
        classes: number of classes.
        extent: left, right, bottom and top of the grid, at its first and last columns and rows.
        size: grid points along each feature.
        predicted: the most probable class at each grid point, row by row from the bottom,
            (size * size,).
        confidence: the probability of that class, (size * size,).
        points: samples, two features each, preprocessed.
        labels: their classes.
    """

    classes: int
    extent: tuple[float, float, float, float]
    size: int
    predicted: list[int]
    confidence: list[float]
    points: list[list[float]]
    labels: list[int]

    def as_dict(self) -> dict[str, Any]:
        """Return this as plain data; the grids as base64 of one byte per point.

        The byte of a confidence c among K classes is 255 sqrt((c - 1/K) / (1 - 1/K)), rounded: a
        step is smallest where a network hardly decides, which is where the boundary lies.
        """
        chance = 1 / self.classes
        shares = [max(0.0, (share - chance) / (1 - chance)) for share in self.confidence]
        return {
            "classes": self.classes,
            "extent": [_digits(end) for end in self.extent],
            "size": self.size,
            "predicted": _encoded(self.predicted),
            "confidence": _encoded([round(255 * share**0.5) for share in shares]),
            "points": [[_digits(value) for value in point] for point in self.points],
            "labels": self.labels,
        }


def decision_boundary(
    network: nn.Module, inputs: Tensor, labels: Tensor, *, size: int = SIZE
) -> Boundary | None:
    """Return a network's predictions on a grid around samples of two features.

    The network is evaluated without gradients, and not changed.

    Args:
        network: from (batch, *sample) to logits, (batch, classes), or (batch, 1) for two classes.
        inputs: samples, (n, *sample), on the network's device.
        labels: (n,).
        size: grid points along each feature.

    Returns:
        The boundary; None if samples do not have two features, there are more classes than a byte
        can name, or the network's output is not finite somewhere on the grid.
    """
    if inputs[:1].numel() != 2:
        return None
    points = inputs.flatten(1)
    grid, extent = _grid(points, size)
    logits = _evaluated(network, grid.view(-1, *inputs.shape[1:]))
    if logits.shape[1] > _MOST_CLASSES or not logits.isfinite().all():
        return None
    if logits.shape[1] == 1:
        logits = torch.cat([torch.zeros_like(logits), logits], 1)
    confidence, predicted = logits.double().softmax(1).max(1)
    return Boundary(
        classes=logits.shape[1],
        extent=extent,
        size=size,
        predicted=predicted.tolist(),
        confidence=confidence.tolist(),
        points=points[:MOST_POINTS].tolist(),
        labels=labels[:MOST_POINTS].tolist(),
    )


def _encoded(values: list[int]) -> str:
    return base64.b64encode(bytes(values)).decode()


def _digits(value: float) -> float:
    return float(f"{value:.6g}")


def _grid(points: Tensor, size: int) -> tuple[Tensor, tuple[float, float, float, float]]:
    """Return the points of a grid around samples (n, 2), (size, size, 2), and its extent."""
    low, high = points.amin(0), points.amax(0)
    margin = _MARGIN * (high - low).clamp(min=1e-6)
    low, high = low - margin, high + margin
    shares = torch.linspace(0, 1, size, device=points.device, dtype=points.dtype)
    columns, rows = (low[axis] + shares * (high[axis] - low[axis]) for axis in (0, 1))
    across, up = torch.meshgrid(columns, rows, indexing="xy")
    (left, bottom), (right, top) = low.tolist(), high.tolist()
    return torch.stack([across, up], -1), (left, right, bottom, top)


def _evaluated(network: nn.Module, inputs: Tensor) -> Tensor:
    training = network.training
    network.eval()
    try:
        with torch.inference_mode():
            return torch.cat([network(part) for part in torch.split(inputs, _AT_ONCE)])
    finally:
        network.train(training)
