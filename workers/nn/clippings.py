"""Clippings: how a gradient that is too large is made smaller.

A clipping changes the gradients of a network's parameters in place and returns tensors on their
device, so that nothing waits for the device inside an epoch.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from workers.nn import kernels

#: Numbers from which a kernel is faster at norms: torch copies each tensor to float64, 8 MB then.
_LARGE = 2**20


class Clipped(NamedTuple):
    """The result of a clipping: scalar tensors on the gradients' device.

    Attributes:
        norm: Euclidean norm of all gradients together before clipping, in float64.
        clipped: whether any element was changed.
    """

    norm: Tensor
    clipped: Tensor


#: Clips the gradients of a network, whose last layer is named ``output``.
Clipping = Callable[[nn.Module], Clipped]


def global_norm(gradients: Sequence[Tensor]) -> Tensor:
    """Return the Euclidean norm of all gradients together, in float64.

    In float32 it would overflow on elements above 1.8e19, which an exploding network reaches while
    its gradients are still finite and can be clipped.
    """
    return _euclidean(_norms(gradients))


def none() -> Clipping:
    """Return the clipping that only measures the norm."""

    def clip(network: nn.Module) -> Clipped:
        norm = global_norm(_gradients(network))
        return Clipped(norm, torch.zeros_like(norm, dtype=torch.bool))

    return clip


def value(*, threshold: float) -> Clipping:
    """Return the clipping of every element to [-threshold, threshold] (Keras' ``clipvalue``)."""

    def clip(network: nn.Module) -> Clipped:
        gradients = _gradients(network)
        norm = global_norm(gradients)
        return Clipped(norm, _clamp(gradients, threshold) > threshold)

    return clip


def _clamp(gradients: list[Tensor], threshold: float) -> Tensor:
    """Limit all elements to [-threshold, threshold]; return what was the largest magnitude."""
    if _go_through_kernels(gradients):
        clamp, limit = kernels.lent().clamp, np.float32(threshold)
        flat = map(_flat, gradients)
        found = [largest for each in flat for largest in kernels.by_samples(clamp, [each], limit)]
        return torch.tensor(found).amax()
    # The maximum of absolute values costs 20 times less than torch's infinity norm on a CPU.
    largest = torch.stack(torch._foreach_max(torch._foreach_abs(gradients))).amax()
    torch._foreach_clamp_min_(gradients, -threshold)
    torch._foreach_clamp_max_(gradients, threshold)
    return largest


def norm(*, max_norm: float) -> Clipping:
    """Return the clipping that scales all gradients by min(1, max_norm / norm).

    Below the bound the gradients keep their bits: they are multiplied by exactly one.

    References:
        Pascanu et al. 2013, algorithm 1.
    """

    def clip(network: nn.Module) -> Clipped:
        gradients = _gradients(network)
        found = global_norm(gradients)
        torch._foreach_mul_(gradients, (max_norm / found).clamp(max=1.0))
        return Clipped(found, found > max_norm)

    return clip


def per_parameter_norm(*, max_norm: float) -> Clipping:
    """Return the clipping that scales each parameter's gradient by min(1, max_norm / its norm).

    The same as Keras' ``clipnorm``. A parameter is one weight or bias tensor of one layer. The
    gradient's direction is kept within a parameter, not across parameters.
    """

    def clip(network: nn.Module) -> Clipped:
        gradients = _gradients(network)
        found = _norms(gradients)
        scales = (max_norm / found).clamp(max=1.0)
        torch._foreach_mul_(gradients, list(scales.unbind()))
        return Clipped(_euclidean(found), (found > max_norm).any())

    return clip


def adaptive(*, clipping: float, epsilon: float) -> Clipping:
    """Return the clipping of each unit's gradient by min(1, clipping max(|W_i|, epsilon) / |G_i|).

    |W_i| and |G_i| are Euclidean norms over the weights into one unit (a row of a dense layer, a
    filter of a convolution). Biases and other vectors count as one unit, as in the authors'
    ``unitwise_norm``. The output layer is not clipped, which the paper finds always better
    (section 4.1). The authors' code still clips that layer's bias; here neither is clipped.

    References:
        Brock et al. 2021, eq. 3.
    """

    def clip(network: nn.Module) -> Clipped:
        norm = global_norm(_gradients(network))
        over = [torch.zeros_like(norm, dtype=torch.bool)]
        for name, parameter in network.named_parameters():
            if parameter.grad is not None and not name.startswith("output."):
                bound = unit_norms(parameter.detach()).clamp(min=epsilon) * clipping
                found = unit_norms(parameter.grad)
                parameter.grad.mul_((bound / found).clamp(max=1.0).to(parameter.grad.dtype))
                over.append((found > bound).any())
        return Clipped(norm, torch.stack(over).any())

    return clip


def unit_norms(parameter: Tensor) -> Tensor:
    """Return the Euclidean norm of each unit's part of a parameter, in float64.

    Args:
        parameter: a weight (out, in) or (out, in, height, width), or a vector. A tensor with only
            one dimension longer than 1 counts as a vector.

    Returns:
        (out, 1, ...), or a scalar for a vector.
    """
    vector = sum(size > 1 for size in parameter.shape) <= 1
    inner = None if vector else tuple(range(1, parameter.dim()))
    found: Tensor = torch.linalg.vector_norm(
        parameter, dim=inner, keepdim=not vector, dtype=torch.float64
    )
    return found


def _gradients(network: nn.Module) -> list[Tensor]:
    return [weight.grad for weight in network.parameters() if weight.grad is not None]


def _norms(gradients: Sequence[Tensor]) -> Tensor:
    """Return the Euclidean norm of each gradient, in float64: (gradients,)."""
    many = sum(each.numel() for each in gradients) >= _LARGE
    if many and _go_through_kernels(gradients):
        norm = kernels.lent().norm
        return torch.tensor([norm(_flat(each)) for each in gradients], dtype=torch.float64)
    return torch.stack(torch._foreach_norm(list(gradients), 2, dtype=torch.float64))


def _euclidean(norms: Tensor) -> Tensor:
    total: Tensor = torch.linalg.vector_norm(norms)
    return total


def _go_through_kernels(gradients: Sequence[Tensor]) -> bool:
    """Whether kernels serve them, and each tensor's numbers fill a piece of memory."""
    return kernels.serve(*gradients) and all(
        each.dtype == torch.float32
        and (each.is_contiguous() or each.is_contiguous(memory_format=torch.channels_last))
        for each in gradients
    )


def _flat(gradient: Tensor) -> NDArray[np.float32]:
    """Return the numbers of a gradient in the order of its memory."""
    numbers: NDArray[np.float32] = gradient.as_strided((gradient.numel(),), (1,)).numpy()
    return numbers


CLIPPINGS: dict[str, Callable[..., Clipping]] = {
    "none": none,
    "value": value,
    "norm": norm,
    "per_parameter_norm": per_parameter_norm,
    "adaptive": adaptive,
}
