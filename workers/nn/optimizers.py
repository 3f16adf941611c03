"""Optimizers: how a gradient becomes a step.

All are torch's fused ones, on the CPU as on CUDA: one pass over each parameter.
"""

from collections.abc import Callable, Iterable

from torch import nn
from torch.optim import SGD, Adam, Optimizer

Parameters = Iterable[nn.Parameter]


def sgd(
    parameters: Parameters, *, learning_rate: float, momentum: float, nesterov: bool
) -> Optimizer:
    """Step by v <- momentum v + g, w <- w - learning_rate v (nesterov: g + momentum v).

    At a constant rate this is Keras' momentum, which scales v by the rate when it is
    accumulated and not when it is applied. Sutskever et al. 2013, eq. 1-4.
    """
    return SGD(parameters, lr=learning_rate, momentum=momentum, nesterov=nesterov, fused=True)


def adam(
    parameters: Parameters,
    *,
    learning_rate: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
) -> Optimizer:
    """Step by w <- w - learning_rate m^ / (sqrt(v^) + epsilon). Kingma & Ba 2015, algorithm 1.

    Epsilon is added to the bias-corrected root, as in the algorithm. Keras adds it to the
    uncorrected root (the paper's "epsilon hat"), which amounts to epsilon / sqrt(1 - beta_2^t)
    here: 3.2e-6 at the first step for 1e-7, and falling to 1e-7. The two differ only where a
    gradient is that small.
    """
    return Adam(parameters, lr=learning_rate, betas=(beta_1, beta_2), eps=epsilon, fused=True)


OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {"sgd": sgd, "adam": adam}
