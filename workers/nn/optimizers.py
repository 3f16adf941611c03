"""Optimizers: how a gradient becomes a step.

In the formulas w are the parameters and g their gradient. Torch's fused optimizers are used, on the
CPU as on CUDA: one pass over each parameter. Torch has no fused rmsprop; its foreach form needs a
few launches for all parameters together.
"""

from collections.abc import Callable, Iterable

from torch import nn
from torch.optim import SGD, Adagrad, Adam, AdamW, Optimizer, RMSprop

Parameters = Iterable[nn.Parameter]


def sgd(
    parameters: Parameters, *, learning_rate: float, momentum: float, nesterov: bool
) -> Optimizer:
    """Return the optimizer v <- momentum v + g, w <- w - learning_rate v.

    With ``nesterov`` the step is g + momentum v instead of v. At a constant rate this is Keras'
    momentum, which scales v by the rate when it is accumulated and not when it is applied.

    References:
        Sutskever et al. 2013, eq. 1 to 4.
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
    """Return the optimizer w <- w - learning_rate m^ / (sqrt(v^) + epsilon).

    m^ and v^ are the bias-corrected running means of g and g^2. Epsilon is added to the corrected
    root, as in the algorithm. Keras adds it to the uncorrected root (the paper's "epsilon hat"),
    which corresponds to epsilon / sqrt(1 - beta_2^t) here: for 1e-7 that is 3.2e-6 at the first
    step, falling to 1e-7. The two differ only where a gradient is that small.

    References:
        Kingma & Ba 2015, algorithm 1.
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
    parameters: Parameters, *, learning_rate: float, rho: float, momentum: float, epsilon: float
) -> Optimizer:
    """Return the optimizer v <- momentum v + g / (sqrt(s) + epsilon), w <- w - learning_rate v.

    s <- rho s + (1 - rho) g^2 is the running mean square; it starts from 0 and is not corrected for
    that. Epsilon is added to the root, as in torch; Keras adds it to s under the root.

    References:
        Tieleman & Hinton 2012, lecture 6.5.
    """
    return RMSprop(
        parameters, lr=learning_rate, alpha=rho, momentum=momentum, eps=epsilon, foreach=True
    )


def adagrad(
    parameters: Parameters, *, learning_rate: float, initial_accumulator: float, epsilon: float
) -> Optimizer:
    """Return the optimizer s <- s + g^2, w <- w - learning_rate g / (sqrt(s) + epsilon).

    s starts from initial_accumulator. Epsilon (the paper's delta) is added to the root; Keras adds
    it to s under the root.

    References:
        Duchi, Hazan & Singer 2011, figure 1 (the diagonal form).
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
