"""Dense layers of a pack: batched products whose bits do not depend on a member's position.

The last bits of a matrix product depend on the addresses of its matrices, because a kernel first
works up to the next whole vector. Measured with torch 2.13 and MKL: with addresses that are not
multiples of 64 bytes one product of seven has other bits. So every member's matrices begin at such
multiples: they are aligned.

Batched products of bfloat16 numbers depend on the number of members, too: torch chooses a library
by their size. So on a CPU each member's narrow product is one of its own, or, where that takes
longer to launch than to compute, the numbers are rounded and multiplied as float32.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from workers.nn.packed import numpy_products
from workers.nn.products import Products

#: Float32 elements in 64 bytes.
ALIGNMENT = 16

#: Multiply-adds of a member's product from which it is worth a launch of its own.
LEAST_NATIVE = 2**18

#: Writes the products of (K, n, m) and (K, m, p) to (K, n, p).
_Multiply = Callable[[Tensor, Tensor, Tensor], Tensor]


def dense(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    gradients: Sequence[Tensor] | None,
    *,
    by_numpy: bool = False,
) -> Tensor:
    """Return x W^T + b for every member: (K, B, O).

    Args:
        x: (K, B, I).
        weight: (K, O, I), aligned.
        bias: (K, O).
        gradients: tensors that a backward pass writes the gradients of weight and bias to, aligned
            and of their shapes; None where no backward pass follows.
        by_numpy: whether large products go through numpy (``workers.nn.packed.numpy_products``).
    """
    large = x[0].numel() * weight.shape[1] >= numpy_products.LEAST
    multiply = numpy_products.matmul if by_numpy and large else _bmm
    if gradients is None:
        return _product(multiply, placed(x), weight, bias)
    result: Tensor = _Dense.apply(  # type: ignore[no-untyped-call]
        multiply, x, weight, bias, *gradients
    )
    return result


def narrow_dense(
    products: Products,
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    gradients: Sequence[Tensor] | None,
) -> Tensor:
    """Return the same with narrow products: (K, B, O) in float32.

    Args:
        products: how to multiply.
        x: (K, B, I).
        weight: (K, O, I).
        bias: (K, O).
        gradients: as in ``dense``; they need not be aligned.
    """
    if products.native and x.device.type == "cpu":
        if x[0].numel() * weight.shape[1] >= LEAST_NATIVE:
            result: Tensor = _MemberByMember.apply(  # type: ignore[no-untyped-call]
                products, x, weight, bias, *(gradients or (None, None))
            )
            return result
        products = products.emulated()
    rounded, offsets = placed(products.operand(weight)), products.operand(bias)
    rooms = None
    if gradients is not None:
        rooms = (
            room_like(rounded, *rounded.shape[1:]),
            room_like(rounded, 1, rounded.shape[1]).squeeze(1),
        )
    return products.result(dense(_operand(products, x), rounded, offsets, rooms))


def _operand(products: Products, x: Tensor) -> Tensor:
    """Return what products read of ``x`` (K, ...); what is the same for all members is read once.

    So are the samples of an evaluation, of which K copies would take much memory.
    """
    return products.operand(x[0]).expand_as(x) if x.stride(0) == 0 else products.operand(x)


class _Dense(torch.autograd.Function):
    @staticmethod
    def forward(  # noqa: PLR0917 - autograd passes by position
        ctx: Any,
        multiply: _Multiply,
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
        weight_gradient: Tensor,
        bias_gradient: Tensor,
    ) -> Tensor:
        x = placed(x)
        ctx.save_for_backward(x, weight)
        ctx.multiply = multiply
        ctx.gradients = weight_gradient, bias_gradient
        return _product(multiply, x, weight, bias)

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        weight_gradient, bias_gradient = ctx.gradients
        upstream = placed(upstream)
        ctx.multiply(upstream.transpose(1, 2), x, weight_gradient)
        torch.sum(upstream, 1, out=bias_gradient)
        through = None
        if ctx.needs_input_grad[1]:
            through = ctx.multiply(upstream, weight, room_like(x, x.shape[1], x.shape[2]))
        return None, through, weight_gradient, bias_gradient, None, None


class _MemberByMember(torch.autograd.Function):
    """Narrow products, each member's by itself. All are rounded at once: fewer launches."""

    @staticmethod
    def forward(  # noqa: PLR0917 - autograd passes by position
        ctx: Any,
        products: Products,
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
        weight_gradient: Tensor | None,
        bias_gradient: Tensor | None,
    ) -> Tensor:
        x, weight, bias = (_operand(products, each) for each in (x, weight, bias))
        ctx.save_for_backward(x, weight)
        ctx.gradients = weight_gradient, bias_gradient
        z = x.new_empty(len(x), x.shape[1], weight.shape[1])
        for own_z, own_x, own_weight, own_bias in zip(z, x, weight, bias, strict=True):
            torch.addmm(own_bias, own_x, own_weight.t(), out=own_z)
        return products.result(z)

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        weight_gradient, bias_gradient = ctx.gradients
        upstream = upstream.to(x.dtype)
        of_weight, of_bias = torch.empty_like(weight[0]), upstream.new_empty(weight.shape[1])
        for member, own in enumerate(upstream):
            torch.mm(own.t(), x[member], out=of_weight)
            weight_gradient[member].copy_(of_weight)
            torch.sum(own, 0, out=of_bias)
            bias_gradient[member].copy_(of_bias)
        through = None
        if ctx.needs_input_grad[1]:
            through = x.new_empty(x.shape)
            for own, own_weight, into in zip(upstream, weight, through, strict=True):
                torch.mm(own, own_weight, out=into)
            through = through.to(torch.float32)
        return None, through, weight_gradient, bias_gradient, None, None


def _bmm(x: Tensor, y: Tensor, out: Tensor) -> Tensor:
    return torch.bmm(x, y, out=out)


def _product(multiply: _Multiply, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    room = room_like(x, x.shape[1], weight.shape[1])
    if multiply is _bmm:  # which adds the bias on its way
        return torch.baddbmm(bias.unsqueeze(1), x, weight.transpose(1, 2), out=room)
    return multiply(x, weight.transpose(1, 2), room).add_(bias.unsqueeze(1))


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
