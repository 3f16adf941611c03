"""Maps: the values of one feature over the positions of one sample; their moments and scaling.

A dense layer has maps of one position. Maps are tensors (batch, positions, features), and numbers
that belong to each map are (batch, 1, features). Gradients are written out: autograd's take twice
as long on a CPU, and torch's own instance normalization also loses the channels-last layout.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


def maps_of(x: Tensor) -> Tensor:
    """Return (batch, features) or (batch, channels, height, width) as maps, without a copy.

    For a channels-last tensor this is a contiguous view, which is fastest to reduce.
    """
    return (x.flatten(2) if x.dim() > 2 else x.unsqueeze(2)).transpose(1, 2)


def moments(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the mean of each map, the deviations from it (as maps) and their mean square.

    Computed in two passes, so that a variance far below the mean keeps its digits.
    """
    return moments_of_maps(maps_of(x))


def moments_of_maps(maps: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the moments of maps (batch, positions, features); see ``moments``."""
    mean, deviations, variance = _Moments.apply(maps)  # type: ignore[no-untyped-call]
    return mean, deviations, variance


def affine(maps: Tensor, scale: Tensor, shift: Tensor, shape: Sequence[int]) -> Tensor:
    """Return maps scaled and shifted, in the shape of the layer's output, channels last."""
    return scaled_maps(maps, scale, shift).transpose(1, 2).view(shape)


def scaled_maps(maps: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """Return maps (batch, positions, features), each scaled and shifted by (batch, 1, features)."""
    scaled: Tensor = _Affine.apply(maps, scale, shift)  # type: ignore[no-untyped-call]
    return scaled


def pooled(mean: Tensor, variance: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Return mean and variance over parts of equal size, from the mean and variance of each."""
    whole = mean.mean(dim, keepdim=True)
    return whole, (variance + (mean - whole).square()).mean(dim, keepdim=True)


class _Moments(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, maps: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean = maps.mean(1, keepdim=True)
        deviations = maps - mean
        ctx.save_for_backward(deviations)
        return mean, deviations, deviations.square().mean(1, keepdim=True)

    @staticmethod
    def backward(ctx: Any, mean: Tensor, deviations: Tensor, variance: Tensor) -> Tensor:
        (saved,) = ctx.saved_tensors
        count = saved.shape[1]
        through_mean = mean / count - deviations.mean(1, keepdim=True)
        return torch.addcmul(deviations + through_mean, saved, variance * (2 / count))


class _Affine(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, maps: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        ctx.save_for_backward(maps, scale)
        return torch.addcmul(shift, maps, scale)

    @staticmethod
    def backward(ctx: Any, scaled: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        maps, scale = ctx.saved_tensors
        through_scale = (scaled * maps).sum(1, keepdim=True)
        return scaled * scale, through_scale, scaled.sum(1, keepdim=True)
