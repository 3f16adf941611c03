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

#: The smallest normal number of float32.
_SMALLEST = torch.finfo(torch.float32).tiny


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

    #: The parameter that is the decoupled weight decay.
    decoupled = "decoupled_weight_decay"

    def __init__(self, members: Sequence[Mapping[str, Any]], device: torch.device) -> None:
        self.members = members
        self._device = device
        coupled = [member.get("coupled_weight_decay", 0.0) for member in members]
        # A member without decay is added zeros and multiplied by ones, which changes no bit.
        self._coupled = torch.tensor(coupled, device=device).unsqueeze(1) if any(coupled) else None
        self._shrinks = any(member[self.decoupled] for member in members)

    def number(self, name: str, of: Callable[[float], float] = float) -> Tensor:
        """Return a number of each member, or a function of it in float64: (K, 1) float32."""
        return torch.tensor([[of(member[name])] for member in self.members], device=self._device)

    @staticmethod
    def start(parameters: Mapping[str, Any]) -> float:  # noqa: ARG004 - some start elsewhere
        """Return the initial value of every element of a member's slots."""
        return 0.0

    def rates(self, learning_rates: Sequence[float], steps: Sequence[int]) -> list[list[float]]:
        """Return the rates of a step, one list over the members each; the last is for the decay.

        Args:
            learning_rates: of each member, at this step.
            steps: of each member, taken before this one.
        """
        kept = [
            1 - rate * member[self.decoupled]
            for rate, member in zip(learning_rates, self.members, strict=True)
        ]
        return [*self.own_rates(learning_rates, steps), kept]

    def step(self, rows: OptimizerRows) -> None:
        """Decay the weights and take one step, in place; overwrites the gradients."""
        if self._coupled is not None:
            rows.gradients.addcmul_(rows.parameters, self._coupled)
        if self._shrinks:
            rows.parameters.mul_(rows.rates[-1].unsqueeze(1))
        self.own_step(rows)

    def own_rates(
        self,
        learning_rates: Sequence[float],
        steps: Sequence[int],  # noqa: ARG002 - some count them
    ) -> list[list[float]]:
        """Return the rates of ``own_step``; the first is -learning rate unless it is overridden."""
        return [[-rate for rate in learning_rates]]

    def own_step(self, rows: OptimizerRows) -> None:
        """Take one step without weight decay, in place; overwrites the gradients."""
        raise NotImplementedError


class _Scaled(PackedOptimizer):
    """The optimizers that divide by a root of squared gradients, to which ``epsilon`` is added."""

    def __init__(self, members: Sequence[Mapping[str, Any]], device: torch.device) -> None:
        super().__init__(members, device)
        self._epsilon = self.number("epsilon")
        self._hides_smallest = all(map(self._hides, members))

    @staticmethod
    def _hides(member: Mapping[str, Any]) -> bool:
        """Whether ``epsilon`` leaves no bit of the root of the smallest normal number.

        The root is divided by at least the root of 1 - beta_2 where the optimizer has one; half a
        unit in the last place of ``epsilon`` is more than 2^-25 of it, and one bit is to spare.
        """
        corrected = math.sqrt(_SMALLEST / (1 - member.get("beta_2", 0.0)))
        return bool(corrected < member["epsilon"] * 2.0**-26)

    def root(self, square: Tensor, out: Tensor) -> Tensor:
        """Write the roots of ``square`` to ``out``, to which ``epsilon`` is yet to be added.

        MKL takes six times as long for zeros, which the weights of pixels that are always black
        have, and forty times for subnormal numbers (vanishing gradients). Where ``epsilon`` hides
        them, roots of larger numbers are taken instead: no bit of the sum changes.
        """
        if self._hides_smallest:
            square = torch.clamp_min(square, _SMALLEST, out=out)
        return torch.sqrt(square, out=out)


class PackedSgd(PackedOptimizer):
    """v <- momentum v + g, w <- w - learning_rate v (nesterov: g + momentum v)."""

    slots = ("velocity",)

    def __init__(self, members: Sequence[Mapping[str, Any]], device: torch.device) -> None:
        super().__init__(members, device)
        self._momentum = self.number("momentum")
        self._nesterov = self.number("nesterov") > 0
        self._moving = any(member["momentum"] for member in members)
        self._looking_ahead = any(member["nesterov"] for member in members)

    def own_step(self, rows: OptimizerRows) -> None:
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


class PackedAdam(_Scaled):
    """w <- w - learning_rate m^ / (sqrt(v^) + epsilon)."""

    slots = ("mean", "square")

    def __init__(self, members: Sequence[Mapping[str, Any]], device: torch.device) -> None:
        super().__init__(members, device)
        self._to_mean = self.number("beta_1", lambda beta: 1 - beta)
        self._kept_square = self.number("beta_2")
        self._to_square = self.number("beta_2", lambda beta: 1 - beta)

    def own_rates(self, learning_rates: Sequence[float], steps: Sequence[int]) -> list[list[float]]:
        corrections = [
            (1 - member["beta_1"] ** (taken + 1), math.sqrt(1 - member["beta_2"] ** (taken + 1)))
            for member, taken in zip(self.members, steps, strict=True)
        ]
        step_sizes = [
            -rate / mean for rate, (mean, _) in zip(learning_rates, corrections, strict=True)
        ]
        return [step_sizes, [root for _, root in corrections]]

    def move_means(self, rows: OptimizerRows, root: Tensor) -> None:
        """Move the means by the gradients; then ``rows.scratch`` is sqrt(v^) + epsilon.

        Args:
            rows: of the members.
            root: (members, 1), the root of what corrects the square's bias.
        """
        _, gradients, slots, _, scratch = rows
        slots["mean"].lerp_(gradients, self._to_mean)
        torch.mul(gradients, gradients, out=scratch)
        square = slots["square"].mul_(self._kept_square).addcmul_(scratch, self._to_square)
        self.root(square, scratch).div_(root).add_(self._epsilon)

    def own_step(self, rows: OptimizerRows) -> None:
        parameters, _, slots, rates, scratch = rows
        step_size, root = (rate.unsqueeze(1) for rate in rates[:2])
        self.move_means(rows, root)
        torch.div(slots["mean"], scratch, out=scratch)
        parameters.addcmul_(scratch, step_size)


