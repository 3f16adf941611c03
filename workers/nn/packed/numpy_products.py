"""Products of packs through numpy, for processors on which torch's own are slow.

As in ``workers.nn.onednn_products``, torch's are MKL's. oneDNN multiplies only one pair of matrices
at a time, and a call of it takes longer than a product of most packs. numpy's OpenBLAS multiplies
those of all members in one call, twice as fast as MKL where it uses AVX-512 (docs/performance.md).
"""

import numpy as np
from torch import Tensor

#: Multiply-adds of a member from which numpy multiplies.
LEAST = 2**18


def matmul(x: Tensor, y: Tensor, out: Tensor) -> Tensor:
    """Return ``out`` (K, n, p), which receives x y of ``x`` (K, n, m) and ``y`` (K, m, p).

    Rows or columns of each matrix lie without gaps: numpy multiplies others by a loop of its own.
    """
    np.matmul(x.detach().numpy(), y.detach().numpy(), out=out.numpy())
    return out
