"""Aligned element-wise functions: their bits do not depend on the position of an element."""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor

#: Most elements that torch's element-wise kernels compute at once: two vectors of 16.
VECTOR = 32


def aligned(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Apply an element-wise function to ``x`` (K, ...), each member by whole vectors.

    Torch computes the elements after the last whole vector of a tensor by other instructions
    (measured: sigmoid, elu, selu, silu, mish and softplus then differ in their last bit). So the
    elements of each member are padded with zeros to a multiple of ``VECTOR``.
    """
    elements = x[0].numel()
    missing = -elements % VECTOR
    if not missing:
        return function(x)
    filled = function(F.pad(x.flatten(1), (0, missing)))
    return filled[:, :elements].view(x.shape)


def padded(x: Tensor) -> Tensor:
    """Return ``x`` (K, B, ...) with its samples padded by zeros to a multiple of ``VECTOR``."""
    missing = -x.shape[1] % VECTOR
    return F.pad(x, (0, 0) * (x.dim() - 2) + (0, missing)) if missing else x
