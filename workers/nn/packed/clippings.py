"""Clippings of a pack: each member's gradients are clipped by its own thresholds.

Formulas and references are those of ``workers.nn.clippings``; gradients are rows (K, width).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from workers.nn.clippings import Clipped
from workers.nn.packed.layout import Layout

#: (parameters, gradients), both (K, width): clips the gradients in place; returns (K,) each.
PackedClipping = Callable[[Tensor, Tensor], Clipped]

#: From a layout and each number of the clipping, (K, 1), to the clipping.
_PackedClippingFor = Callable[[Layout, Mapping[str, Tensor]], PackedClipping]


def packed_clipping(
    name: str, members: Sequence[Mapping[str, Any]], layout: Layout, device: torch.device
) -> PackedClipping:
    """Return the clipping of a pack.

    Args:
        name: as in ``workers.nn.clippings.CLIPPINGS``.
        members: each member's parameters of the clipping.
        layout: of the rows.
        device: where the rows are.
    """
    numbers = {
        parameter: torch.tensor([[member[parameter]] for member in members], device=device)
        for parameter in members[0]
    }
    return PACKED_CLIPPINGS[name](layout, numbers)


def none(_layout: Layout, _numbers: Mapping[str, Tensor]) -> PackedClipping:
    """Return the clipping that only measures the norm."""

    def clip(_parameters: Tensor, gradients: Tensor) -> Clipped:
        norm = _norms(gradients)
        return Clipped(norm, torch.zeros_like(norm, dtype=torch.bool))

    return clip


def value(_layout: Layout, numbers: Mapping[str, Tensor]) -> PackedClipping:
    """Return the clipping of every element to [-threshold, threshold]."""
    threshold = numbers["threshold"]

    def clip(_parameters: Tensor, gradients: Tensor) -> Clipped:
        norm = _norms(gradients)
        largest = gradients.abs().amax(1)
        gradients.clamp_(-threshold, threshold)
        return Clipped(norm, largest > threshold.squeeze(1))

    return clip


def norm(_layout: Layout, numbers: Mapping[str, Tensor]) -> PackedClipping:
    """Return the clipping that scales all gradients of a member by min(1, max_norm / norm)."""
    bound = numbers["max_norm"].squeeze(1).double()

    def clip(_parameters: Tensor, gradients: Tensor) -> Clipped:
        found = _norms(gradients)
        scale = (bound / found).clamp(max=1.0).to(gradients.dtype)
        gradients.mul_(scale.unsqueeze(1))
        return Clipped(found, found > bound)

    return clip


def per_parameter_norm(layout: Layout, numbers: Mapping[str, Tensor]) -> PackedClipping:
    """Return the clipping that scales each parameter's gradient by min(1, max_norm / its norm)."""
    bound = numbers["max_norm"].double()

    def clip(_parameters: Tensor, gradients: Tensor) -> Clipped:
        parts = list(layout.views(gradients).values())
        found = torch.stack([_norms(part.flatten(1)) for part in parts], 1)
        scales = (bound / found).clamp(max=1.0).to(gradients.dtype)
        for part, scale in zip(parts, scales.unbind(1), strict=True):
            part.mul_(scale.view(-1, *[1] * (part.dim() - 1)))
        return Clipped(_norms(found), (found > bound).any(1))

    return clip


def adaptive(layout: Layout, numbers: Mapping[str, Tensor]) -> PackedClipping:
    """Return the clipping that scales each unit's gradient by its norm and its weights' norm."""
    clipping, epsilon = numbers["clipping"].double(), numbers["epsilon"].double()

    def clip(parameters: Tensor, gradients: Tensor) -> Clipped:
        found_norm = _norms(gradients)
        over = [torch.zeros_like(found_norm, dtype=torch.bool)]
        weights = layout.views(parameters)
        for name, gradient in layout.views(gradients).items():
            if name.startswith("output."):
                continue
            least, factor = (_shaped_for(gradient, number) for number in (epsilon, clipping))
            bound = torch.maximum(_unit_norms(weights[name]), least) * factor
            found = _unit_norms(gradient)
            gradient.mul_((bound / found).clamp(max=1.0).to(gradient.dtype))
            over.append((found > bound).flatten(1).any(1))
        return Clipped(found_norm, torch.stack(over).any(0))

    return clip


def _norms(x: Tensor) -> Tensor:
    """Return the Euclidean norm of each row of ``x`` (K, n), in float64."""
    found: Tensor = torch.linalg.vector_norm(x, dim=1, dtype=torch.float64)
    return found


def _unit_norms(parameter: Tensor) -> Tensor:
    """Return the unit norms (``nn.clippings``) of each member's parameter: (K, out or 1, 1...)."""
    vector = sum(size > 1 for size in parameter.shape[1:]) <= 1
    inner = tuple(range(1 if vector else 2, parameter.dim()))
    found: Tensor = torch.linalg.vector_norm(
        parameter, dim=inner, keepdim=True, dtype=torch.float64
    )
    return found


def _shaped_for(parameter: Tensor, number: Tensor) -> Tensor:
    """Return a number of each member, (K, 1), in a shape that broadcasts with a parameter."""
    return number.view(-1, *[1] * (parameter.dim() - 1))


PACKED_CLIPPINGS: dict[str, _PackedClippingFor] = {
    "none": none,
    "value": value,
    "norm": norm,
    "per_parameter_norm": per_parameter_norm,
    "adaptive": adaptive,
}
