"""Normalizations of a pack's dense layers.

Each takes z-values (K, B, F) and the layer's parameters and running statistics, (K, F) each, and
gives the normalized z-values with the running statistics as they are after this batch (none
where they stay). Formulas and sources are those of ``workers.nn.normalizations``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from workers.nn.maps import moments_of_maps, scaled_maps
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
        mixed_mean = _mixed(layer_mean, mean, parameters["mean_weight"])
        mixed_variance = _mixed(layer_variance, variance, parameters["var_weight"])
        normalized = (z - mixed_mean) * torch.rsqrt(mixed_variance + self.epsilon)
        scale, shift = parameters["weight"].unsqueeze(1), parameters["bias"].unsqueeze(1)
        return scaled_maps(normalized, scale, shift), moved


_RUNNING = ("running_mean", "running_var")


def _mixed(layer: Tensor, batch: Tensor, weights: Tensor) -> Tensor:
    """Mix statistics by the softmax of the last two of each member's weights (K, 3)."""
    of_layer, of_batch = weights[:, 1:].softmax(1)[:, :, None, None].unbind(1)
    return of_layer * layer + of_batch * batch


def _moved(
    statistics: Mapping[str, Tensor], mean: Tensor, variance: Tensor, momentum: float
) -> dict[str, Tensor]:
    """Move running statistics (K, F) towards a batch's (K, 1, F)."""
    towards = dict(zip(_RUNNING, (mean, variance), strict=True))
    return {
        name: statistics[name].lerp(each.detach().squeeze(1), 1 - momentum)
        for name, each in towards.items()
    }
