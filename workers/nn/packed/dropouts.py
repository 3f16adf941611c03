"""Dropouts of a pack: one mask for all members, with each member's part from its own stream."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from workers.nn.dropouts import AlphaDropout, Dropout, kept_elements

#: Steele, Lea & Flood 2014, "Fast splittable pseudorandom number generators", SplitMix64: the
#: golden gamma, and the shifts and factors of its mix (variant 13 of Stafford's), as int64.
_GAMMA = -7046029254386353131
_MIX = ((30, -4658895280553007687), (27, -7723592293110705685), (31, 1))


class PackedDropout:
    """One dropout site of a pack: standard dropout for all members, or alpha dropout for all.

    Args:
        members: each member's dropout; the rates may differ.
        device: where the activations are.

    Attributes:
        drops: whether any member drops anything.
    """

    def __init__(self, members: Sequence[Dropout], device: torch.device) -> None:
        self._dropped = torch.tensor([dropout.dropped for dropout in members], device=device)
        # Of each member: the factor on kept elements, the offset of kept ones, the offset of all.
        numbers = [
            dropout.numbers() if isinstance(dropout, AlphaDropout) else (1 / dropout.keep,)
            for dropout in members
        ]
        self._numbers = torch.tensor(numbers, device=device).unbind(1)
        self.drops = any(dropout.dropped for dropout in members)

    def __call__(self, x: Tensor, keys: Tensor) -> Tensor:
        """Drop elements of ``x`` (K, B, ...); ``keys`` are 128-bit ones as (K, 2) int64."""
        kept = self._kept(x, keys)
        scale, *offsets = (number.view(-1, *[1] * (x.dim() - 1)) for number in self._numbers)
        if not offsets:
            return x * kept.mul_(scale)
        to_kept, to_all = offsets
        shift = torch.addcmul(to_all, kept, to_kept)
        return torch.addcmul(shift, x, kept.mul_(scale))

    def _kept(self, x: Tensor, keys: Tensor) -> Tensor:
        """Return a float mask of x's shape, each member's part as if it were alone."""
        count = x[0].numel()
        if x.device.type == "cpu":
            kept = np.empty((len(x), count), np.bool_)
            words = keys.numpy().view(np.uint64)
            for row, dropped, key in zip(kept, self._dropped.tolist(), words, strict=True):
                row[:] = kept_elements(count, dropped, key)
            # Viewed as bytes: torch converts these to floats ten times faster than booleans.
            return torch.from_numpy(kept.view(np.int8)).to(x.dtype).view(x.shape)
        threshold = (self._dropped - 2**15).unsqueeze(1)
        return (device_words(keys[:, 0], count) >= threshold).to(x.dtype).view(x.shape)


def device_words(keys: Tensor, count: int) -> Tensor:
    """Return random 16-bit words on the keys' device, drawn without the state of a generator.

    A stream is SplitMix64 with its key as the seed: a pure function of (key, position), so that it
    can be part of a CUDA graph.

    Args:
        keys: (K,) int64.
        count: words of each stream.

    Returns:
        (K, count) int16, uniform over all values.
    """
    steps = torch.arange(1, -(-count // 4) + 1, device=keys.device)
    mixed = keys.unsqueeze(1) + steps * _GAMMA
    for shift, factor in _MIX:
        # An arithmetic shift copies the sign bit; the mask clears the copies.
        mixed = (mixed ^ ((mixed >> shift) & (2 ** (64 - shift) - 1))) * factor
    return mixed.view(torch.int16)[:, :count]
