"""Dense products through numpy, for processors on which torch's own are slow.

Torch multiplies float32 matrices by MKL, which on AMD processors leaves AVX-512 unused. On an EPYC
of family 26 it was seen at 82 to 106 GFLOP/s where numpy's OpenBLAS reaches 231 to 249
(docs/performance.md). Their bits differ, so ``workers.training.devices`` decides by the processor
and the threads alone which of the two multiplies, and the engine records it.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

#: Multiply-adds from which a layer's product gains more than a backward pass in Python costs.
LEAST = 2**21

#: The same for a member's part of a batched product, whose backward pass is in Python anyway.
LEAST_OF_A_MEMBER = 2**18


def linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return x W^T + b for ``x`` (samples, inputs) and ``weight`` (outputs, inputs), in float32."""
    result: Tensor = _Linear.apply(x.contiguous(), weight, bias)  # type: ignore[no-untyped-call]
    return result


def matmul(x: Tensor, y: Tensor, out: Tensor) -> Tensor:
    """Return ``out`` (..., n, p), which receives x y of ``x`` (..., n, m) and ``y`` (..., m, p).

    Rows or columns of each matrix lie without gaps: numpy multiplies others by a loop of its own.
    """
    np.matmul(x.detach().numpy(), y.detach().numpy(), out=out.numpy())
    return out


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        product = matmul(x, weight.T, x.new_empty(len(x), len(weight)))
        return product if bias is None else product.add_(bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        upstream = upstream.contiguous()
        of_x, of_weight, of_bias = ctx.needs_input_grad
        return (
            matmul(upstream, weight, torch.empty_like(x)) if of_x else None,
            matmul(upstream.T, x, torch.empty_like(weight)) if of_weight else None,
            upstream.sum(0) if of_bias else None,
        )
