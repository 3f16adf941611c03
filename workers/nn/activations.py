"""Activations: the non-linearity after every hidden layer, a function of its z-values x.

Full references are with the entries in ``service.catalog.activations``.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workers.nn.formulas import Expression, formula_function


class Activation(nn.Module):
    """A function of z-values: (batch, units * pieces, *spatial) to (batch, units, *spatial).

    A unit reads ``pieces`` neighbouring z-values. For all activations but maxout and the gated ones
    that is one, and the function is element-wise, of any shape.

    Args:
        function: from z-values to activations.
        monotone: the function is element-wise and never decreases, whatever it learns. Then it
            commutes with the maximum, and a model may apply it after max-pooling, to a quarter of
            the elements (``pooling.Pooling.activated``).
        pieces: z-values per unit.
        chooses: the function is monotone, its values are x or constants of few bits, and its slopes
            0 or 1: no type of x makes it round anything.
    """

    def __init__(
        self,
        function: Callable[..., Tensor],
        *,
        monotone: bool,
        pieces: int = 1,
        chooses: bool = False,
    ) -> None:
        super().__init__()
        self.function = function
        self.monotone = monotone
        self.pieces = pieces
        self.chooses = chooses

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def is_listened_to(module: nn.Module) -> bool:
    """Whether somebody wants to see what a module reads or returns, by a hook."""
    # Torch has no public way to ask.
    return bool(module._forward_hooks or module._forward_pre_hooks)


#: From the number of a layer's units (or channels) to a new activation for them.
ActivationFor = Callable[[int], Activation]


def _elementwise(
    function: Callable[[Tensor], Tensor], *, monotone: bool, chooses: bool = False
) -> ActivationFor:
    return lambda _: Activation(function, monotone=monotone, chooses=chooses)


def identity() -> ActivationFor:
    """Return the function x: the network is linear.

    References:
        Saxe et al. 2013, section 1.
    """
    return _elementwise(lambda x: x, monotone=True, chooses=True)


def sigmoid() -> ActivationFor:
    """Return the function 1 / (1 + exp(-x)).

    References:
        Glorot & Bengio 2010, section 3.1.
    """
    return _elementwise(torch.sigmoid, monotone=True)


def tanh() -> ActivationFor:
    """Return the hyperbolic tangent of x.

    References:
        Glorot & Bengio 2010, section 3.1.
    """
    return _elementwise(torch.tanh, monotone=True)


def relu() -> ActivationFor:
    """Return the function max(0, x), with derivative 0 at 0.

    References:
        Nair & Hinton 2010, section 2.
    """
    return _elementwise(torch.relu, monotone=True, chooses=True)


def leaky_relu(*, negative_slope: float) -> ActivationFor:
    """Return the function x where x > 0, else negative_slope * x.

    References:
        Maas, Hannun & Ng 2013, section 2.
    """
    function = partial(F.leaky_relu, negative_slope=negative_slope)
    return _elementwise(function, monotone=negative_slope >= 0)


class Prelu(Activation):
    """A leaky relu that learns one slope per unit or channel: ``slope``, shape (units,).

    Not monotone: training may make a slope negative.
    """

    def __init__(self, units: int, initial_slope: float) -> None:
        super().__init__(F.prelu, monotone=False)
        self.slope = nn.Parameter(torch.full((units,), initial_slope))

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x, self.slope)


def prelu(*, initial_slope: float) -> ActivationFor:
    """Return the function x where x > 0, else a * x, where a is learnt for each unit.

    References:
        He et al. 2015, eq. 1.
    """
    return lambda units: Prelu(units, initial_slope)


def elu(*, alpha: float) -> ActivationFor:
    """Return the function x where x > 0, else alpha * (exp(x) - 1).

    References:
        Clevert et al. 2015, eq. 15.
    """
    return _elementwise(partial(F.elu, alpha=alpha), monotone=alpha >= 0)


def selu() -> ActivationFor:
    """Return the function lambda * elu(x, alpha), whose fixed point is mean 0 and variance 1.

    References:
        Klambauer et al. 2017, eq. 2 and 14.
    """
    return _elementwise(torch.selu, monotone=True)


class _TanhGelu(torch.autograd.Function):
    """The tanh form of gelu, with a finite gradient at any finite input.

    Torch's gradient multiplies 1 - tanh^2 = 0 by x^2, which is NaN once x^2 overflows (beyond about
    5e19). Beyond +-100 the derivative is exactly 1 or 0, so it is computed at +-100 there.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return F.gelu(x, approximate="tanh")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:  # noqa: ARG004
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        clamped = x.clamp(-100, 100)
        gradient: Tensor = torch.ops.aten.gelu_backward(upstream, clamped, approximate="tanh")
        return gradient


def gelu(*, approximate: str) -> ActivationFor:
    """Return the function x * Phi(x), where Phi is the standard normal distribution function.

    Not monotone: it falls until about -0.75.

    Args:
        approximate: ``none`` for the exact function, ``tanh`` for the paper's approximation.

    References:
        Hendrycks & Gimpel 2016, section 2.
    """
    function = _TanhGelu.apply if approximate == "tanh" else F.gelu
    return _elementwise(function, monotone=False)


def silu(*, beta: float) -> ActivationFor:
    """Return the function x * sigmoid(beta * x). Not monotone: it falls until about -1.28 / beta.

    References:
        Elfwing et al. 2018, eq. 1;
        Ramachandran et al. 2017 (swish).
    """
    if beta == 1:
        return _elementwise(F.silu, monotone=False)
    return _elementwise(lambda x: x * torch.sigmoid(beta * x), monotone=beta == 0)


