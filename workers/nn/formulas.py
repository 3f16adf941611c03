"""Formulas as functions of tensors: expressions with their slopes, which autograd passes on.

An expression computes its value and its slope in one pass forward (``service.formulas.slopes``
says why), with torch's element-wise functions.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable


class Dual(NamedTuple):
    """Values and slopes, each a tensor, or a number that all elements have."""

    value: Any
    slope: Any


class Formula(Protocol):
    """A function of x alone."""

    def values(self, x: Tensor, library: Any) -> Any:
        """Return the values at x."""

    def values_and_slopes(self, x: Tensor, library: Any) -> Any:
        """Return the values and the slopes at x, as ``Dual`` has them."""


class Expression(Protocol):
    """A function of x and of named parameters."""

    def with_constants(self, constants: Mapping[str, float]) -> Formula:
        """Return the function for these values of the parameters."""


class _Torch:
    """Torch's element-wise functions, under the names that expressions use."""

    exp = staticmethod(torch.exp)
    expm1 = staticmethod(torch.expm1)
    log = staticmethod(torch.log)
    log1p = staticmethod(torch.log1p)
    sqrt = staticmethod(torch.sqrt)
    abs = staticmethod(torch.abs)
    sign = staticmethod(torch.sign)
    sigmoid = staticmethod(torch.sigmoid)
    tanh = staticmethod(torch.tanh)
    sinh = staticmethod(torch.sinh)
    cosh = staticmethod(torch.cosh)
    sin = staticmethod(torch.sin)
    cos = staticmethod(torch.cos)
    atan = staticmethod(torch.atan)
    erf = staticmethod(torch.erf)

    def __init__(self, like: Tensor) -> None:
        self._like = like

    @staticmethod
    def softplus(x: Tensor) -> Tensor:
        """Return log(1 + exp(x)); x itself above 40, where float64 sees no difference."""
        return F.softplus(x, threshold=40)

    def where(self, condition: Tensor, yes: Any, no: Any) -> Tensor:
        """Choose between tensors or numbers, in the precision of the formula's input."""
        if not isinstance(yes, Tensor) and not isinstance(no, Tensor):
            yes = self.full(yes)
        return torch.where(condition, yes, no)

    def full(self, number: float) -> Tensor:
        """Return a number as a tensor without dimensions."""
        return torch.full((), number, dtype=self._like.dtype, device=self._like.device)

    def shaped(self, value: Any) -> Tensor:
        """Return a tensor of the input's shape."""
        tensor = value if isinstance(value, Tensor) else self.full(value)
        return tensor.expand_as(self._like)


class _Differentiated(torch.autograd.Function):
    """A formula, whose gradient is the one from above times the slope."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, formula: Formula) -> Tensor:
        library = _Torch(x)
        value, slope = formula.values_and_slopes(x, library)
        ctx.save_for_backward(library.shaped(0.0 if slope is None else slope))
        return library.shaped(value).clone(memory_format=torch.preserve_format)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None]:
        (slope,) = ctx.saved_tensors
        return upstream * slope, None


def formula_function(
    expression: Expression, parameters: Mapping[str, float]
) -> Callable[[Tensor], Tensor]:
    """Return an expression as a function of tensors of any shape, differentiable once.

    Args:
        expression: of x and the parameters.
        parameters: a value for each name of the expression.
    """
    formula = expression.with_constants(parameters)

    def function(x: Tensor) -> Tensor:
        if torch.is_grad_enabled() and x.requires_grad:
            differentiated: Tensor = _Differentiated.apply(x, formula)  # type: ignore[no-untyped-call]
            return differentiated
        library = _Torch(x)
        return library.shaped(formula.values(x, library))

    return function
