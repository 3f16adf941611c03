"""Maps: each feature's values over the positions of one sample, their moments and scaling.

A dense layer has maps of one position. Maps are tensors (batch, positions, features); what belongs
to each map is (batch, 1, features). Gradients are written out: autograd's take twice as long on a
CPU, and torch's own instance normalization also loses the channels-last layout.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


def maps_of(x: Tensor) -> Tensor:
    """See (batch, features) or (batch, channels, height, width) as maps.

    Of a channels-last tensor this is a contiguous view, over which reductions are fastest.
    """
    return (x.flatten(2) if x.dim() > 2 else x.unsqueeze(2)).transpose(1, 2)


def moments(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Give each map's mean, its deviations from it (as maps) and their mean square.

    In two passes, so that a variance far below the mean keeps its digits.
    """
    return moments_of_maps(maps_of(x))


def moments_of_maps(maps: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Give the same of maps (batch, positions, features)."""
    mean, deviations, variance = _Moments.apply(maps)  # type: ignore[no-untyped-call]
    return mean, deviations, variance


def affine(maps: Tensor, scale: Tensor, shift: Tensor, shape: Sequence[int]) -> Tensor:
    """Scale and shift each map, and give the whole its shape back, channels last."""
    return scaled_maps(maps, scale, shift).transpose(1, 2).view(shape)


def scaled_maps(maps: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """Scale and shift each map (batch, positions, features) by its own (batch, 1, features)."""
    scaled: Tensor = _Affine.apply(maps, scale, shift)  # type: ignore[no-untyped-call]
    return scaled


def pooled(mean: Tensor, variance: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Give mean and variance of equal parts taken together, from each part's."""
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
