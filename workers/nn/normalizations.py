"""Normalizations: modules before or after a layer's activation, and one of its weights.

Every module takes (batch, features) of a dense layer or (batch, channels, height, width) of a
convolution, returns the same shape in the same memory layout, and learns a scale (``weight``, from
1) and, except for rms, a shift (``bias``, from 0) for every feature, named as in torch. Weight
normalization changes no value of a sample: its module passes them on.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial, reduce

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize

from workers.nn.maps import affine, maps_of, moments, pooled

#: From a layer's number of features (units or channels) to a new normalization for it.
Normalization = Callable[[int], nn.Module]


class Scaled(nn.Module):
    """The parts of every normalization: a scale and a shift for every feature, and an epsilon.

    Args:
        features: units of a dense layer or channels of a convolution.
        epsilon: added to the variance, inside the root.
    """

    def __init__(self, features: int, *, epsilon: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features))
        self.bias = nn.Parameter(torch.zeros(features))
        self.epsilon = epsilon


class GroupNorm(Scaled):
    """Normalizes each sample over groups of features and all their positions.

    With one group this is layer normalization.

    Raises:
        ValueError: the groups do not divide the features.
    """

    def __init__(self, features: int, *, groups: int, epsilon: float) -> None:
        super().__init__(features, epsilon=epsilon)
        if features % groups:
            raise ValueError(f"{groups} groups do not divide {features} features.")
        self.groups = groups

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() > 2:
            # Torch's channels-last kernel computes E[x^2] - E[x]^2, which loses the digits of a
            # variance far below the mean. Shifting a group changes neither its normalized values
            # nor their gradient.
            x = x - self._centres(x.detach())
        # torch.nn.functional's form refuses a single unit with a group of its own.
        return torch.group_norm(
            x, self.groups, self.weight, self.bias, self.epsilon, torch.backends.cudnn.enabled
        )

    def _centres(self, x: Tensor) -> Tensor:
        """Return for every channel the mean of its group: (batch, channels, 1, 1)."""
        means = maps_of(x).mean(1).view(len(x), self.groups, -1)
        centres = means.mean(2, keepdim=True).expand_as(means).reshape(len(x), -1)
        return centres[:, :, None, None]


class InstanceNorm(Scaled):
    """Normalizes each sample over each channel, or over all units of a dense layer."""

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() == 2:
            return torch.layer_norm(x, x.shape[1:], self.weight, self.bias, self.epsilon)
        _, deviations, variance = moments(x)
        scale = self.weight * torch.rsqrt(variance + self.epsilon)
        return affine(deviations, scale, self.bias.expand_as(scale), x.shape)


class RmsNorm(nn.Module):
    """Divides each sample by the root mean square over its whole layer, and scales each feature.

    Args:
        features: units of a dense layer or channels of a convolution.
        epsilon: added to the mean square, inside the root.
    """

    def __init__(self, features: int, *, epsilon: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features))
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        square = x.square().mean(tuple(range(1, x.dim())), keepdim=True)
        scale = self.weight.view(-1, *[1] * (x.dim() - 2))
        return x * torch.rsqrt(square + self.epsilon) * scale


class WeightNorm(nn.Identity):
    """Passes values on: what is normalized are the weights of the layer before it.

    ``attach`` replaces the layer's weight by torch's own parametrization, whose parameters are
    ``parametrizations.weight.original0`` (the lengths g) and ``original1`` (the directions v).
    """

    @staticmethod
    def attach(layer: nn.Linear | nn.Conv2d) -> None:
        """Make a layer's weights a length times a direction, one of each for every unit."""
        parametrizations.weight_norm(layer)


@torch.no_grad()
def set_weight(layer: nn.Linear | nn.Conv2d, weight: Tensor) -> None:
    """Set a layer's weights, in place; normalized ones by their lengths and directions."""
    if parametrize.is_parametrized(layer, "weight"):
        layer.weight = weight
    else:
        layer.weight.copy_(weight)


class RunningStatistics(Scaled):
    """A normalization by statistics of the batch, with running statistics for evaluation.

    In training mode every forward pass moves ``running_mean`` (from 0) and ``running_var`` (from 1)
    towards the batch's, except within ``running_statistics_frozen``. A batch with a single value
    per feature (one sample of a dense layer) has no variance and does not move them.

    Args:
        features: units of a dense layer or channels of a convolution.
        momentum: share of the running statistics that is kept at every step (Keras' convention;
            torch's momentum is one minus this).
        epsilon: added to the variance, inside the root.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, features: int, *, momentum: float, epsilon: float) -> None:
        super().__init__(features, epsilon=epsilon)
        self.momentum = momentum
        self.frozen = False
        self.register_buffer("running_mean", torch.zeros(features))
        self.register_buffer("running_var", torch.ones(features))

    def learns_from(self, x: Tensor) -> bool:
        """Whether the running statistics move towards this batch's."""
        return self.training and not self.frozen and x.numel() > x.shape[1]


class BatchNorm(RunningStatistics):
    """Normalizes each feature over the batch and all positions.

    The running variance is unbiased, as in the paper's algorithm 2 and in torch.
    """

    def forward(self, x: Tensor) -> Tensor:
        used = not self.training or self.learns_from(x)
        # torch.nn.functional's form refuses a batch of one in training mode.
        return torch.batch_norm(
            x,
            self.weight,
            self.bias,
            self.running_mean if used else None,
            self.running_var if used else None,
            self.training,
            1 - self.momentum,
            self.epsilon,
            torch.backends.cudnn.enabled,
        )


