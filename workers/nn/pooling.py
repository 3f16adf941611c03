"""Pooling: the largest value, or the mean, of squares of pixels or of the whole image.

The largest value of squares that touch goes through kernels where there are any, with relu in the
same pass. Torch's backward pass takes several times as long: it sets all to zero first (number by
number in bfloat16), and keeps a position of eight bytes for each value.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from workers.nn import kernels
from workers.nn.activations import Activation, is_listened_to
from workers.nn.dropouts import Keys

#: The largest square of which a position fits into a byte, beside one for "nowhere".
_LARGEST_SQUARE = 15


@dataclass(frozen=True)
class Pooling:
    """A step of a network that pools.

    Attributes:
        largest: whether the largest value is taken, else the mean.
        size: side of a square; None for the whole image, which makes a vector.
        stride: between two squares.
    """

    largest: bool
    size: int | None
    stride: int

    def __call__(self, x: Tensor, _: Keys | None) -> Tensor:
        """Return the pooled image."""
        return self.pooled(x)

    @property
    def chooses(self) -> bool:
        """Whether each value is one of the image's, and none of it is in two windows.

        Then no gradient is a sum, and no type makes it round anything.
        """
        return self.largest and self.size is not None and self.size <= self.stride

    def pooled(self, x: Tensor) -> Tensor:
        """Return the pooled image, or the vector of the whole image."""
        if self.size is None:
            return x.amax((2, 3)) if self.largest else x.mean((2, 3))
        if self._goes_through_kernels(x):
            return _largest(x, self.size, relu=False)
        pool = F.max_pool2d if self.largest else F.avg_pool2d
        return pool(x, self.size, self.stride)

    def activated(self, activation: Activation, z: Tensor) -> Tensor:
        """Return the largest activations of ``z`` (batch, channels, height, width).

        A monotone function of a maximum is the maximum of the function, so a monotone activation is
        applied after the pooling, mostly to a quarter of the elements. Values are equal, and so are
        gradients: of equal z-values both orders choose the first. Where rounding makes the
        activations of two different z-values equal, this order passes the gradient to the larger
        z-value.
        """
        if not activation.monotone:
            return self.pooled(activation(z))
        is_relu = activation.function is torch.relu and not is_listened_to(activation)
        if is_relu and self._goes_through_kernels(z):
            assert self.size is not None  # noqa: S101 - else it does not go there
            return _largest(z, self.size, relu=True)
        activations: Tensor = activation(self.pooled(z))
        return activations

    def _goes_through_kernels(self, x: Tensor) -> bool:
        return (
            self.largest
            and self.size is not None
            and self.size == self.stride <= _LARGEST_SQUARE
            and kernels.serve(x)
            and x.is_contiguous(memory_format=torch.channels_last)
            and type(x) is Tensor  # an export to ONNX traces tensors of another class
        )

    def modules(self) -> Iterator[tuple[str, nn.Module]]:
        """Yield nothing: there is nothing to learn."""
        yield from ()


def _largest(x: Tensor, size: int, *, relu: bool) -> Tensor:
    pooled: Tensor = _Largest.apply(x, size, relu)  # type: ignore[no-untyped-call]
    return pooled


class _Largest(torch.autograd.Function):
    """The largest value of each square, or relu of it, channels last."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, size: int, relu: bool) -> Tensor:
        samples, channels, height, width = x.shape
        y = _channels_last(x, (samples, channels, height // size, width // size))
        at = torch.empty(_rows(y).shape, dtype=torch.uint8)
        rows = [kernels.array(_rows(each)) for each in (x.detach(), y)]
        kernels.by_samples(kernels.lent().pool, [*rows, at.numpy()], size, relu)
        ctx.save_for_backward(at)
        ctx.size, ctx.shape = size, x.shape
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None, None]:
        (at,) = ctx.saved_tensors
        *_, height, width = ctx.shape
        gradient = _channels_last(upstream, ctx.shape)
        gradient[:, :, height - height % ctx.size :] = 0
        gradient[:, :, :, width - width % ctx.size :] = 0
        upstream = upstream.contiguous(memory_format=torch.channels_last)
        passed, whole = (kernels.array(_rows(each)) for each in (upstream, gradient))
        nothing = whole.dtype.type(0)
        kernels.by_samples(kernels.lent().unpool, [passed, at.numpy(), whole], ctx.size, nothing)
        return gradient, None, None


def _channels_last(like: Tensor, shape: tuple[int, ...]) -> Tensor:
    return torch.empty(shape, dtype=like.dtype, memory_format=torch.channels_last)


def _rows(x: Tensor) -> Tensor:
    """Return a channels-last image (batch, channels, height, width) in the order of its memory."""
    return x.permute(0, 2, 3, 1)
