"""Activity: which units can still pass a gradient, and which z-values are saturated.

Both follow from an activation's slope, so that they mean the same for every activation:

- An activation **can die** if its slope is exactly zero on one side of zero: relu, relu6,
  leaky_relu with slope 0. Such a unit is **dead** if its slope is zero on every sample: no gradient
  reaches its weights. With relu that is a unit whose z-values are never positive.
- An activation that is bounded on both sides is **saturated** where its slope is below sech^2(2),
  7.1%, of its steepest slope: beyond abs(z) = 4 with sigmoid, 2 with tanh, 2.76 with softsign, on
  the flat ends of hard_sigmoid (3) and hard_tanh (1), and above 6 with relu6. A flat end that
  begins at zero does not count, since relu is flat for half of all z-values by design. An
  activation that grows without bound does not saturate. Far out the slope of tanh and sigmoid is
  exactly zero in float32: such units are saturated, not dead.

An output's probability is treated in the same way: its slope is p (1 - p), as sigmoid's.
"""

import math
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from workers.nn.activations import Activation

#: Slope, relative to the steepest, below which an activation is saturated: tanh's at 2 and
#: sigmoid's at 4.
FLAT = 1 / math.cosh(2) ** 2

#: Every bounded activation is flat beyond this z-value.
_FAR = 64.0
_POINTS = 1025
_ROUNDS = 3


class Activity(Protocol):
    """The activations and slopes of a layer at its z-values, (samples, units * pieces, ...)."""

    pieces: int
    can_die: bool

    def values(self, z: Tensor) -> Tensor:
        """Return the activations, (samples, units, ...)."""

    def slopes(self, z: Tensor) -> Tensor:
        """Return the derivative of the unit's activation at each z-value, in the shape of z."""

    def count_saturated(self, z: Tensor) -> int:
        """Return how many z-values are saturated."""


class HiddenActivity:
    """The activity of a hidden layer.

    Args:
        activation: of the layer.
        units: number of its units or channels.

    Attributes:
        low: the z-value below which the activation is saturated; -infinity if there is none.
        high: the z-value above which it is saturated; infinity if there is none.
        can_die: whether its slope is exactly zero on one side of zero.
    """

    def __init__(self, activation: Activation, units: int) -> None:
        self.pieces = activation.pieces
        self._activation = activation
        # One unit stands for all, unless each learns its own function: the shape has to fit then.
        self._units = units if any(True for _ in activation.parameters()) else 1
        wide = self._slopes_at(torch.linspace(-_FAR, _FAR, 2 * _POINTS - 1, dtype=torch.float64))
        self.low, self.high = self._saturation(wide)
        self.can_die = bool(wide[_POINTS - 2] == 0 or wide[_POINTS] == 0)

    def values(self, z: Tensor) -> Tensor:
        """Return the activations."""
        with torch.no_grad():
            values: Tensor = self._activation(z)
        return values

    def slopes(self, z: Tensor) -> Tensor:
        """Return the activation's derivatives."""
        with torch.enable_grad():
            leaf = z.detach().requires_grad_()
            (slopes,) = torch.autograd.grad(self._activation(leaf).sum(), leaf)
        return slopes

    def count_saturated(self, z: Tensor) -> int:
        """Return how many z-values are beyond the bounds."""
        below = (z < self.low).count_nonzero() if self.low > -math.inf else 0
        above = (z > self.high).count_nonzero() if self.high < math.inf else 0
        return int(below + above)

    def _saturation(self, wide: Tensor) -> tuple[float, float]:
        flat = FLAT * wide.max().item()
        if wide[0] >= flat or wide[-1] >= flat:
            return -math.inf, math.inf
        return -_edge(lambda z: self._slopes_at(-z), flat), _edge(self._slopes_at, flat)

    def _slopes_at(self, points: Tensor) -> Tensor:
        """Return the slope at each of these points, all z-values of a unit being equal."""
        device = next(self._activation.parameters(), points).device
        z = points.to(device, torch.float32).unsqueeze(1).repeat(1, self._units * self.pieces)
        # Equal pieces share their unit's slope, or one of them has all of it.
        return self.slopes(z)[:, : self.pieces].sum(1).abs().double().cpu()


class OutputActivity:
    """The activity of the output layer: a softmax, or the sigmoid of a single logit."""

    pieces = 1
    can_die = False

    def values(self, z: Tensor) -> Tensor:
        """Return the probabilities."""
        return z.sigmoid() if z.shape[1] == 1 else z.softmax(1)

    def slopes(self, z: Tensor) -> Tensor:
        """Return each probability's derivative with respect to its own logit."""
        values = self.values(z)
        return values * (1 - values)

    def count_saturated(self, z: Tensor) -> int:
        """Return how many logits have a slope below sigmoid's at 4."""
        return int((self.slopes(z) < FLAT / 4).count_nonzero())


class LinearOutputActivity:
    """The activity of an output layer that predicts a number: it is its own activation."""

    pieces = 1
    can_die = False

    def values(self, z: Tensor) -> Tensor:
        """Return the outputs."""
        return z

    def slopes(self, z: Tensor) -> Tensor:
        """Return ones."""
        return torch.ones_like(z)

    def count_saturated(self, z: Tensor) -> int:  # noqa: ARG002 - as of the others
        """Return 0: nothing saturates."""
        return 0


def _edge(slopes: Callable[[Tensor], Tensor], flat: float) -> float:
    """Return the point above zero beyond which slopes are flat; infinity if that point is zero."""
    near, far = 0.0, _FAR
    for _ in range(_ROUNDS):
        grid = torch.linspace(near, far, _POINTS, dtype=torch.float64)
        steep = (slopes(grid[1:-1]) >= flat).nonzero()
        last = int(steep[-1]) + 1 if len(steep) else 0
        near, far = grid[last].item(), grid[last + 1].item()
    return near or math.inf