class SwitchableNorm(RunningStatistics):
    """Normalizes by a learned mixture of instance, layer and batch statistics.

    ``mean_weight`` and ``var_weight`` (each from ones) are the weights of instance, layer and
    batch, in this order; their softmax gives the shares. A dense layer has no instance statistics:
    its softmax is over layer and batch, and the first weight is not used. All variances are biased,
    as in the paper.
    """

    def __init__(self, features: int, *, momentum: float, epsilon: float) -> None:
        super().__init__(features, momentum=momentum, epsilon=epsilon)
        self.mean_weight = nn.Parameter(torch.ones(3))
        self.var_weight = nn.Parameter(torch.ones(3))

    def forward(self, x: Tensor) -> Tensor:
        mean, deviations, variance = moments(x)
        candidates = [(mean, variance), pooled(mean, variance, 2), self._batch(x, mean, variance)]
        if x.dim() == 2:
            del candidates[0]
        means, variances = zip(*candidates, strict=True)
        mixed_mean = _mixed(means, self.mean_weight)
        mixed_variance = _mixed(variances, self.var_weight)
        scale = self.weight * torch.rsqrt(mixed_variance + self.epsilon)
        shift = self.bias + (mean - mixed_mean) * scale
        return affine(deviations, scale, shift, x.shape)

    def _batch(self, x: Tensor, mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean and variance of the batch, or the running ones in evaluation."""
        if not self.training:
            return self.running_mean, self.running_var
        mean, variance = pooled(mean, variance, 0)
        if self.learns_from(x):
            self.running_mean.lerp_(mean.detach().flatten(), 1 - self.momentum)
            self.running_var.lerp_(variance.detach().flatten(), 1 - self.momentum)
        return mean, variance


def _mixed(statistics: Sequence[Tensor], weights: Tensor) -> Tensor:
    """Return the mixture of statistics by the softmax of the last weights, one for each."""
    shares = weights[-len(statistics) :].softmax(0).unbind()
    return reduce(torch.add, map(torch.mul, shares, statistics))


@contextmanager
def running_statistics_frozen(network: nn.Module) -> Iterator[None]:
    """Keep all running statistics of a network unchanged within this context.

    In training mode the network then normalizes a probe batch by the batch's own statistics, and no
    bit of it changes.
    """
    modules = [module for module in network.modules() if isinstance(module, RunningStatistics)]
    before = [module.frozen for module in modules]
    for module in modules:
        module.frozen = True
    try:
        yield
    finally:
        for module, frozen in zip(modules, before, strict=True):
            module.frozen = frozen


def none() -> Normalization:
    """Return no normalization: the weighted sums are the z-values."""
    return lambda _: nn.Identity()


def batch(*, momentum: float, epsilon: float) -> Normalization:
    """Return the normalization of each feature over the batch.

    Evaluation uses running averages instead of algorithm 2's averages over training batches.

    References:
        Ioffe & Szegedy 2015, algorithms 1 and 2.
    """
    return partial(BatchNorm, momentum=momentum, epsilon=epsilon)


def layer(*, epsilon: float) -> Normalization:
    """Return the normalization of each sample over its whole layer.

    For images that is over channels, height and width together, with one scale and shift per
    channel: group normalization with one group.

    References:
        Ba, Kiros & Hinton 2016, eq. 3.
    """
    return partial(GroupNorm, groups=1, epsilon=epsilon)


def instance(*, epsilon: float) -> Normalization:
    """Return the normalization of each sample over each of its channels.

    References:
        Ulyanov et al. 2016, section 2.
    """
    return partial(InstanceNorm, epsilon=epsilon)


def group(*, groups: int, epsilon: float) -> Normalization:
    """Return the normalization of each sample over groups of neighbouring features.

    References:
        Wu & He 2018, eq. 7.
    """
    return partial(GroupNorm, groups=groups, epsilon=epsilon)


def switchable(*, momentum: float, epsilon: float) -> Normalization:
    """Return the normalization by a learned mixture of instance, layer and batch statistics.

    Evaluation uses running averages of the batch statistics, the default of the authors' code.

    References:
        Luo et al. 2018, eq. 3 to 5.
    """
    return partial(SwitchableNorm, momentum=momentum, epsilon=epsilon)


def rms(*, epsilon: float) -> Normalization:
    """Return the division of each sample by its root mean square over the whole layer.

    For images that is over channels, height and width together, with one scale per channel, as
    ``layer`` does; on a dense layer it is torch's ``RMSNorm``.

    References:
        Zhang & Sennrich 2019, eq. 4.
    """
    return partial(RmsNorm, epsilon=epsilon)


def weight() -> Normalization:
    """Return weight normalization: w = g v / |v| for each unit or channel of a layer.

    The output layer keeps plain weights. It starts from the initializer's weights, as torch's does,
    not from a batch of data (the paper's section 3): for that use the initializer lsuv.

    References:
        Salimans & Kingma 2016, eq. 2.
    """
    return lambda _: WeightNorm()


NORMALIZATIONS: dict[str, Callable[..., Normalization]] = {
    "none": none,
    "batch": batch,
    "layer": layer,
    "instance": instance,
    "group": group,
    "switchable": switchable,
    "rms": rms,
    "weight": weight,
}
