"""Weights of a pack's layers: plain parameters, or lengths and directions (weight normalization).

The formula and its reference are those of ``workers.nn.normalizations.weight``; the names of the
parameters are those of torch's parametrization.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from workers.nn.packed.dense import placed, room_like

_LENGTHS, _DIRECTIONS = (f"parametrizations.weight.original{number}" for number in (0, 1))


def weight_of(name: str, parameters: Mapping[str, Tensor]) -> Tensor:
    """Return the weights of a layer, (K, units, *inputs); each member's are aligned.

    Args:
        name: of the layer.
        parameters: of the pack, by their full names.
    """
    plain = parameters.get(f"{name}.weight")
    if plain is not None:
        return plain
    lengths, directions = (parameters[f"{name}.{part}"] for part in (_LENGTHS, _DIRECTIONS))
    rows: Tensor = _Normalized.apply(lengths.flatten(2), directions.flatten(2))  # type: ignore[no-untyped-call]
    return rows.view(directions.shape)


class _Normalized(torch.autograd.Function):
    """w = g v / |v| for g (K, units, 1) and v (K, units, inputs).

    Whatever is summed over lies in matrices that begin at the same offset from a whole vector for
    each member, so that no bit depends on a member's place.
    """

    @staticmethod
    def forward(ctx: Any, lengths: Tensor, directions: Tensor) -> Tensor:
        directions = placed(directions)
        norms = torch.linalg.vector_norm(directions, dim=2, keepdim=True)
        ctx.save_for_backward(lengths, directions, norms)
        room = room_like(directions, *directions.shape[1:])
        return torch.mul(directions, lengths / norms, out=room)

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, Tensor]:
        lengths, directions, norms = ctx.saved_tensors
        products = room_like(directions, *directions.shape[1:])
        torch.mul(upstream, directions, out=products)
        of_lengths = products.sum(2, keepdim=True) / norms
        along = directions * (of_lengths / norms)
        return of_lengths, (upstream - along) * (lengths / norms)
