"""Expressions as functions of numpy arrays: values, slopes, kinks and the mean square."""

import math
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from service.formulas.nodes import Call, Node, Number
from service.formulas.slopes import Library, evaluate
from service.formulas.special import erf, expit

Values = NDArray[np.float64]

_NUMPY = cast(
    "Library",
    SimpleNamespace(
        exp=np.exp,
        expm1=np.expm1,
        log=np.log,
        log1p=np.log1p,
        sqrt=np.sqrt,
        abs=np.abs,
        sign=np.sign,
        sigmoid=expit,
        tanh=np.tanh,
        sinh=np.sinh,
        cosh=np.cosh,
        sin=np.sin,
        cos=np.cos,
        atan=np.arctan,
        erf=erf,
        softplus=lambda x: np.logaddexp(0, x),
        where=np.where,
    ),
)

#: Where changes of sides are looked for: dense around zero, then by steps of 1%.
_NEAR = np.linspace(-10, 10, 2000)
_FAR = np.geomspace(10.001, 1e6, 1160)
_SEARCHED = np.concatenate([-_FAR[::-1], _NEAR, _FAR])

#: Kinks that are kept, those nearest to zero: abs(sin(x)) has no end of them.
_MOST_KINKS = 64
_BISECTIONS = 64
_KINK_DECIMALS = 12

#: Quadrature over a standard normal z: panels of one standard deviation, nodes of each.
_REACH, _NODES = 9, 20
_LARGEST_SCALE = 1e6


def number(node: Call) -> float:
    """Return the value of an operation on numbers; NaN or infinite where it has none."""
    with np.errstate(all="ignore"):
        arguments = tuple(Number(np.float64(_value(argument))) for argument in node.arguments)
        if node.function in {"minimum", "maximum"}:
            chosen: Any = getattr(np, node.function)
            return float(chosen(*(argument.value for argument in arguments)))
        if node.function == "relu":
            return float(np.maximum(arguments[0].value, 0.0))
        return float(evaluate(Call(node.function, arguments), np.nan, _NUMPY, slopes=False).value)


def holds(comparison: Call) -> bool:
    """Whether a comparison of two numbers holds."""
    left, right = map(_value, comparison.arguments)
    return {
        "<": left < right,
        "<=": left <= right,
        ">": left > right,
        ">=": left >= right,
    }[comparison.function]


def _value(node: Node) -> float:
    return cast("Number", node).value


def sampled(root: Node, x: Values) -> tuple[Values, Values]:
    """Return a tree's values and slopes at these points; overflows are infinite."""
    with np.errstate(all="ignore"):
        point = evaluate(root, x, _NUMPY, slopes=True)
    slope = 0.0 if point.slope is None else point.slope
    return np.broadcast_to(point.value, x.shape) + 0.0, np.broadcast_to(slope, x.shape) + 0.0


def kinks(root: Node) -> tuple[float, ...]:
    """Return where a tree is not smooth, within +-1e6; those nearest to zero if there are many."""
    found = {kink for switch in _switches(root) for kink in _changes_of_sign(switch)}
    return tuple(sorted(sorted(found, key=abs)[:_MOST_KINKS]))


def _switches(node: Node) -> Iterator[Node]:
    """Return the trees at whose changes of sign a tree may have a kink."""
    if not isinstance(node, Call):
        return
    match node:
        case Call("abs" | "relu", (argument,)):
            yield argument
        case Call("minimum" | "maximum" | "<" | "<=" | ">" | ">=", (left, right)):
            yield Call("-", (left, right))
    for argument in node.arguments:
        yield from _switches(argument)


def _changes_of_sign(switch: Node) -> Iterator[float]:
    signs = np.sign(sampled(switch, _SEARCHED)[0])
    at = np.flatnonzero(signs[:-1] * signs[1:] < 0)
    low, high, below = _SEARCHED[at], _SEARCHED[at + 1], signs[at]
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        same = np.sign(sampled(switch, middle)[0]) == below
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    yield from (round(float(kink), _KINK_DECIMALS) + 0.0 for kink in high)
    yield from (float(zero) for zero in _SEARCHED[signs == 0])


def scale(root: Node, corners: tuple[float, ...]) -> float:
    """Return 1 / E[f(z)^2] of a standard normal z, 1 where that is no finite number above 0."""
    inside = {corner for corner in corners if -_REACH < corner < _REACH}
    edges = np.array(sorted({*map(float, range(-_REACH, _REACH + 1)), *inside}))
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    half = np.diff(edges)[:, None] / 2
    z = edges[:-1, None] + half * (1 + nodes)
    density = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    with np.errstate(all="ignore"):
        square = float((half * weights * density * sampled(root, z)[0] ** 2).sum())
    within = 1 / _LARGEST_SCALE <= square <= _LARGEST_SCALE
    return 1 / square if within else 1.0
