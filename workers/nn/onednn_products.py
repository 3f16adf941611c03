"""Dense products through oneDNN, for processors on which torch's own are slow.

Torch multiplies float32 matrices by MKL, which on AMD processors leaves AVX-512 unused. On an EPYC
of family 26 it reaches 105 to 115 GFLOP/s where oneDNN has 205 to 250 (docs/performance.md). Their
bits differ, so ``workers.training.devices`` decides by the processor alone which of the two
multiplies, and the engine records it.

Torch has no public function for it: ``mkldnn::_linear_pointwise`` is what its compiler puts in the
place of a linear layer. It reads a weight by its strides, so a transpose costs no copy.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

#: Multiply-adds from which a product gains more than its call and a backward pass in Python cost.
LEAST = 2**21

_OPERATION: Any = getattr(torch.ops.mkldnn, "_linear_pointwise", None)

#: Whether this build of torch has the operation.
AVAILABLE = _OPERATION is not None


def linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return x W^T + b for ``x`` (..., inputs) and ``weight`` (outputs, inputs), in float32."""
    rows = x.reshape(-1, x.shape[-1]).contiguous()
    result: Tensor = _Linear.apply(rows, weight, bias)  # type: ignore[no-untyped-call]
    return result.view(*x.shape[:-1], len(weight))


def _linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    result: Tensor = _OPERATION(x, weight, bias, "none", [], "")
    return result


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _linear(x, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        upstream = upstream.contiguous()
        of_x, of_weight, of_bias = ctx.needs_input_grad
        return (
            _linear(upstream, weight.T) if of_x else None,
            _linear(upstream.T, x.T) if of_weight else None,
            upstream.sum(0) if of_bias else None,
        )
