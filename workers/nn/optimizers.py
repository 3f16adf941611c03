"""Optimizers: how a gradient becomes a step.

In the formulas w are the parameters and g their gradient. Torch's fused optimizers are used, on the
CPU as on CUDA: one pass over each parameter. Torch has no fused rmsprop; its foreach form needs a
few launches for all parameters together; nor has it one of nadam.

Every optimizer but adamw takes ``coupled_weight_decay`` c: the gradient becomes g + c w, after the
clipping; and ``decoupled_weight_decay`` d: before each step w <- w - learning_rate d w. Both act on
every parameter, also on biases and normalizations, as in torch.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adagrad, Adam, AdamW, NAdam, Optimizer, RMSprop

Parameters = Iterable[nn.Parameter]


def sgd(
    parameters: Parameters,
    *,
    learning_rate: float,
    momentum: float,
    nesterov: bool,
    coupled_weight_decay: float,
    decoupled_weight_decay: float,
) -> Optimizer:
    """Return the optimizer v <- momentum v + g, w <- w - learning_rate v.

    With ``nesterov`` the step is g + momentum v instead of v. At a constant rate this is Keras'
    momentum, which scales v by the rate when it is accumulated and not when it is applied.

    References:
        Sutskever et al. 2013, eq. 1 to 4.
    """
    optimizer = SGD(
        parameters,
        lr=learning_rate,
        momentum=momentum,
        nesterov=nesterov,
        weight_decay=coupled_weight_decay,
        fused=True,
    )
    return _decayed(optimizer, decoupled_weight_decay)


def adam(
    parameters: Parameters,
    *,
    learning_rate: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
    coupled_weight_decay: float,
    decoupled_weight_decay: float,
) -> Optimizer:
    """Return the optimizer w <- w - learning_rate m^ / (sqrt(v^) + epsilon).

    m^ and v^ are the bias-corrected running means of g and g^2. Epsilon is added to the corrected
    root, as in the algorithm. Keras adds it to the uncorrected root (the paper's "epsilon hat"),
    which corresponds to epsilon / sqrt(1 - beta_2^t) here: for 1e-7 that is 3.2e-6 at the first
    step, falling to 1e-7. The two differ only where a gradient is that small.

    References:
        Kingma & Ba 2015, algorithm 1.
    """
    optimizer = Adam(
        parameters,
        lr=learning_rate,
        betas=(beta_1, beta_2),
        eps=epsilon,
        weight_decay=coupled_weight_decay,
        fused=True,
    )
    return _decayed(optimizer, decoupled_weight_decay)


def adamw(
    parameters: Parameters,
    *,
    learning_rate: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
    weight_decay: float,
) -> Optimizer:
    """Return the optimizer that steps as adam does, after w <- w - learning_rate weight_decay w.

    The decay is decoupled from the gradient and acts on every parameter, also on biases and
    normalizations. As in torch and Keras it is multiplied by the scheduled learning rate: the
    paper's lambda is learning_rate * weight_decay here.

    References:
        Loshchilov & Hutter 2019, algorithm 2.
    """
    return AdamW(
        parameters,
        lr=learning_rate,
        betas=(beta_1, beta_2),
        eps=epsilon,
        weight_decay=weight_decay,
        fused=True,
    )


def rmsprop(
    parameters: Parameters,
    *,
    learning_rate: float,
    rho: float,
    momentum: float,
    epsilon: float,
    coupled_weight_decay: float,
    decoupled_weight_decay: float,
) -> Optimizer:
    """Return the optimizer v <- momentum v + g / (sqrt(s) + epsilon), w <- w - learning_rate v.

    s <- rho s + (1 - rho) g^2 is the running mean square; it starts from 0 and is not corrected for
    that. Epsilon is added to the root, as in torch; Keras adds it to s under the root.

    References:
        Tieleman & Hinton 2012, lecture 6.5.
    """
    optimizer = RMSprop(
        parameters,
        lr=learning_rate,
        alpha=rho,
        momentum=momentum,
        eps=epsilon,
        weight_decay=coupled_weight_decay,
        foreach=True,
    )
    return _decayed(optimizer, decoupled_weight_decay)


def adagrad(
    parameters: Parameters,
    *,
    learning_rate: float,
    initial_accumulator: float,
    epsilon: float,
    coupled_weight_decay: float,
    decoupled_weight_decay: float,
) -> Optimizer:
    """Return the optimizer s <- s + g^2, w <- w - learning_rate g / (sqrt(s) + epsilon).

    s starts from initial_accumulator. Epsilon (the paper's delta) is added to the root; Keras adds
    it to s under the root.

    References:
        Duchi, Hazan & Singer 2011, figure 1 (the diagonal form).
    """
    optimizer = Adagrad(
        parameters,
        lr=learning_rate,
        initial_accumulator_value=initial_accumulator,
        eps=epsilon,
        weight_decay=coupled_weight_decay,
        fused=True,
    )
    return _decayed(optimizer, decoupled_weight_decay)


def nadam(
    parameters: Parameters,
    *,
    learning_rate: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
    momentum_decay: float,
    coupled_weight_decay: float,
    decoupled_weight_decay: float,
) -> Optimizer:
    """Return Adam with Nesterov's momentum; torch's ``NAdam``.

    The step is learning_rate / (sqrt(v^) + epsilon) times (1 - mu_t) g / (1 - M_t) +
    mu_(t+1) m / (1 - M_(t+1)), where mu_t = beta_1 (1 - 0.96^(t momentum_decay) / 2) and M_t is
    the product of the first t of them.

    References:
        Dozat 2016, algorithm 2.
    """
    optimizer = NAdam(
        parameters,
        lr=learning_rate,
        betas=(beta_1, beta_2),
        eps=epsilon,
        weight_decay=coupled_weight_decay,
        momentum_decay=momentum_decay,
        foreach=True,
    )
    return _decayed(optimizer, decoupled_weight_decay)


class Lion(Optimizer):
    """w <- w - lr sign(beta_1 m + (1 - beta_1) g), m <- beta_2 m + (1 - beta_2) g.

    Args:
        parameters: to be stepped.
        lr: the size of each parameter's step.
        betas: beta_1 and beta_2.
        weight_decay: coupled: this share of w is added to g.
    """

    def __init__(
        self, parameters: Parameters, lr: float, betas: tuple[float, float], weight_decay: float
    ) -> None:
        super().__init__(parameters, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Take a step."""
        if closure is not None:
            raise ValueError("Lion takes its gradients from a backward pass, not from a closure.")
        for group in self.param_groups:
            parameters = [weight for weight in group["params"] if weight.grad is not None]
            gradients = [weight.grad for weight in parameters]
            if group["weight_decay"]:
                gradients = list(
                    torch._foreach_add(gradients, parameters, alpha=group["weight_decay"])
                )
            means = [self._mean_of(weight) for weight in parameters]
            to_direction, to_mean = (1 - beta for beta in group["betas"])
            directions = torch._foreach_lerp(means, gradients, to_direction)
            torch._foreach_sign_(directions)
            torch._foreach_add_(parameters, directions, alpha=-group["lr"])
            torch._foreach_lerp_(means, gradients, to_mean)

    def _mean_of(self, weight: Tensor) -> Tensor:
        state = self.state[weight]
        if "mean" not in state:
            state["mean"] = torch.zeros_like(weight)
        mean: Tensor = state["mean"]
        return mean


def lion(
    parameters: Parameters,
    *,
    learning_rate: float,
    beta_1: float,
    beta_2: float,
    coupled_weight_decay: float,
    decoupled_weight_decay: float,
) -> Optimizer:
    """Return the optimizer that steps by the sign of a momentum; see ``Lion``.

    The paper's weight decay is the decoupled one.

    References:
        Chen et al. 2023, algorithm 2.
    """
    optimizer = Lion(parameters, learning_rate, (beta_1, beta_2), coupled_weight_decay)
    return _decayed(optimizer, decoupled_weight_decay)


def _decayed(optimizer: Optimizer, share: float) -> Optimizer:
    """Make an optimizer shrink all parameters by its rate times ``share`` before each step."""
    if share:
        optimizer.register_step_pre_hook(partial(_shrink, share))
    return optimizer


@torch.no_grad()
def _shrink(share: float, optimizer: Optimizer, *_: Any) -> None:
    for group in optimizer.param_groups:
        torch._foreach_mul_(group["params"], 1 - group["lr"] * share)


OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    "sgd": sgd,
    "adam": adam,
    "adamw": adamw,
    "rmsprop": rmsprop,
    "adagrad": adagrad,
    "nadam": nadam,
    "lion": lion,
}
