"""Optimizers: how a gradient becomes a step.

Torch's fused ones, on the CPU as on CUDA: one pass over each parameter. Torch has no fused
rmsprop; its foreach form takes a few launches for all parameters together.
"""

from collections.abc import Callable, Iterable

from torch import nn
from torch.optim import SGD, Adagrad, Adam, AdamW, Optimizer, RMSprop

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


def adamw(
    parameters: Parameters,
    *,
    learning_rate: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
    weight_decay: float,
) -> Optimizer:
    """Step as adam does, after w <- w - learning_rate weight_decay w.

    Loshchilov & Hutter 2019, algorithm 2. The decay is decoupled from the gradient and acts on
    every parameter, biases and normalizations too. As in torch and Keras it is multiplied by the
    learning rate as scheduled: what the paper calls lambda is learning_rate * weight_decay here.
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
    parameters: Parameters, *, learning_rate: float, rho: float, momentum: float, epsilon: float
) -> Optimizer:
    """Step by v <- momentum v + g / (sqrt(s) + epsilon), w <- w - learning_rate v.

    s <- rho s + (1 - rho) g^2 is the running mean square, from 0 and not corrected for it.
    Tieleman & Hinton 2012, lecture 6.5. Epsilon is added to the root, as torch does; Keras adds
    it to s under the root.
    """
    return RMSprop(
        parameters, lr=learning_rate, alpha=rho, momentum=momentum, eps=epsilon, foreach=True
    )


def adagrad(
    parameters: Parameters, *, learning_rate: float, initial_accumulator: float, epsilon: float
) -> Optimizer:
    """Step by s <- s + g^2, w <- w - learning_rate g / (sqrt(s) + epsilon).

    Duchi, Hazan & Singer 2011, figure 1 (the diagonal form), with s from initial_accumulator.
    Epsilon (the paper's delta) is added to the root; Keras adds it to s under the root.
    """
    return Adagrad(
        parameters,
        lr=learning_rate,
        initial_accumulator_value=initial_accumulator,
        eps=epsilon,
        fused=True,
    )


OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    "sgd": sgd,
    "adam": adam,
    "adamw": adamw,
    "rmsprop": rmsprop,
    "adagrad": adagrad,
}
