"""Element-wise functions whose bits do not depend on where an element lies."""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor

#: Elements that torch's element-wise kernels work through at once, at most: two vectors of 16.
VECTOR = 32


def aligned(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Apply an element-wise function to ``x`` (K, ...), each member by whole vectors.

    Where a member's elements are no multiple of ``VECTOR`` its last ones would be computed by
    other instructions at the end of the tensor than in its middle (measured: sigmoid, elu, selu,
    silu, mish and softplus differ in their last bit). So they are filled up with zeros.
    """
    elements = x[0].numel()
    missing = -elements % VECTOR
    if not missing:
        return function(x)
    filled = function(F.pad(x.flatten(1), (0, missing)))
    return filled[:, :elements].view(x.shape)


def filled_up(x: Tensor) -> Tensor:
    """Fill the samples of ``x`` (K, B, ...) up with zeros to a multiple of ``VECTOR``."""
    missing = -x.shape[1] % VECTOR
    return F.pad(x, (0, 0) * (x.dim() - 2) + (0, missing)) if missing else x
