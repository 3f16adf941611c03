"""Activations of a pack: each member's own, computed together for neighbours that share one."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import partial
from itertools import accumulate, groupby

import torch
from torch import Tensor

from workers.nn.activations import Activation, Gated, Prelu
from workers.nn.packed.aligned import aligned

#: (z-values (K, B, units * pieces, ...), the activation's parameters by name, each (K, ...)) ->
#: activations (K, B, units, ...).
PackedActivation = Callable[[Tensor, Mapping[str, Tensor]], Tensor]


def packed_activation(members: Sequence[Activation], kinds: Sequence[Hashable]) -> PackedActivation:
    """Return the activation of a pack's layer.

    Args:
        members: the activation of each member, all of one family: prelu, maxout with one number of
            pieces, one gated activation, or element-wise functions.
        kinds: of the members' activations; neighbours of equal kind are computed together.
    """
    first = members[0]
    if isinstance(first, Prelu):
        return _prelu
    if isinstance(first, Gated):
        return partial(_gated, gate=first.gate)
    if first.pieces > 1:
        return lambda z, _: _pieces(z, first.pieces).max(3).values
    groups = [len(list(neighbours)) for _, neighbours in groupby(kinds)]
    if len(groups) == 1:
        return lambda z, _: aligned(first.function, z)
    starts = [0, *accumulate(groups)][:-1]
    functions = [members[start].function for start in starts]

    def by_groups(z: Tensor, _: Mapping[str, Tensor]) -> Tensor:
        parts = zip(functions, torch.split(z, groups), strict=True)
        return torch.cat([aligned(function, part) for function, part in parts])

    return by_groups


def _pieces(z: Tensor, pieces: int) -> Tensor:
    return z.view(*z.shape[:2], -1, pieces, *z.shape[3:])


def _gated(z: Tensor, _: Mapping[str, Tensor], *, gate: Callable[[Tensor], Tensor]) -> Tensor:
    value, opening = _pieces(z, 2).unbind(3)
    return value * aligned(gate, opening.contiguous())


def _prelu(z: Tensor, parameters: Mapping[str, Tensor]) -> Tensor:
    slope = parameters["slope"]
    slope = slope.view(len(slope), 1, -1, *[1] * (z.dim() - 3))
    return torch.where(z > 0, z, slope * z)
