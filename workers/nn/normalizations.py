"""Normalizations: what stands between a layer's z-values and its activation.

Every module takes (batch, features) of a dense layer or (batch, channels, height, width) of a
convolution, gives the same shape in the same memory layout, and learns a scale (``weight``, from
1) and a shift (``bias``, from 0) for every feature, named as torch names its own.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial, reduce

import torch
from torch import Tensor, nn

from workers.nn.maps import affine, maps_of, moments, pooled

#: From a layer's features (units or channels) to the module that normalizes its z-values.
Normalization = Callable[[int], nn.Module]


class Scaled(nn.Module):
    """What all normalizations have: a scale and a shift for every feature, and an epsilon.

    Args:
        features: units of a dense layer or channels of a convolution.
        epsilon: added to the variance, under the root.
    """

    def __init__(self, features: int, *, epsilon: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features))
        self.bias = nn.Parameter(torch.zeros(features))
        self.epsilon = epsilon


class GroupNorm(Scaled):
    """Normalizes each sample over groups of features and all their positions.

    One group is layer normalization.

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
            # Torch's channels-last kernel takes E[x^2] - E[x]^2, which loses the digits of a
            # variance far below the mean. What a group is shifted by changes neither its
            # normalized values nor their gradient.
            x = x - self._centres(x.detach())
        # Not torch.nn.functional's, which refuses a lone unit with a group of its own.
        return torch.group_norm(
            x, self.groups, self.weight, self.bias, self.epsilon, torch.backends.cudnn.enabled
        )

    def _centres(self, x: Tensor) -> Tensor:
        """Give every channel the mean of its group: (batch, channels, 1, 1)."""
        means = maps_of(x).mean(1).view(len(x), self.groups, -1)
        centres = means.mean(2, keepdim=True).expand_as(means).reshape(len(x), -1)
        return centres[:, :, None, None]


class InstanceNorm(Scaled):
    """Normalizes each sample over each map: a channel, or all units of a dense layer."""

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() == 2:
            return torch.layer_norm(x, x.shape[1:], self.weight, self.bias, self.epsilon)
        _, deviations, variance = moments(x)
        scale = self.weight * torch.rsqrt(variance + self.epsilon)
        return affine(deviations, scale, self.bias.expand_as(scale), x.shape)


class RunningStatistics(Scaled):
    """A normalization by statistics of the batch, with running ones for evaluation.

    In training mode every forward pass moves ``running_mean`` (from 0) and ``running_var`` (from
    1) towards the batch's, unless ``running_statistics_frozen`` holds them. A batch with a single
    value a feature (one sample of a dense layer) says nothing of a variance and leaves them.

    Args:
        features: as for all.
        momentum: share of the running statistics kept at every step (Keras' convention; torch's
            momentum is one minus this).
        epsilon: as for all.
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
        """Say whether the running statistics are to follow this batch."""
        return self.training and not self.frozen and x.numel() > x.shape[1]


class BatchNorm(RunningStatistics):
    """Normalizes each feature over the batch and all positions.

    The running variance is the unbiased one, as in the paper's algorithm 2 and torch's modules.
    """

    def forward(self, x: Tensor) -> Tensor:
        used = not self.training or self.learns_from(x)
        # Not torch.nn.functional's, which refuses a batch of one in training mode.
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

    ``mean_weight`` and ``var_weight`` (each from ones) hold a weight for instance, layer and
    batch, in this order; their softmax gives the shares. A dense layer has no maps, so there the
    softmax runs over layer and batch alone and the first weight rests. All variances are biased,
    as the paper defines them.
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
        """Give the batch's mean and variance, or in evaluation the running ones."""
        if not self.training:
            return self.running_mean, self.running_var
        mean, variance = pooled(mean, variance, 0)
        if self.learns_from(x):
            self.running_mean.lerp_(mean.detach().flatten(), 1 - self.momentum)
            self.running_var.lerp_(variance.detach().flatten(), 1 - self.momentum)
        return mean, variance


def _mixed(statistics: Sequence[Tensor], weights: Tensor) -> Tensor:
    """Mix statistics by the softmax of the last weights, one each."""
    shares = weights[-len(statistics) :].softmax(0).unbind()
    return reduce(torch.add, map(torch.mul, shares, statistics))


@contextmanager
def running_statistics_frozen(network: nn.Module) -> Iterator[None]:
    """Hold all running statistics of a network while its batch statistics are evaluated.

    In training mode the network then normalizes a probe batch by the batch's own statistics and
    stays as it was, to the bit.
    """
    modules = [each for each in network.modules() if isinstance(each, RunningStatistics)]
    before = [each.frozen for each in modules]
    for each in modules:
        each.frozen = True
    try:
        yield
    finally:
        for each, frozen in zip(modules, before, strict=True):
            each.frozen = frozen


def none() -> Normalization:
    """Leave the z-values as they are."""
    return lambda _: nn.Identity()


def batch(*, momentum: float, epsilon: float) -> Normalization:
    """Normalize over the batch. Ioffe & Szegedy 2015, algorithms 1 and 2.

    Running averages stand in for algorithm 2's averages over training batches.
    """
    return partial(BatchNorm, momentum=momentum, epsilon=epsilon)


def layer(*, epsilon: float) -> Normalization:
    """Normalize each sample over its whole layer. Ba, Kiros & Hinton 2016, eq. 3.

    On images over channels, height and width together, with one scale and shift a channel: group
    normalization with one group.
    """
    return partial(GroupNorm, groups=1, epsilon=epsilon)


def instance(*, epsilon: float) -> Normalization:
    """Normalize each sample over each of its maps. Ulyanov et al. 2016, section 2."""
    return partial(InstanceNorm, epsilon=epsilon)


def group(*, groups: int, epsilon: float) -> Normalization:
    """Normalize each sample over groups of neighbouring features. Wu & He 2018, eq. 7."""
    return partial(GroupNorm, groups=groups, epsilon=epsilon)


def switchable(*, momentum: float, epsilon: float) -> Normalization:
    """Normalize by a learned mixture of statistics. Luo et al. 2018, eq. 3 to 5.

    Evaluation takes running averages of the batch statistics, as the authors' code does by
    default.
    """
    return partial(SwitchableNorm, momentum=momentum, epsilon=epsilon)


NORMALIZATIONS: dict[str, Callable[..., Normalization]] = {
    "none": none,
    "batch": batch,
    "layer": layer,
    "instance": instance,
    "group": group,
    "switchable": switchable,
}
