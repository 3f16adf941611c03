"""Optimizers of a pack: all members step at once, each by its own numbers.

Formulas and references are those of ``workers.nn.optimizers``. Parameters, gradients and slots (the
state of an optimizer) are rows (K, width). A step changes parameters and slots in place and
allocates no memory beside ``scratch``, so that it cannot run out of memory half-way.

The numbers that change from step to step are ``rates``, (K,) float32 each: the learning rate and
the numbers that depend on the count of steps. They are tensors, so that a step can be a CUDA graph.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor


class OptimizerRows(NamedTuple):
    """The tensors of a step.

    Attributes:
        parameters: (K, width).
        gradients: (K, width), overwritten by the step.
        slots: state tensors by name, (K, width) each.
        rates: as ``PackedOptimizer.rates`` returned them, (K,) each.
        scratch: (K, width) for intermediate results.
    """

    parameters: Tensor
    gradients: Tensor
    slots: Mapping[str, Tensor]
    rates: Sequence[Tensor]
    scratch: Tensor


class PackedOptimizer:
    """The optimizers of a pack's members.

    Args:
        members: each member's parameters of the optimizer, without its schedule.
        device: where the rows are.
    """

    #: Names of the state tensors. They start as zeros unless ``start`` overrides it.
    slots: tuple[str, ...] = ()

    def __init__(self, members: Sequence[Mapping[str, Any]], device: torch.device) -> None:
        self.members = members
        self._device = device

    def number(self, name: str, of: Callable[[float], float] = float) -> Tensor:
        """Return a number of each member, or a function of it in float64: (K, 1) float32."""
        return torch.tensor([[of(member[name])] for member in self.members], device=self._device)

    @staticmethod
    def start(parameters: Mapping[str, Any]) -> float:  # noqa: ARG004 - some start elsewhere
        """Return the initial value of every element of a member's slots."""
        return 0.0

    def rates(
        self,
        learning_rates: Sequence[float],
        steps: Sequence[int],  # noqa: ARG002 - some count them
    ) -> list[list[float]]:
        """Return the rates of a step, one list over the members each; the first is -learning rate.

        Args:
            learning_rates: of each member, at this step.
            steps: of each member, taken before this one.
        """
        return [[-rate for rate in learning_rates]]

    def step(self, rows: OptimizerRows) -> None:
        """Take one step, in place; overwrites the gradients."""
        raise NotImplementedError


class PackedSgd(PackedOptimizer):
    """v <- momentum v + g, w <- w - learning_rate v (nesterov: g + momentum v)."""

    slots = ("velocity",)

    def __init__(self, members: Sequence[Mapping[str, Any]], device: torch.device) -> None:
        super().__init__(members, device)
        self._momentum = self.number("momentum")
        self._nesterov = self.number("nesterov") > 0
        self._moving = any(member["momentum"] for member in members)
        self._looking_ahead = any(member["nesterov"] for member in members)

    def step(self, rows: OptimizerRows) -> None:
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


class PackedAdam(PackedOptimizer):
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
            (1 - member["beta_1"] ** (taken + 1), math.sqrt(1 - member["beta_2"] ** (taken + 1)))
            for member, taken in zip(self.members, steps, strict=True)
        ]
        step_sizes = [
            -rate / mean for rate, (mean, _) in zip(learning_rates, corrections, strict=True)
        ]
        return [step_sizes, [root for _, root in corrections]]

    def step(self, rows: OptimizerRows) -> None:
        parameters, gradients, slots, rates, scratch = rows
        step_size, root = (rate.unsqueeze(1) for rate in rates[:2])
        mean, square = slots["mean"], slots["square"]
        mean.lerp_(gradients, self._to_mean)
        torch.mul(gradients, gradients, out=scratch)
        square.mul_(self._kept_square).addcmul_(scratch, self._to_square)
        torch.sqrt(square, out=scratch)
        scratch.div_(root).add_(self._epsilon)
        torch.div(mean, scratch, out=scratch)
        parameters.addcmul_(scratch, step_size)


class PackedAdamW(PackedAdam):
    """Steps as Adam does, after w <- w - learning_rate weight_decay w."""

    def rates(self, learning_rates: Sequence[float], steps: Sequence[int]) -> list[list[float]]:
        kept = [
            1 - rate * member["weight_decay"]
            for rate, member in zip(learning_rates, self.members, strict=True)
        ]
        return [*super().rates(learning_rates, steps), kept]

    def step(self, rows: OptimizerRows) -> None:
        rows.parameters.mul_(rows.rates[2].unsqueeze(1))
        super().step(rows)


class PackedRmsProp(PackedOptimizer):
    """v <- momentum v + g / (sqrt(s) + epsilon), w <- w - learning_rate v."""

    slots = ("square", "velocity")

    def __init__(self, members: Sequence[Mapping[str, Any]], device: torch.device) -> None:
        super().__init__(members, device)
        self._kept_square = self.number("rho")
        self._to_square = self.number("rho", lambda rho: 1 - rho)
        self._momentum = self.number("momentum")
        self._epsilon = self.number("epsilon")

    def step(self, rows: OptimizerRows) -> None:
        parameters, gradients, slots, rates, scratch = rows
        square, velocity = slots["square"], slots["velocity"]
        torch.mul(gradients, gradients, out=scratch)
        square.mul_(self._kept_square).addcmul_(scratch, self._to_square)
        torch.sqrt(square, out=scratch)
        scratch.add_(self._epsilon)
        velocity.mul_(self._momentum).add_(gradients.div_(scratch))
        parameters.addcmul_(velocity, rates[0].unsqueeze(1))


class PackedAdagrad(PackedOptimizer):
    """s <- s + g^2, w <- w - learning_rate g / (sqrt(s) + epsilon)."""

    slots = ("square",)

    def __init__(self, members: Sequence[Mapping[str, Any]], device: torch.device) -> None:
        super().__init__(members, device)
        self._epsilon = self.number("epsilon")

    @staticmethod
    def start(parameters: Mapping[str, Any]) -> float:
        initial: float = parameters["initial_accumulator"]
        return initial

    def step(self, rows: OptimizerRows) -> None:
        parameters, gradients, slots, rates, scratch = rows
        square = slots["square"].addcmul_(gradients, gradients)
        torch.sqrt(square, out=scratch)
        scratch.add_(self._epsilon)
        parameters.addcmul_(gradients.div_(scratch), rates[0].unsqueeze(1))


PACKED_OPTIMIZERS: dict[str, type[PackedOptimizer]] = {
    "sgd": PackedSgd,
    "adam": PackedAdam,
    "adamw": PackedAdamW,
    "rmsprop": PackedRmsProp,
    "adagrad": PackedAdagrad,
}
