"""Loss scaling: what keeps gradients of float16 products from becoming zero.

The smallest float16 number is 6e-8, and gradients are often smaller. So the loss is multiplied by a
scale before the backward pass, and gradients are divided by it after. The scale is halved where a
gradient is not finite, and doubled after ``STEPS`` steps in a row without that. A step whose
gradient is not finite is skipped: weights and the optimizer's tensors stay as they were. Running
statistics of normalizations, which follow from the forward pass, still move, and schedules and bias
corrections count the step. Its gradient counts as zeros in ``gradient_norm``.

Nothing here reads a number back from the device. The state of a run is two float64 numbers: the
scale, and the steps since it last changed; of several runs it is (K, 2).

References:
    Micikevicius et al. 2018, section 3.2; the constants are those of torch's ``GradScaler``.
"""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.optim import Optimizer

INITIAL_SCALE = 2.0**16
#: Steps with finite gradients after which the scale is doubled.
STEPS = 2000


def initial_scaling() -> Tensor:
    """Return the state before the first step: (2,) in float64."""
    return torch.tensor([INITIAL_SCALE, 0.0], dtype=torch.float64)


def scale_of(scaling: Tensor) -> Tensor:
    """Return the scales, (...) in float32, of states (..., 2)."""
    return scaling[..., 0].float()


def move_scaling(scaling: Tensor, finite: Tensor) -> None:
    """Change states (..., 2) in place after a step whose gradients were finite, or were not."""
    scale, steps = scaling.unbind(-1)
    passed = torch.where(finite, steps + 1, 0)
    grows = passed >= STEPS
    new = torch.where(finite, torch.where(grows, scale * 2, scale), scale / 2)
    scaling.copy_(torch.stack([new, torch.where(grows, 0, passed)], -1))


def unscale(gradients: Tensor, scales: Tensor) -> Tensor:
    """Divide rows of gradients (K, width) by scales (K,) in place; zeros where not finite.

    Returns:
        Whether each row was finite, (K,).
    """
    gradients.div_(scales.unsqueeze(1))
    finite = gradients.isfinite().all(1)
    gradients.masked_fill_(~finite.unsqueeze(1), 0.0)
    return finite


def unscale_network(network: torch.nn.Module, scale: Tensor) -> Tensor:
    """Divide the gradients of a network by a scale in place; zeros where one is not finite.

    Returns:
        Whether all were finite, a scalar.
    """
    gradients = [weight.grad for weight in network.parameters() if weight.grad is not None]
    finite = torch.stack([gradient.isfinite().all() for gradient in gradients]).all()
    for gradient in gradients:
        gradient.div_(scale).masked_fill_(~finite, 0.0)
    return finite


class KeptTensors:
    """The weights and the optimizer's tensors before a step, which may be skipped.

    Args:
        optimizer: whose step comes; tensors that it has not made yet begin as zeros.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        self._optimizer = optimizer
        weights = [weight for group in optimizer.param_groups for weight in group["params"]]
        self._weights = [(weight, weight.detach().clone()) for weight in weights]
        self._slots = {
            (weight, name): slot.clone()
            for weight in weights
            for name, slot in _slots(optimizer, weight).items()
        }

    @torch.no_grad()
    def restore_unless(self, finite: Tensor) -> None:
        """Undo the step unless its gradients were finite; counters of steps stay."""
        for weight, before in self._weights:
            weight.copy_(torch.where(finite, weight, before))
            for name, slot in _slots(self._optimizer, weight).items():
                kept = self._slots.get((weight, name), torch.zeros_like(slot))
                slot.copy_(torch.where(finite, slot, kept))


def _slots(optimizer: Optimizer, weight: Tensor) -> Mapping[str, Tensor]:
    """Return the optimizer's tensors of a weight's shape."""
    return {
        name: value
        for name, value in optimizer.state.get(weight, {}).items()
        if isinstance(value, Tensor) and value.shape == weight.shape
    }