class PackedAdamW(PackedAdam):
    """Steps as Adam does, after w <- w - learning_rate weight_decay w."""

    decoupled = "weight_decay"


class PackedRmsProp(_Scaled):
    """v <- momentum v + g / (sqrt(s) + epsilon), w <- w - learning_rate v."""

    slots = ("square", "velocity")

    def __init__(self, members: Sequence[Mapping[str, Any]], device: torch.device) -> None:
        super().__init__(members, device)
        self._kept_square = self.number("rho")
        self._to_square = self.number("rho", lambda rho: 1 - rho)
        self._momentum = self.number("momentum")

    def own_step(self, rows: OptimizerRows) -> None:
        parameters, gradients, slots, rates, scratch = rows
        square, velocity = slots["square"], slots["velocity"]
        torch.mul(gradients, gradients, out=scratch)
        square.mul_(self._kept_square).addcmul_(scratch, self._to_square)
        self.root(square, scratch).add_(self._epsilon)
        velocity.mul_(self._momentum).add_(gradients.div_(scratch))
        parameters.addcmul_(velocity, rates[0].unsqueeze(1))


class PackedAdagrad(_Scaled):
    """s <- s + g^2, w <- w - learning_rate g / (sqrt(s) + epsilon)."""

    slots = ("square",)

    @staticmethod
    def start(parameters: Mapping[str, Any]) -> float:
        initial: float = parameters["initial_accumulator"]
        return initial

    def own_step(self, rows: OptimizerRows) -> None:
        parameters, gradients, slots, rates, scratch = rows
        square = slots["square"].addcmul_(gradients, gradients)
        self.root(square, scratch).add_(self._epsilon)
        parameters.addcmul_(gradients.div_(scratch), rates[0].unsqueeze(1))


class PackedNAdam(PackedAdam):
    """Adam with Nesterov's momentum; see ``workers.nn.optimizers.nadam``."""

    def __init__(self, members: Sequence[Mapping[str, Any]], device: torch.device) -> None:
        super().__init__(members, device)
        #: Of each member: how many steps were taken, and the product of their momenta.
        self._products = [(0, 1.0) for _ in members]

    def own_rates(self, learning_rates: Sequence[float], steps: Sequence[int]) -> list[list[float]]:
        by_member = []
        for at, (rate, taken) in enumerate(zip(learning_rates, steps, strict=True)):
            product = self._product(at, taken + 1)
            momentum, following = (self._momentum(at, taken + number) for number in (1, 2))
            by_member.append(
                (
                    -rate * (1 - momentum) / (1 - product),
                    math.sqrt(1 - self.members[at]["beta_2"] ** (taken + 1)),
                    -rate * following / (1 - product * following),
                )
            )
        return [list(rates) for rates in zip(*by_member, strict=True)]

    def own_step(self, rows: OptimizerRows) -> None:
        parameters, gradients, slots, rates, scratch = rows
        of_gradient, root, of_mean = (rate.unsqueeze(1) for rate in rates[:3])
        self.move_means(rows, root)
        moved = gradients.mul_(of_gradient).addcmul_(slots["mean"], of_mean)
        parameters.add_(moved.div_(scratch))

    def _momentum(self, at: int, step: int) -> float:
        """Return a member's momentum at a step, counted from 1."""
        member = self.members[at]
        rising: float = 1 - 0.5 * 0.96 ** (step * member["momentum_decay"])
        return float(member["beta_1"] * rising)

    def _product(self, at: int, step: int) -> float:
        """Return the product of a member's momenta to a step; from the last one where it can."""
        known, product = self._products[at] if self._products[at][0] <= step else (0, 1.0)
        for taken in range(known + 1, step + 1):
            product *= self._momentum(at, taken)
        self._products[at] = (step, product)
        return product


class PackedLion(PackedOptimizer):
    """w <- w - learning_rate sign(beta_1 m + (1 - beta_1) g), m <- beta_2 m + (1 - beta_2) g."""

    slots = ("mean",)

    def __init__(self, members: Sequence[Mapping[str, Any]], device: torch.device) -> None:
        super().__init__(members, device)
        self._to_direction = self.number("beta_1", lambda beta: 1 - beta)
        self._to_mean = self.number("beta_2", lambda beta: 1 - beta)

    def own_step(self, rows: OptimizerRows) -> None:
        parameters, gradients, slots, rates, scratch = rows
        mean = slots["mean"]
        torch.lerp(mean, gradients, self._to_direction.expand_as(mean), out=scratch)
        parameters.addcmul_(scratch.sign_(), rates[0].unsqueeze(1))
        mean.lerp_(gradients, self._to_mean)


PACKED_OPTIMIZERS: dict[str, type[PackedOptimizer]] = {
    "sgd": PackedSgd,
    "adam": PackedAdam,
    "adamw": PackedAdamW,
    "rmsprop": PackedRmsProp,
    "adagrad": PackedAdagrad,
    "nadam": PackedNAdam,
    "lion": PackedLion,
}
