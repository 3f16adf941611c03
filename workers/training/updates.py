"""Updates: how large a step is beside the weights that it changes.

The update ratio of a layer at a step is |w' - w| / |w|: the Euclidean norm of the change of its
weights (without biases) over their norm before the step. A measurement reads the weights before and
after the step and changes nothing, so a history has the same bits with it.

It copies the weights, so a few steps are measured only: at most ``STEPS`` of an epoch, evenly
spaced from the first to the last, in the first epoch, those that are a power of two, the last, and
all that are probed. The layer statistics of a probe carry the median over the latest epoch
measured, and the largest of the medians of all epochs until then: a schedule may have ended by the
time of a probe, and units that died get no steps any more.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import median

import torch
from torch import Tensor

from workers.diagnostics.layers import NetworkStatistics
from workers.training.probing import Probing

#: Most steps that are measured in an epoch.
STEPS = 5


class MeasuredSteps:
    """The steps of a training that are measured.

    Args:
        probing: of the run; without any probe nothing is measured.
        steps: of an epoch.
    """

    def __init__(self, probing: Probing, steps: int) -> None:
        self._probing = probing
        count = min(STEPS, steps)
        spacing = (steps - 1) / max(count - 1, 1)
        self._slots = {round(slot * spacing): slot for slot in range(count)}

    def slot(self, epoch: int, step: int) -> int | None:
        """Return where a step's ratios are kept, from 0 to ``STEPS - 1``; None if not measured."""
        slot = self._slots.get(step)
        return slot if slot is not None and self.measures(epoch) else None

    def measures(self, epoch: int) -> bool:
        """Whether steps of an epoch are measured."""
        power_of_two = epoch & (epoch - 1) == 0
        return bool(self._probing.epochs) and (power_of_two or self._probing.at(epoch))


def unmeasured(layers: int) -> Tensor:
    """Return the ratios of no step, (``STEPS``, layers) in float64: all NaN."""
    return torch.full((STEPS, layers), math.nan, dtype=torch.float64)


def update_ratios(before: Sequence[Tensor], after: Sequence[Tensor]) -> Tensor:
    """Return a step's ratios, (..., layers) in float64; NaN or infinite where |w| is 0.

    Args:
        before: each layer's weights, (..., weights) with the leading dimensions of the answer.
        after: the same after the step.
    """
    changes = [
        torch.linalg.vector_norm(new - old, dim=-1) for old, new in zip(before, after, strict=True)
    ]
    norms = [torch.linalg.vector_norm(old, dim=-1) for old in before]
    return (torch.stack(changes, -1) / torch.stack(norms, -1)).double()


def none_largest(layers: int) -> Tensor:
    """Return the largest medians of no epoch, (2, layers) in float64: all NaN."""
    return torch.full((2, layers), math.nan, dtype=torch.float64)


def largest_until(largest: Tensor, ratios: Tensor, epoch: Tensor) -> Tensor:
    """Return the largest medians with those of one more epoch: (..., 2, layers), ratio and epoch.

    Args:
        largest: those before.
        ratios: of the epoch, (..., ``STEPS``, layers); those that are not finite are left out.
        epoch: the epoch, (...).
    """
    finite = ratios.masked_fill(~ratios.isfinite(), math.nan)
    medians = finite.nanquantile(0.5, dim=-2)
    before = largest[..., 0, :]
    grown = (medians > before) | (before.isnan() & ~medians.isnan())
    latest = torch.stack([medians, epoch.to(medians).unsqueeze(-1).expand_as(medians)], -2)
    return torch.where(grown.unsqueeze(-2), latest, largest)


def with_update_ratios(
    statistics: NetworkStatistics | None, ratios: Tensor, largest: Tensor
) -> NetworkStatistics | None:
    """Return layer statistics with the update ratios of each layer.

    Args:
        statistics: of the network; None where they could not be taken.
        ratios: of the latest epoch measured, (``STEPS``, layers); steps without a finite ratio are
            left out.
        largest: the largest medians until now, (2, layers).
    """
    if statistics is None:
        return None
    layers = tuple(
        replace(
            layer,
            update_ratio=_median(of_layer),
            largest_update_ratio=ratio if math.isfinite(ratio) else None,
            largest_update_epoch=int(epoch) if math.isfinite(epoch) else None,
        )
        for layer, of_layer, (ratio, epoch) in zip(
            statistics.layers, ratios.T.tolist(), largest.T.tolist(), strict=True
        )
    )
    return replace(statistics, layers=layers)


def _median(ratios: Sequence[float]) -> float | None:
    finite = [ratio for ratio in ratios if math.isfinite(ratio)]
    return median(finite) if finite else None
