"""Normalizations of a pack's convolutions.

As ``packed.normalizations``, with z-values (K, B, F, H, W).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from workers.nn.maps import pooled
from workers.nn.normalizations import (
    BatchNorm,
    GroupNorm,
    InstanceNorm,
    RmsNorm,
    SwitchableNorm,
)
from workers.nn.packed.normalizations import (
    RUNNING_STATISTICS,
    PackedNormalization,
    mixed,
    moved_statistics,
    unnormalized,
)


def packed_map_normalization(module: nn.Module) -> PackedNormalization:
    """Return the packed form of a convolution's normalization.

    Raises:
        TypeError: there is none.
    """
    match module:
        case nn.Identity():
            return unnormalized
        case GroupNorm():
            return _PackedMapGroupNorm(module.groups, module.epsilon)
        case InstanceNorm():
            return _PackedMapGroupNorm(len(module.weight), module.epsilon)
        case BatchNorm():
            return _PackedMapBatchNorm(module.momentum, module.epsilon)
        case SwitchableNorm():
            return _PackedMapSwitchableNorm(module.momentum, module.epsilon)
        case RmsNorm():
            return _PackedMapRmsNorm(module.epsilon)
    raise TypeError(f"There is no packed form of {type(module).__name__}.")


@dataclass(frozen=True)
class _PackedMapGroupNorm:
    """Normalizes over each group of every member's channels; instance: one channel per group."""

    groups: int
    epsilon: float

    def __call__(
        self,
        z: Tensor,
        parameters: Mapping[str, Tensor],
        statistics: Mapping[str, Tensor],  # noqa: ARG002 - it has none
        training: bool,  # noqa: ARG002 - the same in both
    ) -> tuple[Tensor, dict[str, Tensor]]:
        normalized = torch.group_norm(
            side_by_side(z),
            len(z) * self.groups,
            parameters["weight"].flatten(),
            parameters["bias"].flatten(),
            self.epsilon,
            torch.backends.cudnn.enabled,
        )
        return member_by_member(normalized, len(z)), {}


@dataclass(frozen=True)
class _PackedMapBatchNorm:
    """Normalizes each channel of every member, as if all were channels of one layer."""

    momentum: float
    epsilon: float

    def __call__(
        self,
        z: Tensor,
        parameters: Mapping[str, Tensor],
        statistics: Mapping[str, Tensor],
        training: bool,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        # Torch moves these in place, and a step that fails must not have moved the members' own.
        running = {name: statistics[name].flatten().clone() for name in RUNNING_STATISTICS}
        normalized = torch.batch_norm(
            side_by_side(z),
            parameters["weight"].flatten(),
            parameters["bias"].flatten(),
            running["running_mean"],
            running["running_var"],
            training,
            1 - self.momentum,
            self.epsilon,
            torch.backends.cudnn.enabled,
        )
        moved = {name: value.view(len(z), -1) for name, value in running.items() if training}
        return member_by_member(normalized, len(z)), moved


@dataclass(frozen=True)
class _PackedMapSwitchableNorm:
    momentum: float
    epsilon: float

    def __call__(
        self,
        z: Tensor,
        parameters: Mapping[str, Tensor],
        statistics: Mapping[str, Tensor],
        training: bool,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        variance, mean = torch.var_mean(z, (3, 4), correction=0, keepdim=True)
        moved: dict[str, Tensor] = {}
        if training:
            batch = pooled(mean, variance, 1)
            batch_mean, batch_variance = (value.flatten(2) for value in batch)
            moved = moved_statistics(statistics, batch_mean, batch_variance, self.momentum)
        else:
            batch = _per_map(statistics["running_mean"]), _per_map(statistics["running_var"])
        means, variances = zip((mean, variance), pooled(mean, variance, 2), batch, strict=True)
        mixed_mean = mixed(means, parameters["mean_weight"])
        mixed_variance = mixed(variances, parameters["var_weight"])
        normalized = (z - mixed_mean) * torch.rsqrt(mixed_variance + self.epsilon)
        scale, shift = _per_map(parameters["weight"]), _per_map(parameters["bias"])
        return torch.addcmul(shift, normalized, scale), moved


@dataclass(frozen=True)
class _PackedMapRmsNorm:
    epsilon: float

    def __call__(
        self,
        z: Tensor,
        parameters: Mapping[str, Tensor],
        statistics: Mapping[str, Tensor],  # noqa: ARG002 - it has none
        training: bool,  # noqa: ARG002 - the same in both
    ) -> tuple[Tensor, dict[str, Tensor]]:
        square = z.square().mean((2, 3, 4), keepdim=True)
        return z * torch.rsqrt(square + self.epsilon) * _per_map(parameters["weight"]), {}


def side_by_side(x: Tensor) -> Tensor:
    """Return (K, B, C, H, W) as one layer of K C channels: (B, K C, H, W)."""
    return x.transpose(0, 1).flatten(1, 2)


def member_by_member(x: Tensor, members: int) -> Tensor:
    """Return (B, K C, H, W) as (K, B, C, H, W), the inverse of ``side_by_side``."""
    return x.view(len(x), members, -1, *x.shape[2:]).transpose(0, 1)


def _per_map(x: Tensor) -> Tensor:
    """Return a number of each channel, (K, C), in a shape that broadcasts with (K, B, C, H, W)."""
    return x[:, None, :, None, None]
