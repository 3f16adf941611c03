"""Activations: the non-linearity after every hidden layer."""

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Activation(nn.Module):
    """An element-wise function, of any shape to the same shape.

    ``monotone`` says that it never decreases. Then it commutes with the maximum, and a model
    may apply it after max-pooling, to a quarter of the elements (``models.max_pooled``).
    """

    def __init__(self, function: Callable[[Tensor], Tensor], *, monotone: bool) -> None:
        super().__init__()
        self.function = function
        self.monotone = monotone

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def sigmoid() -> Activation:
    """Give 1 / (1 + exp(-x)). Glorot & Bengio 2010, section 3.1."""
    return Activation(torch.sigmoid, monotone=True)


def tanh() -> Activation:
    """Give the hyperbolic tangent. Glorot & Bengio 2010, section 3.1."""
    return Activation(torch.tanh, monotone=True)


def relu() -> Activation:
    """Give max(0, x), with derivative 0 at 0. Nair & Hinton 2010, section 2."""
    return Activation(torch.relu, monotone=True)


def leaky_relu(*, negative_slope: float) -> Activation:
    """Give x where x > 0, else negative_slope * x. Maas, Hannun & Ng 2013, section 2."""
    function = partial(F.leaky_relu, negative_slope=negative_slope)
    return Activation(function, monotone=negative_slope >= 0)


def elu(*, alpha: float) -> Activation:
    """Give x where x > 0, else alpha * (exp(x) - 1). Clevert et al. 2015, eq. 15."""
    return Activation(partial(F.elu, alpha=alpha), monotone=alpha >= 0)


def selu() -> Activation:
    """Give lambda * elu(x, alpha), which has mean 0 and variance 1 as its fixed point.

    Klambauer et al. 2017, eq. 2 and 14.
    """
    return Activation(torch.selu, monotone=True)


def gelu(*, approximate: str) -> Activation:
    """Give x * Phi(x), exact (``none``) or by the paper's tanh form (``tanh``).

    Not monotone: it falls until about -0.75. Hendrycks & Gimpel 2016, section 2.
    """
    return Activation(partial(F.gelu, approximate=approximate), monotone=False)


ACTIVATIONS: dict[str, Callable[..., Activation]] = {
    "sigmoid": sigmoid,
    "tanh": tanh,
    "relu": relu,
    "leaky_relu": leaky_relu,
    "elu": elu,
    "selu": selu,
    "gelu": gelu,
}