def mish() -> ActivationFor:
    """Return the function x * tanh(softplus(x)). Not monotone: it falls until about -1.19.

    References:
        Misra 2019, eq. 1.
    """
    return _elementwise(F.mish, monotone=False)


def softplus() -> ActivationFor:
    """Return the function log(1 + exp(x)); x itself above 40, where float64 sees no difference.

    References:
        Dugas et al. 2000, section 2;
        Glorot, Bordes & Bengio 2011.
    """
    return _elementwise(partial(F.softplus, threshold=40), monotone=True)


def softsign() -> ActivationFor:
    """Return the function x / (1 + abs(x)).

    References:
        Glorot & Bengio 2010, section 2.
    """
    return _elementwise(F.softsign, monotone=True)


def hard_sigmoid() -> ActivationFor:
    """Return the function relu6(x + 3) / 6.

    References:
        Howard et al. 2019, section 5.2.
    """
    return _elementwise(lambda x: F.relu6(x + 3) / 6, monotone=True)


def hard_tanh() -> ActivationFor:
    """Return the function min(max(-1, x), 1).

    References:
        Collobert et al. 2011, section 3.3.
    """
    return _elementwise(F.hardtanh, monotone=True)


def relu6() -> ActivationFor:
    """Return the function min(max(0, x), 6).

    References:
        Krizhevsky 2010, section 3.
    """
    return _elementwise(F.relu6, monotone=True, chooses=True)


def celu(*, alpha: float) -> ActivationFor:
    """Return the function x where x > 0, else alpha * (exp(x / alpha) - 1).

    References:
        Barron 2017, eq. 2.
    """
    return _elementwise(partial(F.celu, alpha=alpha), monotone=True)


def hard_swish() -> ActivationFor:
    """Return the function x * relu6(x + 3) / 6. Not monotone: it falls until -1.5.

    References:
        Howard et al. 2019, section 5.2.
    """
    # Torch's own multiplies x by up to six before it divides, and overflows earlier.
    return _elementwise(lambda x: x * (F.relu6(x + 3) / 6), monotone=False)


def squared_relu() -> ActivationFor:
    """Return the function max(0, x)^2.

    References:
        So et al. 2021, section 3.2.
    """
    return _elementwise(lambda x: torch.relu(x).square(), monotone=True)


def formula(*, expression: Expression, parameters: Mapping[str, float]) -> ActivationFor:
    """Return the function that an expression writes out.

    Nothing is known of its shape, so it is not marked as monotone.

    Args:
        expression: of x and the parameters.
        parameters: a value for each name of the expression.
    """
    return _elementwise(formula_function(expression, parameters), monotone=False)


def _largest_piece(z: Tensor, pieces: int) -> Tensor:
    # Channels last, as models keep them in memory: a maximum along them is 1.3 times faster.
    last = z.movedim(1, -1)
    largest: Tensor = last.view(*last.shape[:-1], -1, pieces).max(-1).values
    return largest.movedim(-1, 1)


def maxout(*, pieces: int) -> ActivationFor:
    """Return the largest of a unit's ``pieces`` z-values; the first of equal ones has the gradient.

    Its value commutes with max-pooling, but where pieces at different places are equal, the two
    orders pass the gradient to different ones. So it is not marked as monotone.

    References:
        Goodfellow et al. 2013, section 3.
    """
    function = partial(_largest_piece, pieces=pieces)
    return lambda _: Activation(function, monotone=False, pieces=pieces)


class Gated(Activation):
    """The product of a unit's first z-value and a function of its second, the gate."""

    def __init__(self, gate: Callable[[Tensor], Tensor]) -> None:
        super().__init__(partial(_gated, gate=gate), monotone=False, pieces=2)
        self.gate = gate


def _gated(z: Tensor, gate: Callable[[Tensor], Tensor]) -> Tensor:
    value, opening = z.view(len(z), -1, 2, *z.shape[2:]).unbind(2)
    return value * gate(opening)


def glu() -> ActivationFor:
    """Return the function x_1 * sigmoid(x_2) of a unit's two z-values.

    References:
        Dauphin et al. 2017, eq. 1.
    """
    return lambda _: Gated(torch.sigmoid)


def swiglu() -> ActivationFor:
    """Return the function x_1 * x_2 * sigmoid(x_2) of a unit's two z-values.

    References:
        Shazeer 2020, eq. 5, with beta = 1.
    """
    return lambda _: Gated(F.silu)


def geglu() -> ActivationFor:
    """Return the function x_1 * x_2 * Phi(x_2) of a unit's two z-values.

    References:
        Shazeer 2020, eq. 5.
    """
    return lambda _: Gated(F.gelu)


ACTIVATIONS: dict[str, Callable[..., ActivationFor]] = {
    "identity": identity,
    "sigmoid": sigmoid,
    "tanh": tanh,
    "relu": relu,
    "leaky_relu": leaky_relu,
    "prelu": prelu,
    "elu": elu,
    "selu": selu,
    "gelu": gelu,
    "silu": silu,
    "mish": mish,
    "softplus": softplus,
    "softsign": softsign,
    "hard_sigmoid": hard_sigmoid,
    "hard_tanh": hard_tanh,
    "relu6": relu6,
    "maxout": maxout,
    "celu": celu,
    "hard_swish": hard_swish,
    "squared_relu": squared_relu,
    "glu": glu,
    "swiglu": swiglu,
    "geglu": geglu,
    "formula": formula,
}
