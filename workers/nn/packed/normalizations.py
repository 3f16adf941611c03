"""Normalizations of a pack's layers.

Each takes z-values, (K, B, F) of a dense layer or (K, B, F, H, W) of a convolution, and the layer's
parameters and running statistics, (K, F) each, and gives the normalized z-values with the running
statistics as they are after this batch (none where they stay). Formulas and sources are those of
``workers.nn.normalizations``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import torch
from torch import Tensor, nn

from workers.nn.maps import moments_of_maps, pooled, scaled_maps
from workers.nn.normalizations import BatchNorm, GroupNorm, InstanceNorm, SwitchableNorm

#: (z-values, parameters, running statistics, whether it trains) -> (normalized, new statistics).
PackedNormalization = Callable[
    [Tensor, Mapping[str, Tensor], Mapping[str, Tensor], bool], tuple[Tensor, dict[str, Tensor]]
]


def packed_normalization(module: nn.Module) -> PackedNormalization:
    """Give the form for packs of a dense layer's normalization.

    Raises:
        TypeError: there is none.
    """
    match module:
        case nn.Identity():
            return lambda z, _parameters, _statistics, _training: (z, {})
        case GroupNorm():
            return _Group(module.groups, module.epsilon)
        case InstanceNorm():
            return _Group(1, module.epsilon)
        case BatchNorm():
            return _Batch(module.momentum, module.epsilon)
        case SwitchableNorm():
            return _Switchable(module.momentum, module.epsilon)
    raise TypeError(f"Packs know no {type(module).__name__}.")


def packed_map_normalization(module: nn.Module) -> PackedNormalization:
    """Give the form for packs of a convolution's normalization.

    Raises:
        TypeError: there is none.
    """
    match module:
        case GroupNorm():
            return _MapGroup(module.groups, module.epsilon)
        case InstanceNorm():
            return _MapGroup(len(module.weight), module.epsilon)
        case BatchNorm():
            return _MapBatch(module.momentum, module.epsilon)
        case SwitchableNorm():
            return _MapSwitchable(module.momentum, module.epsilon)
    return packed_normalization(module)


@dataclass(frozen=True)
class _Group:
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
class _Batch:
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
            mean, variance = (statistics[each].unsqueeze(1) for each in _RUNNING)
            scale = scale * torch.rsqrt(variance + self.epsilon)
            return scaled_maps(z - mean, scale, shift), {}
        mean, deviations, variance = moments_of_maps(z)
        normalized = scaled_maps(deviations, scale * torch.rsqrt(variance + self.epsilon), shift)
        samples = z.shape[1]
        if samples == 1:  # says nothing of a variance
            return normalized, {}
        unbiased = variance * (samples / (samples - 1))
        return normalized, _moved(statistics, mean, unbiased, self.momentum)


@dataclass(frozen=True)
class _Switchable:
    momentum: float
    epsilon: float

    def __call__(
        self,
        z: Tensor,
        parameters: Mapping[str, Tensor],
        statistics: Mapping[str, Tensor],
        training: bool,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        if training:
            variance, mean = torch.var_mean(z, 1, correction=0, keepdim=True)
            moved = _moved(statistics, mean, variance, self.momentum) if z.shape[1] > 1 else {}
        else:
            mean, variance = (statistics[each].unsqueeze(1) for each in _RUNNING)
            moved = {}
        layer_variance, layer_mean = torch.var_mean(z, 2, correction=0, keepdim=True)
        mixed_mean = _mixed((layer_mean, mean), parameters["mean_weight"])
        mixed_variance = _mixed((layer_variance, variance), parameters["var_weight"])
        normalized = (z - mixed_mean) * torch.rsqrt(mixed_variance + self.epsilon)
        scale, shift = parameters["weight"].unsqueeze(1), parameters["bias"].unsqueeze(1)
        return scaled_maps(normalized, scale, shift), moved


@dataclass(frozen=True)
class _MapGroup:
    """Each group of every member's channels; an instance is a group of one channel."""

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
class _MapBatch:
    """Each channel of every member, as if they were channels of one layer."""

    momentum: float
    epsilon: float

    def __call__(
        self,
        z: Tensor,
        parameters: Mapping[str, Tensor],
        statistics: Mapping[str, Tensor],
        training: bool,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        # Torch moves those it is given, and a step that fails has to leave the members' alone.
        running = {name: statistics[name].flatten().clone() for name in _RUNNING}
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
        moved = {name: each.view(len(z), -1) for name, each in running.items() if training}
        return member_by_member(normalized, len(z)), moved


@dataclass(frozen=True)
class _MapSwitchable:
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
            of_batch, around = (each.flatten(2) for each in batch)
            moved = _moved(statistics, of_batch, around, self.momentum)
        else:
            batch = _beside(statistics["running_mean"]), _beside(statistics["running_var"])
        means, variances = zip((mean, variance), pooled(mean, variance, 2), batch, strict=True)
        mixed_mean = _mixed(means, parameters["mean_weight"])
        mixed_variance = _mixed(variances, parameters["var_weight"])
        normalized = (z - mixed_mean) * torch.rsqrt(mixed_variance + self.epsilon)
        scale, shift = _beside(parameters["weight"]), _beside(parameters["bias"])
        return torch.addcmul(shift, normalized, scale), moved


def side_by_side(x: Tensor) -> Tensor:
    """See (K, B, C, H, W) as one layer of K C channels: (B, K C, H, W)."""
    return x.transpose(0, 1).flatten(1, 2)


def member_by_member(x: Tensor, members: int) -> Tensor:
    """See (B, K C, H, W) as (K, B, C, H, W)."""
    return x.view(len(x), members, -1, *x.shape[2:]).transpose(0, 1)


_RUNNING = ("running_mean", "running_var")


def _beside(x: Tensor) -> Tensor:
    """Put what every channel has, (K, C), beside its maps (K, B, C, H, W)."""
    return x[:, None, :, None, None]


def _mixed(statistics: Sequence[Tensor], weights: Tensor) -> Tensor:
    """Mix statistics of instance, layer and batch by the softmax of each member's weights (K, 3).

    A dense layer has none of instance: its weights are the last two.
    """
    shares = weights[:, -len(statistics) :].softmax(1).unbind(1)
    beside = (-1, *[1] * (statistics[0].dim() - 1))
    return reduce(
        torch.add,
        [share.view(beside) * each for share, each in zip(shares, statistics, strict=True)],
    )


def _moved(
    statistics: Mapping[str, Tensor], mean: Tensor, variance: Tensor, momentum: float
) -> dict[str, Tensor]:
    """Move running statistics (K, F) towards a batch's (K, 1, F)."""
    towards = dict(zip(_RUNNING, (mean, variance), strict=True))
    return {
        name: statistics[name].lerp(each.detach().squeeze(1), 1 - momentum)
        for name, each in towards.items()
    }
