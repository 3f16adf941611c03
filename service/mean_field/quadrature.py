"""Means over normal z-values, by Gauss-Legendre quadrature between the kinks of a function.

Between two kinks the integrands are smooth, so a fixed number of nodes gives nearly all digits
that float64 has, for a rectifier as for tanh. Differences of activations are integrated as
differences: they keep their relative precision when two samples become alike.
"""

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from service.mean_field.activations import Function, Nonlinearity, Values

#: Nodes of a panel: in one dimension, and in each of two.
_NODES, _NODES_IN_TWO = 20, 12
#: Standard deviations beyond which a normal variable is cut off: 1e-18 of it lies there.
_REACH = 9.0
#: Where panels end beside the kinks: scales on which squashing functions bend, in z-values.
_BENDS = (-6.0, -2.0, 0.0, 2.0, 6.0)
#: Share of the variance below which the spread of two samples counts as infinitesimal.
_ALIKE = 1e-10
#: Where the panels over half the difference of two z-values end.
_GAPS = (1.0, 4.0)


def mean(function: Function, kinks: Sequence[float], variance: float, shift: float) -> float:
    """Return E[function(z)], z ~ N(shift, variance).

    Args:
        function: element-wise.
        kinks: where it is not smooth.
        variance: of z, at least 0.
        shift: the mean of z.
    """
    deviation = math.sqrt(variance)
    if deviation == 0:
        return float(function(np.array([shift]))[0])
    ends = {(end - shift) / deviation for end in (*_BENDS, *kinks)}
    edges = np.array([-_REACH, *sorted(end for end in ends if -_REACH < end < _REACH), _REACH])
    nodes, weights = _legendre(_NODES)
    half = (edges[1:, None] - edges[:-1, None]) / 2
    t = edges[:-1, None] + half * (1 + nodes)
    return float((half * weights * _density(t) * function(shift + deviation * t)).sum())


def half_squared_difference(
    nonlinearity: Nonlinearity, variance: float, spread: float, shift: float, difference: float
) -> float:
    """Return E[(f(u) - f(v))^2] / 2 of two samples' z-values u and v of one unit.

    u is N(shift, variance + difference / 2), v is N(shift, variance - difference / 2), and
    E[(u - v)^2] / 2 = spread. The integral is over half the difference d = (u - v) / 2 and, given
    d, over the middle m = (u + v) / 2: E[(f(m + d) - f(m - d))^2] / 2.
    """
    if spread <= _ALIKE * variance:
        return _linear(nonlinearity, variance, spread, shift, difference)
    beside = np.sqrt(spread / 2)
    d, d_weights = _panels((np.array(_GAPS) / beside)[None], _NODES_IN_TWO, lowest=0.0)
    half, chance = beside * d[0], 2 * d_weights[0] * _density(d[0])
    # Of samples of different length the middle leans to the longer one's side, whichever it is.
    lean = difference / (2 * spread)
    centre = shift + lean * half
    if lean:
        centre = np.concatenate([centre, shift - lean * half])
        half, chance = np.tile(half, 2), np.tile(chance / 2, 2)
    between = np.sqrt(max(variance - spread / 2 - difference**2 / (8 * spread), 0.0))
    m, inner = _middles(nonlinearity.kinks, half, centre, between)
    gap = nonlinearity.value(m + half[:, None]) - nonlinearity.value(m - half[:, None])
    return float(chance @ (inner * gap**2).sum(axis=1)) / 2


def _linear(
    nonlinearity: Nonlinearity, variance: float, spread: float, shift: float, difference: float
) -> float:
    """Return the same of samples so alike that the slope says how their activations differ."""
    if spread <= 0:
        return 0.0
    slope, kinks = nonlinearity.slope, nonlinearity.kinks
    along = mean(lambda z: (slope(z) * (z - shift)) ** 2, kinks, variance, shift)
    squared = mean(lambda z: slope(z) ** 2, kinks, variance, shift)
    lean = difference / (4 * variance)
    return 2 * lean**2 * (along - squared * variance) + spread * squared


def _middles(
    kinks: Sequence[float], half: Values, centre: Values, between: float
) -> tuple[Values, Values]:
    """Return nodes and weights for the middle of two z-values, a row for each half difference."""
    if between == 0:
        return centre[:, None], np.ones((len(half), 1))
    corners = np.array(kinks)
    moving = np.concatenate([corners + half[:, None], corners - half[:, None]], axis=1)
    fixed = np.broadcast_to(_BENDS, (len(half), len(_BENDS)))
    ends = (np.concatenate([moving, fixed], axis=1) - centre[:, None]) / between
    t, weights = _panels(ends, _NODES_IN_TWO)
    return centre[:, None] + between * t, weights * _density(t)


def _panels(
    ends: NDArray[np.float64], count: int, *, lowest: float = -_REACH
) -> tuple[Values, Values]:
    """Return the nodes and weights of a rule on [lowest, _REACH] for each row of panel ends."""
    edges = np.sort(np.clip(ends, lowest, _REACH), axis=1)
    rows = len(edges)
    edges = np.hstack([np.full((rows, 1), lowest), edges, np.full((rows, 1), _REACH)])
    nodes, weights = _legendre(count)
    half = np.diff(edges)[..., None] / 2
    middle = (edges[:, 1:, None] + edges[:, :-1, None]) / 2
    return (middle + half * nodes).reshape(rows, -1), (half * weights).reshape(rows, -1)


@cache
def _legendre(count: int) -> tuple[Values, Values]:
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return nodes, weights


def _density(t: Values) -> Values:
    density: Values = np.exp(-(t**2) / 2) / np.sqrt(2 * np.pi)
    return density
