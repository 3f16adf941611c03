"""Activations of a pack: each member's own, those that are alike together."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from itertools import accumulate, groupby

import torch
from torch import Tensor

from workers.nn.activations import Activation, Prelu
from workers.nn.packed.aligned import aligned

#: (z-values (K, B, units * pieces, ...), the activation's parameters by name, each (K, ...)) ->
#: activations (K, B, units, ...).
PackedActivation = Callable[[Tensor, Mapping[str, Tensor]], Tensor]


def packed_activation(members: Sequence[Activation], kinds: Sequence[Hashable]) -> PackedActivation:
    """Give the activation of a pack's layer.

    Args:
        members: each member's, of one family: prelu, maxout with one number of pieces, or any
            element-wise functions.
        kinds: equal where activations are; neighbours that are alike are worked on together.
    """
    first = members[0]
    if isinstance(first, Prelu):
        return _prelu
    if first.pieces > 1:
        return lambda z, _: _pieces(z, first.pieces).max(3).values
    groups = [len(list(alike)) for _, alike in groupby(kinds)]
    if len(groups) == 1:
        return lambda z, _: aligned(first.function, z)
    starts = [0, *accumulate(groups)][:-1]
    functions = [members[start].function for start in starts]

    def each_its_own(z: Tensor, _: Mapping[str, Tensor]) -> Tensor:
        parts = zip(functions, torch.split(z, groups), strict=True)
        return torch.cat([aligned(function, part) for function, part in parts])

    return each_its_own


def _pieces(z: Tensor, pieces: int) -> Tensor:
    return z.view(*z.shape[:2], -1, pieces, *z.shape[3:])


def _prelu(z: Tensor, parameters: Mapping[str, Tensor]) -> Tensor:
    slope = parameters["slope"]
    slope = slope.view(len(slope), 1, -1, *[1] * (z.dim() - 3))
    return torch.where(z > 0, z, slope * z)
