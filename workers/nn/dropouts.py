"""Dropouts: the share of activations that is dropped at random while training.

A mask compares 16 random bits per element, from a counter-based generator, with a threshold. Torch
draws a Bernoulli mask serially on a CPU, which takes seven times as long. A rate is therefore
rounded to a multiple of 2^-16; the scale uses the rounded rate, so the expectation is exact.

Where there are kernels, no mask is made: one compares and multiplies in one pass.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from workers.nn import kernels

#: From the name of a dropout layer to the 128-bit key of its random stream at one step.
Keys = Callable[[str], int]

_LEVELS = 2**16

_NARROW = (torch.bfloat16, torch.float16)

#: -lambda * alpha: the limit of selu towards minus infinity. Klambauer et al. 2017, eq. 14.
_SELU_LIMIT = -1.0507009873554804934193349852946 * 1.6732632423543772848170429916717


class Dropout(nn.Module):
    """Standard dropout: x * m / q with m ~ Bernoulli(q), q = 1 - rate.

    Args:
        site: the layer's name, which selects its random stream.
        rate: share of the elements that is set to zero, in [0, 1).

    References:
        Srivastava et al. 2014.
    """

    def __init__(self, site: str, rate: float) -> None:
        super().__init__()
        self.site = site
        self.dropped = min(round(rate * _LEVELS), _LEVELS - 1)

    @property
    def keep(self) -> float:
        """The probability that an element is kept, by the rounded rate."""
        return 1 - self.dropped / _LEVELS

    def forward(self, x: Tensor, keys: Keys | None) -> Tensor:
        """Drop elements of ``x`` (any shape) at random; without keys, return it unchanged."""
        if keys is None or self.dropped == 0:
            return x
        return self.drawn(x, keys(self.site))

    def drawn(self, x: Tensor, key: int) -> Tensor:
        """Return ``x`` with elements dropped by the mask of a key.

        Narrow numbers are multiplied as float32, and what comes of it, and its gradient, rounded.
        """
        if kernels.serve(x):
            words = _words(x.numel(), key)
            y: Tensor = _Dropped.apply(x, words, self.dropped, self.keep)  # type: ignore[no-untyped-call]
            return y
        if x.dtype in _NARROW:
            return self.drawn(x.to(torch.float32), key).to(x.dtype)
        return self.drop(x, _kept(x, self.dropped, key))

    def drop(self, x: Tensor, kept: Tensor) -> Tensor:
        """Return ``x`` with a mask of ones (kept) and zeros (dropped); overwrites the mask."""
        return x * kept.mul_(1 / self.keep)


class AlphaDropout(Dropout):
    """Dropout for selu: sets elements to its negative limit and restores mean and variance.

    a (x m + alpha' (1 - m)) + b, where a = (q + alpha'^2 q (1 - q))^(-1/2),
    b = -a (1 - q) alpha' and alpha' is the negative limit.

    References:
        Klambauer et al. 2017, section 3, "New Dropout Technique".
    """

    def drawn(self, x: Tensor, key: int) -> Tensor:
        return self.drop(x, _kept(x, self.dropped, key))

    def drop(self, x: Tensor, kept: Tensor) -> Tensor:
        scale, to_kept, to_all = self.numbers()
        offset = kept.mul(to_kept).add_(to_all)
        return torch.addcmul(offset, x, kept.mul_(scale))

    def numbers(self) -> tuple[float, float, float]:
        """Return the factor on kept elements, the offset of kept ones, and the offset of all."""
        q = self.keep
        a = 1 / math.sqrt(q + _SELU_LIMIT**2 * q * (1 - q))
        b = -a * (1 - q) * _SELU_LIMIT
        return a, -a * _SELU_LIMIT, a * _SELU_LIMIT + b


def _kept(x: Tensor, dropped: int, key: int) -> Tensor:
    """Return a float mask of x's shape and device, each element 0 with probability dropped/2^16.

    The bits depend on the key, the number of elements and the kind of device only.
    """
    if x.device.type == "cpu":
        kept = kept_elements(x.numel(), dropped, key)
        # Viewed as bytes: torch converts these to floats ten times faster than booleans.
        return torch.from_numpy(kept.view(np.int8)).to(x.dtype).view(x.shape)
    generator = torch.Generator(x.device).manual_seed(key % 2**63)
    drawn = torch.rand(x.shape, device=x.device, generator=generator)
    return drawn.ge_(dropped / _LEVELS).to(x.dtype)


def kept_elements(count: int, dropped: int, key: int | NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Return which of ``count`` elements are kept, drawn from the stream of a 128-bit key."""
    return _words(count, key) >= dropped


def _words(count: int, key: int | NDArray[np.uint64]) -> NDArray[np.uint16]:
    """Return 16 random bits for each of ``count`` elements: numpy's Philox, or a kernel's."""
    if not kernels.serve_many(count):
        return np.random.Philox(key=key).random_raw(-(-count // 4)).view(np.uint16)[:count]
    low, high = (key % 2**64, key >> 64) if isinstance(key, int) else key.tolist()
    counters = np.arange(1, -(-count // 16) + 1, dtype=np.uint64)  # numpy, too, begins with 1
    words = np.empty((len(counters), 4), np.uint64)
    draw = kernels.lent().draw
    kernels.by_samples(draw, [counters, words], np.uint64(low), np.uint64(high))
    return words.view(np.uint16).reshape(-1)[:count]


class _Dropped(torch.autograd.Function):
    """x * m / q in one pass, both ways."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, words: NDArray[np.uint16], dropped: int, keep: float
    ) -> Tensor:
        ctx.mask = words, dropped, np.float32(1 / keep)
        return _Dropped._times_mask(ctx, x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        return _Dropped._times_mask(ctx, upstream), None, None, None

    @staticmethod
    def _times_mask(ctx: Any, x: Tensor) -> Tensor:
        words, dropped, scale = ctx.mask
        x = x.contiguous()
        y = torch.empty_like(x)
        lent = kernels.lent()
        kernel = lent.drop_float32 if x.dtype == torch.float32 else lent.drop_bfloat16
        flat, dropped_flat = (kernels.array(each.view(-1)) for each in (x.detach(), y))
        kernels.by_samples(kernel, [flat, words, dropped_flat], dropped, scale)
        return y


#: From a site of the model, counted from 0, to its dropout layer.
DropoutAt = Callable[[int], Dropout]


def _site(index: int) -> str:
    return f"dropout_{index + 1}"


def none() -> DropoutAt:
    """Return dropout layers that drop nothing."""
    return lambda index: Dropout(_site(index), 0.0)


def dropout(*, rate: Sequence[float]) -> DropoutAt:
    """Return layers of standard dropout, with one rate for each site of the model."""
    return lambda index: Dropout(_site(index), rate[index])


def alpha_dropout(*, rate: Sequence[float]) -> DropoutAt:
    """Return layers of alpha dropout, with one rate for each site of the model."""
    return lambda index: AlphaDropout(_site(index), rate[index])


DROPOUTS: dict[str, Callable[..., DropoutAt]] = {
    "none": none,
    "dropout": dropout,
    "alpha_dropout": alpha_dropout,
}
