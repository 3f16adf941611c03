"""The distribution of the studentized range, for many ranges at once.

The range of m means is the largest minus the smallest; studentized, it is divided by the standard
error of one mean, estimated with f degrees of freedom. With S = sqrt(chi2_f / f) and W the range
of m standard normal numbers, P(Q <= q; m, f) = E_S[ P(W <= q S) ], where
P(W <= w) = m int phi(z) [Phi(z) - Phi(z - w)]^(m-1) dz (Tukey 1953; Lund & Lund 1983, AS 190).

``scipy.stats.studentized_range`` gives the same numbers, 40 ms each; a ranking of some hundred
configurations needs hundreds. Here both integrals are Gauss-Legendre sums over all ranges together.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special
from scipy.interpolate import BarycentricInterpolator

Floats = NDArray[np.float64]

_PLACES, _PLACE_WEIGHTS = np.polynomial.legendre.leggauss(56)
_SPREADS = np.polynomial.legendre.leggauss(40)
#: With few degrees of freedom S is spread over many powers of ten, which matters in the range of
#: many means most: these have more nodes.
_WIDE_SPREADS = np.polynomial.legendre.leggauss(160)
_FEW_FREEDOM, _LEAST_FREEDOM, _MANY_MEANS = 24.0, 5.0, 40
#: The normal density is below 1e-16 beyond this.
_FAR = 8.5
#: S is integrated over all but this much of its distribution at either end.
_TAIL = 1e-13
#: The largest finite degrees of freedom: with more, S is 1 to seven digits.
_MOST_FREEDOM = 1e7
#: Ranges whose sums are held in memory together.
_AT_ONCE = 128
#: The least probability that is told apart from 0.
_LEAST = 1e-12
#: Up to so many critical values are computed one by one.
_FEW = 64
#: Points along log log m and along 1/f between which more are interpolated.
_NODES = 7


def survival(q: ArrayLike, means: ArrayLike, freedom: ArrayLike) -> Floats:
    """Return P(Q > q; m, f) for each of n ranges, to within 5e-5.

    Args:
        q: (n,), the studentized ranges, 0 or more.
        means: (n,), how many means each range is over: 2 or more.
        freedom: (n,), degrees of freedom of each spread; above 0, may be infinite.
    """
    q, means, freedom = np.broadcast_arrays(
        *(np.atleast_1d(np.asarray(values, float)) for values in (q, means, freedom))
    )
    found = np.ones(len(q))
    wide = (freedom < _LEAST_FREEDOM) | ((freedom < _FEW_FREEDOM) & (means > _MANY_MEANS))
    for part, rule in _parts(wide):
        spread, weight = _spreads(np.minimum(freedom[part], _MOST_FREEDOM), rule)
        beyond = 1.0 - _range_within(q[part, None] * spread, means[part, None])
        found[part] = (weight * beyond).sum(axis=1)
    return np.where(q > 0, np.clip(found, _LEAST, 1.0), 1.0)


def _parts(wide: NDArray[np.bool_]) -> Iterator[tuple[NDArray[np.intp], tuple[Floats, Floats]]]:
    """Yield the ranges that are computed together, with their nodes and weights over log S."""
    for rows, rule in ((np.flatnonzero(~wide), _SPREADS), (np.flatnonzero(wide), _WIDE_SPREADS)):
        for start in range(0, len(rows), _AT_ONCE):
            yield rows[start : start + _AT_ONCE], rule


def _spreads(freedom: Floats, rule: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """Return nodes and weights for expectations over S, (n, nodes) each, even in log S."""
    ends = [0.5 * np.log(special.chdtri(freedom, p) / freedom) for p in (1.0 - _TAIL, _TAIL)]
    middle, half = (ends[0] + ends[1]) / 2, (ends[1] - ends[0]) / 2
    nodes, weights = rule
    log_s = middle[:, None] + half[:, None] * nodes
    f = freedom[:, None]
    log_density = f * log_s - f / 2 * np.expm1(2 * log_s)
    density = np.exp(log_density - log_density.max(axis=1, keepdims=True)) * weights
    return np.exp(log_s), density / density.sum(axis=1, keepdims=True)


def _range_within(w: Floats, means: Floats) -> Floats:
    """Return P(W <= w) for ranges w, (n, nodes), over so many means, (n, 1)."""
    # z is the largest of them: below this bound all of them are with a probability of 1e-16.
    low = np.maximum(-_FAR, special.ndtri(1e-16 ** (1 / (means - 1))))
    half = (_FAR - low) / 2
    z = (low + half)[..., None] + half[..., None] * _PLACES
    density = half[..., None] * _PLACE_WEIGHTS * np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
    others = special.ndtr(z) - special.ndtr(z - w[..., None])
    within: Floats = means * (density * others ** (means[..., None] - 1)).sum(axis=-1)
    return within


def critical(means: ArrayLike, freedom: ArrayLike) -> Floats:
    """Return q with P(Q > q; m, f) = .05 for each of n ranges, to within .0004 of the .05.

    Many of them are interpolated between a few.

    Args:
        means: (n,), how many means each range is over: 2 or more.
        freedom: (n,), degrees of freedom of each spread; above 0, may be infinite.
    """
    means, freedom = np.broadcast_arrays(
        *(np.atleast_1d(np.asarray(values, float)) for values in (means, freedom))
    )
    if len(means) <= _FEW:
        return quantile(0.95, means, freedom)
    # Over log log m, q is nearly a straight line.
    places = (np.log(np.log(means)), 1 / np.minimum(freedom, _MOST_FREEDOM))
    nodes = [_nodes(values) for values in places]
    grid = np.meshgrid(*nodes, indexing="ij")
    q = quantile(0.95, np.exp(np.exp(grid[0].ravel())), 1 / grid[1].ravel())
    table = np.log(q).reshape(len(nodes[0]), -1)
    weights = [_lagrange(own, values) for own, values in zip(nodes, places, strict=True)]
    return np.asarray(np.exp(np.einsum("ni,ij,nj->n", weights[0], table, weights[1])), float)


def _nodes(values: Floats) -> Floats:
    """Return Chebyshev's points over the range of some values; one where they are all equal."""
    low, high = float(values.min()), float(values.max())
    if high - low < 1e-9 * abs(high):
        return np.array([high])
    return (low + high) / 2 + (high - low) / 2 * np.cos(np.pi * np.arange(_NODES) / (_NODES - 1))


