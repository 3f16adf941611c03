"""Dense layers of a pack: batched matrix products whose bits do not depend on a member's place.

The last bits of a product depend on where its matrices begin: a kernel works up to the next
whole vector first (measured with torch 2.13 and MKL: beginnings that are not multiples of 64 bytes
give other bits in one product of seven). So every member's matrices begin at such multiples.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

#: Float32 elements in 64 bytes.
ALIGNMENT = 16


def dense(x: Tensor, weight: Tensor, bias: Tensor, gradients: Sequence[Tensor] | None) -> Tensor:
    """Give x W^T + b for every member.

    Args:
        x: (K, B, I).
        weight: (K, O, I), aligned.
        bias: (K, O).
        gradients: where the gradients of weight and bias are put by a backward pass, aligned and
            of their shapes; None where none will follow.

    Returns:
        (K, B, O).
    """
    if gradients is None:
        return _product(placed(x), weight, bias)
    result: Tensor = _Dense.apply(x, weight, bias, *gradients)  # type: ignore[no-untyped-call]
    return result


class _Dense(torch.autograd.Function):
    @staticmethod
    def forward(  # noqa: PLR0917 - autograd passes by position
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
        weight_gradient: Tensor,
        bias_gradient: Tensor,
    ) -> Tensor:
        x = placed(x)
        ctx.save_for_backward(x, weight)
        ctx.gradients = weight_gradient, bias_gradient
        return _product(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        weight_gradient, bias_gradient = ctx.gradients
        upstream = placed(upstream)
        torch.bmm(upstream.transpose(1, 2), x, out=weight_gradient)
        torch.sum(upstream, 1, out=bias_gradient)
        through = None
        if ctx.needs_input_grad[0]:
            through = torch.bmm(upstream, weight, out=room_like(x, x.shape[1], x.shape[2]))
        return through, weight_gradient, bias_gradient, None, None


def _product(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    room = room_like(x, x.shape[1], weight.shape[1])
    return torch.baddbmm(bias.unsqueeze(1), x, weight.transpose(1, 2), out=room)


def placed(x: Tensor) -> Tensor:
    """Give ``x`` (K, B, U) with every member's matrix aligned: itself where it is."""
    rows = x.stride(2) == 1 and x.stride(1) == x.shape[2]
    if rows and x.stride(0) % ALIGNMENT == 0 and x.data_ptr() % (4 * ALIGNMENT) == 0:
        return x
    return room_like(x, x.shape[1], x.shape[2]).copy_(x)


def room_like(x: Tensor, samples: int, units: int) -> Tensor:
    """Make room for so many aligned matrices as ``x`` has members, without values."""
    members = len(x)
    elements = samples * units
    room = x.new_empty(members, -(-elements // ALIGNMENT) * ALIGNMENT)
    return room[:, :elements].view(members, samples, units)
