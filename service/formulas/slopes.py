"""Values of an expression together with its slopes, by the chain rule, in any library of arrays.

Both are computed forward, from x to the root. A branch that is not chosen (by where, minimum, ...)
then adds nothing to a slope, even where it overflows, while a gradient computed backward would be
NaN there: zero times infinity.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from service.formulas.nodes import Call, Name, Node, Number

#: An array of numpy or torch, or a float where no x is involved.
Array = Any


class Library(Protocol):
    """Element-wise functions of a library of arrays; conditions are arrays of booleans."""

    exp: Callable[[Array], Array]
    expm1: Callable[[Array], Array]
    log: Callable[[Array], Array]
    log1p: Callable[[Array], Array]
    sqrt: Callable[[Array], Array]
    abs: Callable[[Array], Array]
    sign: Callable[[Array], Array]
    sigmoid: Callable[[Array], Array]
    tanh: Callable[[Array], Array]
    sinh: Callable[[Array], Array]
    cosh: Callable[[Array], Array]
    sin: Callable[[Array], Array]
    cos: Callable[[Array], Array]
    atan: Callable[[Array], Array]
    erf: Callable[[Array], Array]
    softplus: Callable[[Array], Array]
    where: Callable[[Array, Array, Array], Array]


#: Functions of one argument with a slope of their own, as the library names them.
_RULES: dict[str, Callable[[Array, Array, Library], Array]] = {
    "exp": lambda _, value, __: value,
    "expm1": lambda a, _, library: library.exp(a),
    "log": lambda a, _, __: 1 / a,
    "log1p": lambda a, _, __: 1 / (1 + a),
    "sqrt": lambda _, value, __: 0.5 / value,
    "abs": lambda a, _, library: library.sign(a),
    "sigmoid": lambda a, value, library: value * library.sigmoid(-a),
    "tanh": lambda a, _, library: library.cosh(a) ** -2,  # 1 - tanh^2 would cancel
    "sinh": lambda a, _, library: library.cosh(a),
    "cosh": lambda a, _, library: library.sinh(a),
    "sin": lambda a, _, library: library.cos(a),
    "cos": lambda a, _, library: -library.sin(a),
    "atan": lambda a, _, __: 1 / (1 + a * a),
    "erf": lambda a, _, library: 2 / math.sqrt(math.pi) * library.exp(-a * a),
    "softplus": lambda a, _, library: library.sigmoid(a),
}


class Dual(NamedTuple):
    """A dual number: a value and its slope, the derivative by x; None where no x is involved."""

    value: Array
    slope: Array | None = None


def evaluate(node: Node, x: Array, library: Library, *, slopes: bool) -> Dual:
    """Return the values of a tree at ``x``, and its slopes if they are asked for.

    Args:
        node: a tree without clip whose only name is the variable, and in which x is involved in
            every function and operator (``expression.Formula``).
        x: an array.
        library: that has functions of such arrays.
        slopes: whether slopes are computed; without, a slope says no more than that x is involved.
    """
    return _Evaluation(x, library, slopes).of(node)


class _Evaluation:
    def __init__(self, x: Array, library: Library, slopes: bool) -> None:
        self._x = x
        self._library = library
        self._slopes = slopes

    def of(self, node: Node) -> Dual:
        if isinstance(node, Number):
            return Dual(node.value)
        if isinstance(node, Name):
            return Dual(self._x, 1.0)
        if node.function == "where":
            return self._where(*node.arguments)
        arguments = [self.of(argument) for argument in node.arguments]
        if len(arguments) == 1:
            return self._function(node.function, *arguments)
        return self._operator(node.function, *arguments)

    def _chain(self, inner: Array | None, outer: Callable[[], Array]) -> Array | None:
        """Return the slope of an outer function of an inner one."""
        if inner is None or not self._slopes:
            return inner
        # 1.0 is the slope of x itself.
        return outer() if isinstance(inner, float) and inner == 1.0 else outer() * inner

    def _function(self, name: str, at: Dual) -> Dual:
        a, library = at.value, self._library
        if name == "negative":
            return Dual(-a, self._chain(at.slope, lambda: -1.0))
        if name == "relu":
            value = library.where(a <= 0, 0.0, a)  # NaN compares as false, and stays
            return Dual(value, self._chain(at.slope, lambda: library.where(a > 0, 1.0, 0.0)))
        value = getattr(library, name)(a)
        return Dual(value, self._chain(at.slope, lambda: _RULES[name](a, value, library)))

    def _operator(self, operator: str, left: Dual, right: Dual) -> Dual:
        a, b = left.value, right.value
        match operator:
            case "+":
                return Dual(a + b, self._sum(left.slope, right.slope))
            case "-":
                return Dual(a - b, self._sum(left.slope, self._chain(right.slope, lambda: -1.0)))
            case "*":
                first = self._chain(left.slope, lambda: b)
                return Dual(a * b, self._sum(first, self._chain(right.slope, lambda: a)))
            case "/":
                value = a / b
                first = self._chain(left.slope, lambda: 1 / b)
                return Dual(value, self._sum(first, self._chain(right.slope, lambda: -value / b)))
            case "**":
                return self._power(left, right)
        return self._extreme(left, right, smaller=operator == "minimum")

    def _power(self, base: Dual, exponent: Dual) -> Dual:
        a, b = base.value, exponent.value
        value = a**b
        by_base = self._chain(base.slope, lambda: b * a ** (b - 1))
        if exponent.slope is None:
            return Dual(value, by_base)
        logarithm = self._library.log(a) if base.slope is not None else _logarithm(a)
        by_exponent = self._chain(exponent.slope, lambda: value * logarithm)
        return Dual(value, self._sum(by_base, by_exponent))

    def _sum(self, first: Array | None, second: Array | None) -> Array | None:
        if first is None or second is None:
            return second if first is None else first
        return first + second if self._slopes else first

    def _extreme(self, left: Dual, right: Dual, *, smaller: bool) -> Dual:
        """Return the smaller of two, or the larger; of equals half of each slope.

        A comparison with NaN is false and chooses ``left``, in which x is involved, so that no
        NaN is hidden.
        """
        if left.slope is None:
            left, right = right, left
        where = self._library.where
        a, b = left.value, right.value
        value = where(b <= a if smaller else b >= a, b, a)
        if not self._slopes:
            return Dual(value, left.slope)
        first, second = (0.0 if slope is None else slope for slope in (left.slope, right.slope))
        tied = where(a == b, (first + second) / 2, first)
        return Dual(value, where(b < a if smaller else b > a, second, tied))

    def _where(self, comparison: Node, yes: Node, no: Node) -> Dual:
        assert isinstance(comparison, Call)  # noqa: S101 - what the parser reads there
        left, right = (self.of(argument).value for argument in comparison.arguments)
        holds = _COMPARED[comparison.function](left, right)
        chosen, other = self.of(yes), self.of(no)
        if other.slope is None:  # NaN compares as false, which chooses what x is involved in
            holds = _COMPARED[_OPPOSITE[comparison.function]](left, right)
            chosen, other = other, chosen
        where = self._library.where
        value = where(holds, chosen.value, other.value)
        slopes = [0.0 if point.slope is None else point.slope for point in (chosen, other)]
        return Dual(value, where(holds, *slopes) if self._slopes else 1.0)


_COMPARED: dict[str, Callable[[Array, Array], Array]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
_OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}


def _logarithm(base: float) -> float:
    return math.log(base) if base > 0 else math.nan
