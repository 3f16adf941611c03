"""Normalizations of a pack's dense layers, and what those of convolutions share with them.

Each takes z-values (K, B, F) and the layer's parameters and running statistics, (K, F) each. It
returns the normalized z-values and the running statistics that this batch moves. Formulas and
references are those of ``workers.nn.normalizations``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import torch
from torch import Tensor, nn

from workers.nn.maps import moments_of_maps, scaled_maps
from workers.nn.normalizations import (
    BatchNorm,
    GroupNorm,
    InstanceNorm,
    RmsNorm,
    SwitchableNorm,
)

#: (z-values, parameters, running statistics, whether it trains) -> (normalized, new statistics).
PackedNormalization = Callable[
    [Tensor, Mapping[str, Tensor], Mapping[str, Tensor], bool], tuple[Tensor, dict[str, Tensor]]
]

RUNNING_STATISTICS = ("running_mean", "running_var")


def packed_normalization(module: nn.Module) -> PackedNormalization:
    """Return the packed form of a dense layer's normalization.

    Raises:
        TypeError: there is none.
    """
    match module:
        case nn.Identity():
            return unnormalized
        case GroupNorm():
            return _PackedGroupNorm(module.groups, module.epsilon)
        case InstanceNorm():
            return _PackedGroupNorm(1, module.epsilon)
        case BatchNorm():
            return _PackedBatchNorm(module.momentum, module.epsilon)
        case SwitchableNorm():
            return _PackedSwitchableNorm(module.momentum, module.epsilon)
        case RmsNorm():
            return _PackedRmsNorm(module.epsilon)
    raise TypeError(f"There is no packed form of {type(module).__name__}.")


def unnormalized(
    z: Tensor,
    parameters: Mapping[str, Tensor],  # noqa: ARG001 - it has none
    statistics: Mapping[str, Tensor],  # noqa: ARG001 - it has none
    training: bool,  # noqa: ARG001 - the same in both
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the z-values unchanged."""
    return z, {}


@dataclass(frozen=True)
class _PackedGroupNorm:
    groups: int
    epsilon: float

    def __call__(
        self,
        z: Tensor,
        parameters: Mapping[str, Tensor],
        statistics: Mapping[str, Tensor],  # noqa: ARG002 - it has none
        training: bool,  # noqa: ARG002 - the same in both
    ) -> tuple[Tensor, dict[str, Tensor]]:
        grouped = z.view(*z.shape[:2], self.groups, -1)
        normalized = torch.layer_norm(grouped, grouped.shape[3:], eps=self.epsilon).view(z.shape)
        scale, shift = parameters["weight"], parameters["bias"]
        return scaled_maps(normalized, scale.unsqueeze(1), shift.unsqueeze(1)), {}


@dataclass(frozen=True)
class _PackedBatchNorm:
    momentum: float
    epsilon: float

    def __call__(
        self,
        z: Tensor,
        parameters: Mapping[str, Tensor],
        statistics: Mapping[str, Tensor],
        training: bool,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        scale, shift = parameters["weight"].unsqueeze(1), parameters["bias"].unsqueeze(1)
        if not training:
            mean, variance = (statistics[name].unsqueeze(1) for name in RUNNING_STATISTICS)
            scale = scale * torch.rsqrt(variance + self.epsilon)
            return scaled_maps(z - mean, scale, shift), {}
        mean, deviations, variance = moments_of_maps(z)
        normalized = scaled_maps(deviations, scale * torch.rsqrt(variance + self.epsilon), shift)
        samples = z.shape[1]
        if samples == 1:  # one sample has no variance
            return normalized, {}
        unbiased = variance * (samples / (samples - 1))
        return normalized, moved_statistics(statistics, mean, unbiased, self.momentum)


@dataclass(frozen=True)
class _PackedSwitchableNorm:
    momentum: float
    epsilon: float

    def __call__(
        self,
        z: Tensor,
        parameters: Mapping[str, Tensor],
        statistics: Mapping[str, Tensor],
        training: bool,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        moved: dict[str, Tensor] = {}
        if training:
            variance, mean = torch.var_mean(z, 1, correction=0, keepdim=True)
            if z.shape[1] > 1:  # one sample has no variance
                moved = moved_statistics(statistics, mean, variance, self.momentum)
        else:
            mean, variance = (statistics[name].unsqueeze(1) for name in RUNNING_STATISTICS)
        layer_variance, layer_mean = torch.var_mean(z, 2, correction=0, keepdim=True)
        mixed_mean = mixed((layer_mean, mean), parameters["mean_weight"])
        mixed_variance = mixed((layer_variance, variance), parameters["var_weight"])
        normalized = (z - mixed_mean) * torch.rsqrt(mixed_variance + self.epsilon)
        scale, shift = parameters["weight"].unsqueeze(1), parameters["bias"].unsqueeze(1)
        return scaled_maps(normalized, scale, shift), moved


@dataclass(frozen=True)
class _PackedRmsNorm:
    epsilon: float

    def __call__(
        self,
        z: Tensor,
        parameters: Mapping[str, Tensor],
        statistics: Mapping[str, Tensor],  # noqa: ARG002 - it has none
        training: bool,  # noqa: ARG002 - the same in both
    ) -> tuple[Tensor, dict[str, Tensor]]:
        square = z.square().mean(2, keepdim=True)
        return z * torch.rsqrt(square + self.epsilon) * parameters["weight"].unsqueeze(1), {}


def mixed(statistics: Sequence[Tensor], weights: Tensor) -> Tensor:
    """Return a mixture of instance, layer and batch statistics, by the softmax of weights (K, 3).

    A dense layer has no instance statistics: its weights are the last two.
    """
    shares = weights[:, -len(statistics) :].softmax(1).unbind(1)
    shape = (-1, *[1] * (statistics[0].dim() - 1))
    return reduce(
        torch.add,
        [share.view(shape) * value for share, value in zip(shares, statistics, strict=True)],
    )


def moved_statistics(
    statistics: Mapping[str, Tensor], mean: Tensor, variance: Tensor, momentum: float
) -> dict[str, Tensor]:
    """Return running statistics (K, F) moved towards a batch's mean and variance (K, 1, F)."""
    towards = dict(zip(RUNNING_STATISTICS, (mean, variance), strict=True))
    return {
        name: statistics[name].lerp(value.detach().squeeze(1), 1 - momentum)
        for name, value in towards.items()
    }