def _lagrange(nodes: Floats, at: Floats) -> Floats:
    """Return the value of each node's Lagrange polynomial at each place, (n, nodes)."""
    if len(nodes) == 1:
        return np.ones((len(at), 1))
    return np.asarray(BarycentricInterpolator(nodes, np.eye(len(nodes)))(at), float)


def quantile(p: float, means: ArrayLike, freedom: ArrayLike) -> Floats:
    """Return q with P(Q <= q; m, f) = p for each of n ranges, by secants in log q.

    log P(Q > q) is nearly a straight line over log q where it matters, so a few steps suffice.

    Args:
        p: a probability, between 0 and 1.
        means: (n,), how many means each range is over: 2 or more.
        freedom: (n,), degrees of freedom of each spread; above 0, may be infinite.
    """
    means, freedom = np.broadcast_arrays(
        *(np.atleast_1d(np.asarray(values, float)) for values in (means, freedom))
    )

    def above(log_q: Floats) -> Floats:
        return np.log(survival(np.exp(log_q), means, freedom) / (1 - p))

    # Bonferroni's bound over the pairs of means, and a little less, enclose nearly all of them.
    pairs = means * (means - 1) / 2
    bound = np.log(np.sqrt(2) * special.stdtrit(freedom, 1 - (1 - p) / (2 * pairs)))
    before, now = bound, bound - 0.05
    at_before = above(before)
    for _ in range(30):
        at_now = above(now)
        if np.all(np.abs(at_now) < 1e-4):
            break
        change = at_now - at_before
        slope = np.where(change == 0, -1.0, change / np.where(now == before, 1.0, now - before))
        before, at_before = now, at_now
        now = now - np.clip(at_now / np.where(slope < 0, slope, -1.0), -1.0, 1.0)
    return np.asarray(np.exp(now), float)
