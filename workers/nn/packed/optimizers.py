"""Optimizers of a pack: each member steps by its own numbers, all at once.

Formulas and sources are those of ``workers.nn.optimizers``. Parameters, gradients and slots (an
optimizer's memory) are rows (K, width). A step changes parameters and slots in place and takes
no memory but ``scratch``, so that one that has begun cannot run out of it half-way.

What changes from step to step comes in as ``rates``, (K,) each, float32: the learning rate and
what the count of steps decides. They are tensors, so that a step can be a CUDA graph.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor


class Rows(NamedTuple):
    """What a step works on; ``scratch`` is room of the parameters' shape."""

    parameters: Tensor
    gradients: Tensor
    slots: Mapping[str, Tensor]
    rates: Sequence[Tensor]
    scratch: Tensor


class PackedOptimizer:
    """What all have: the numbers of each member, as (K, 1).

    Args:
        members: each member's parameters of the optimizer, without its schedule.
        device: where the rows are.
    """

    #: Names of the slots, each zeros at the start but as ``start`` says.
    slots: tuple[str, ...] = ()

    def __init__(self, members: Sequence[Mapping[str, Any]], device: torch.device) -> None:
        self.members = members
        self._device = device

    def number(self, name: str, of: Callable[[float], float] = float) -> Tensor:
        """Give a number of each member, or a function of it taken in float64: (K, 1), float32."""
        return torch.tensor([[of(each[name])] for each in self.members], device=self._device)

    @staticmethod
    def start(parameters: Mapping[str, Any]) -> float:  # noqa: ARG004 - some start elsewhere
        """Give what every element of a member's slots starts from."""
        return 0.0

    def rates(
        self,
        learning_rates: Sequence[float],
        steps: Sequence[int],  # noqa: ARG002 - some count them
    ) -> list[list[float]]:
        """Give what a step takes beside the gradient, one list over the members each.

        Args:
            learning_rates: of this step, each member's.
            steps: steps taken before this one, each member's.
        """
        return [[-rate for rate in learning_rates]]

    def step(self, rows: Rows) -> None:
        """Take one step: in place, the gradients are used up."""
        raise NotImplementedError


class Sgd(PackedOptimizer):
    """v <- momentum v + g, w <- w - learning_rate v (nesterov: g + momentum v)."""

    slots = ("velocity",)

    def __init__(self, members: Sequence[Mapping[str, Any]], device: torch.device) -> None:
        super().__init__(members, device)
        self._momentum = self.number("momentum")
        self._nesterov = self.number("nesterov") > 0
        self._moving = any(each["momentum"] for each in members)
        self._looking_ahead = any(each["nesterov"] for each in members)

    def step(self, rows: Rows) -> None:
        parameters, gradients, slots, rates, scratch = rows
        velocity = slots["velocity"]
        if self._moving:
            velocity.mul_(self._momentum).add_(gradients)
        else:
            velocity = gradients
        if self._looking_ahead:
            torch.mul(velocity, self._momentum, out=scratch)
            scratch.add_(gradients)
            torch.where(self._nesterov, scratch, velocity, out=gradients)
            velocity = gradients
        parameters.addcmul_(velocity, rates[0].unsqueeze(1))


class Adam(PackedOptimizer):
    """w <- w - learning_rate m^ / (sqrt(v^) + epsilon)."""

    slots = ("mean", "square")

    def __init__(self, members: Sequence[Mapping[str, Any]], device: torch.device) -> None:
        super().__init__(members, device)
        self._to_mean = self.number("beta_1", lambda beta: 1 - beta)
        self._kept_square = self.number("beta_2")
        self._to_square = self.number("beta_2", lambda beta: 1 - beta)
        self._epsilon = self.number("epsilon")

    def rates(self, learning_rates: Sequence[float], steps: Sequence[int]) -> list[list[float]]:
        corrections = [
            (1 - each["beta_1"] ** (taken + 1), math.sqrt(1 - each["beta_2"] ** (taken + 1)))
            for each, taken in zip(self.members, steps, strict=True)
        ]
        step_sizes = [
            -rate / mean for rate, (mean, _) in zip(learning_rates, corrections, strict=True)
        ]
        return [step_sizes, [root for _, root in corrections]]

    def step(self, rows: Rows) -> None:
        parameters, gradients, slots, rates, scratch = rows
        step_size, root = (each.unsqueeze(1) for each in rates[:2])
        mean, square = slots["mean"], slots["square"]
        mean.lerp_(gradients, self._to_mean)
        torch.mul(gradients, gradients, out=scratch)
        square.mul_(self._kept_square).addcmul_(scratch, self._to_square)
        torch.sqrt(square, out=scratch)
        scratch.div_(root).add_(self._epsilon)
        torch.div(mean, scratch, out=scratch)
        parameters.addcmul_(scratch, step_size)


class AdamW(Adam):
    """As Adam, after w <- w - learning_rate weight_decay w."""

    def rates(self, learning_rates: Sequence[float], steps: Sequence[int]) -> list[list[float]]:
        kept = [
            1 - rate * each["weight_decay"]
            for rate, each in zip(learning_rates, self.members, strict=True)
        ]
        return [*super().rates(learning_rates, steps), kept]

    def step(self, rows: Rows) -> None:
        rows.parameters.mul_(rows.rates[2].unsqueeze(1))
        super().step(rows)


class RmsProp(PackedOptimizer):
    """v <- momentum v + g / (sqrt(s) + epsilon), w <- w - learning_rate v."""

    slots = ("square", "velocity")

    def __init__(self, members: Sequence[Mapping[str, Any]], device: torch.device) -> None:
        super().__init__(members, device)
        self._kept_square = self.number("rho")
        self._to_square = self.number("rho", lambda rho: 1 - rho)
        self._momentum = self.number("momentum")
        self._epsilon = self.number("epsilon")

    def step(self, rows: Rows) -> None:
        parameters, gradients, slots, rates, scratch = rows
        square, velocity = slots["square"], slots["velocity"]
        torch.mul(gradients, gradients, out=scratch)
        square.mul_(self._kept_square).addcmul_(scratch, self._to_square)
        torch.sqrt(square, out=scratch)
        scratch.add_(self._epsilon)
        velocity.mul_(self._momentum).add_(gradients.div_(scratch))
        parameters.addcmul_(velocity, rates[0].unsqueeze(1))


class Adagrad(PackedOptimizer):
    """s <- s + g^2, w <- w - learning_rate g / (sqrt(s) + epsilon)."""

    slots = ("square",)

    def __init__(self, members: Sequence[Mapping[str, Any]], device: torch.device) -> None:
        super().__init__(members, device)
        self._epsilon = self.number("epsilon")

    @staticmethod
    def start(parameters: Mapping[str, Any]) -> float:
        initial: float = parameters["initial_accumulator"]
        return initial

    def step(self, rows: Rows) -> None:
        parameters, gradients, slots, rates, scratch = rows
        square = slots["square"].addcmul_(gradients, gradients)
        torch.sqrt(square, out=scratch)
        scratch.add_(self._epsilon)
        parameters.addcmul_(gradients.div_(scratch), rates[0].unsqueeze(1))


PACKED_OPTIMIZERS: dict[str, type[PackedOptimizer]] = {
    "sgd": Sgd,
    "adam": Adam,
    "adamw": AdamW,
    "rmsprop": RmsProp,
    "adagrad": Adagrad,
}
