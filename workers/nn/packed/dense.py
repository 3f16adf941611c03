"""Dense layers of a pack: batched products whose bits do not depend on a member's position.

The last bits of a matrix product depend on the addresses of its matrices, because a kernel first
works up to the next whole vector. Measured with torch 2.13 and MKL: with addresses that are not
multiples of 64 bytes one product of seven has other bits. So every member's matrices begin at such
multiples: they are aligned.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

#: Float32 elements in 64 bytes.
ALIGNMENT = 16


def dense(x: Tensor, weight: Tensor, bias: Tensor, gradients: Sequence[Tensor] | None) -> Tensor:
    """Return x W^T + b for every member: (K, B, O).

    Args:
        x: (K, B, I).
        weight: (K, O, I), aligned.
        bias: (K, O).
        gradients: tensors that a backward pass writes the gradients of weight and bias to, aligned
            and of their shapes; None where no backward pass follows.
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
    """Return ``x`` (K, B, U) with every member's matrix aligned: itself, or else a copy."""
    rows = x.stride(2) == 1 and x.stride(1) == x.shape[2]
    if rows and x.stride(0) % ALIGNMENT == 0 and x.data_ptr() % (4 * ALIGNMENT) == 0:
        return x
    return room_like(x, x.shape[1], x.shape[2]).copy_(x)


def room_like(x: Tensor, samples: int, units: int) -> Tensor:
    """Return an uninitialized, aligned matrix (samples, units) for each member of ``x``."""
    members = len(x)
    elements = samples * units
    room = x.new_empty(members, -(-elements // ALIGNMENT) * ALIGNMENT)
    return room[:, :elements].view(members, samples, units)
