"""Clippings: what is done to a gradient that is too large.

A clipping changes the gradients of all parameters in place and answers with tensors on their
device, so that nothing waits for the device inside an epoch.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class Clipped(NamedTuple):
    """What a clipping found: scalar tensors on the gradients' device.

    ``norm`` is the Euclidean norm of all gradients together before clipping, in float64;
    ``clipped`` is true where any element was changed.
    """

    norm: Tensor
    clipped: Tensor


Clipping = Callable[[Sequence[Tensor]], Clipped]


def global_norm(gradients: Sequence[Tensor]) -> Tensor:
    """Give the Euclidean norm of all gradients together, in float64.

    float32 would overflow on elements above 1.8e19, which an exploding network reaches while
    its gradients are finite and can still be clipped.
    """
    norms = torch._foreach_norm(list(gradients), 2, dtype=torch.float64)
    total: Tensor = torch.linalg.vector_norm(torch.stack(norms))
    return total


def none() -> Clipping:
    """Measure only."""

    def clip(gradients: Sequence[Tensor]) -> Clipped:
        norm = global_norm(gradients)
        return Clipped(norm, torch.zeros_like(norm, dtype=torch.bool))

    return clip


def value(*, threshold: float) -> Clipping:
    """Hold every element within [-threshold, threshold] (Keras' ``clipvalue``)."""

    def clip(gradients: Sequence[Tensor]) -> Clipped:
        every = list(gradients)
        norm = global_norm(every)
        # The maximum of absolute values costs 20 times less than torch's infinity norm on a CPU.
        largest = torch.stack(torch._foreach_max(torch._foreach_abs(every))).amax()
        torch._foreach_clamp_min_(every, -threshold)
        torch._foreach_clamp_max_(every, threshold)
        return Clipped(norm, largest > threshold)

    return clip


def norm(*, max_norm: float) -> Clipping:
    """Scale all gradients by min(1, max_norm / norm). Pascanu et al. 2013, algorithm 1.

    Under the bound the gradients keep their bits: they are multiplied by exactly one.
    """

    def clip(gradients: Sequence[Tensor]) -> Clipped:
        found = global_norm(gradients)
        torch._foreach_mul_(list(gradients), (max_norm / found).clamp(max=1.0))
        return Clipped(found, found > max_norm)

    return clip


CLIPPINGS: dict[str, Callable[..., Clipping]] = {"none": none, "value": value, "norm": norm}
