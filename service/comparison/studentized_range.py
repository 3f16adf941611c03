"""The distribution of the studentized range, for many ranges at once.

The range W of m means is the largest minus the smallest; studentized, Q = W / S, it is divided by
the standard error of one mean, estimated with f degrees of freedom: S = sqrt(chi2_f / f). Over m
standard normal numbers (Tukey 1953; Lund & Lund 1983, AS 190)

    P(W <= w) = m int phi(z) [Phi(z) - Phi(z - w)]^(m-1) dz.

P(Q > q) is E_S[ P(W > q S) ] and E_W[ P(S < W / q) ]. With many degrees of freedom S is narrow, and
the first is a sum over few nodes; with few, S is spread over many powers of ten, and the second is:
the density of W depends on m alone, and P(S < W / q) is smooth.

``scipy.stats.studentized_range`` gives the same numbers, 40 ms each; a ranking of some hundred
configurations needs hundreds. Here the integrals are sums over all ranges together.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special
from scipy.interpolate import BarycentricInterpolator

Floats = NDArray[np.float64]

#: With fewer degrees of freedom the expectation is taken over W, otherwise over S.
_FEW_FREEDOM = 50.0
#: The largest finite degrees of freedom: with more, S is 1 to seven digits.
_MOST_FREEDOM = 1e7
#: Nodes and weights of Gauss and Legendre, of the integrals over z, log S and W.
_PLACES, _SPREADS, _RANGES = (np.polynomial.legendre.leggauss(n) for n in (56, 40, 80))
#: The density of W is an even integral over z - W / 2, of a peak as wide as that of exp(-z^2) for
#: two means and narrower for more. The trapezoidal rule takes so many steps of 0.4 or less.
_STEPS = np.arange(14.0)
#: The normal density is below 1e-16 beyond this.
_FAR = 8.5
#: Distributions are integrated over all but about this much at either end: less than the least
#: probability, which lies in the tails.
_TAIL = 1e-14
#: Ranges, or numbers of means, whose sums are held in memory together.
_AT_ONCE = 128
#: The least probability that is told apart from 0.
_LEAST = 1e-12
#: Up to so many critical values are computed one by one.
_FEW = 64
#: Points along log log m and along 1 / (f + 3) between which more are interpolated.
_NODES = (7, 11)
_BESIDE_FREEDOM = 3.0


def survival(q: ArrayLike, means: ArrayLike, freedom: ArrayLike) -> Floats:
    """Return P(Q > q; m, f) for each of n ranges, to within 1e-6 and, above 1e-11, to 1% of it.

    Args:
        q: (n,), the studentized ranges, 0 or more.
        means: (n,), how many means each range is over: 2 or more.
        freedom: (n,), degrees of freedom of each spread; above 0, may be infinite.
    """
    q, means, freedom = np.broadcast_arrays(
        *(np.atleast_1d(np.asarray(values, float)) for values in (q, means, freedom))
    )
    found = np.ones(len(q))
    few = freedom < _FEW_FREEDOM
    for rows, method in (
        (np.flatnonzero(few), _over_ranges),
        (np.flatnonzero(~few), _over_spreads),
    ):
        for start in range(0, len(rows), _AT_ONCE):
            part = rows[start : start + _AT_ONCE]
            found[part] = method(q[part], means[part], freedom[part])
    return np.where(q > 0, np.clip(found, _LEAST, 1.0), 1.0)


def _over_ranges(q: Floats, means: Floats, freedom: Floats) -> Floats:
    """Return E_W[ P(S < W / q) ], (n,)."""
    different, which = np.unique(means, return_inverse=True)
    w, weights = (values[which] for values in _ranges(tuple(different.tolist())))
    f = freedom[:, None]
    with np.errstate(over="ignore", divide="ignore"):
        chi2 = f * (w / q[:, None]) ** 2
    return np.asarray((weights * special.chdtr(f, chi2)).sum(axis=1), float)


@lru_cache(maxsize=4)  # who looks for a critical value asks for the same means again and again
def _ranges(numbers: tuple[float, ...]) -> tuple[Floats, Floats]:
    """Return nodes and weights for expectations over the range W of m means, (n, nodes) each.

    The density is f(w) = m (m-1) int phi(z) phi(z - w) [Phi(z) - Phi(z - w)]^(m-2) dz.

    Args:
        numbers: each m: how many means a range is over.
    """
    means = np.array(numbers)
    # Beyond these W is with a probability of _TAIL at most: by all means within an interval that is
    # centred, and by Bonferroni's bound over the pairs.
    within = (_TAIL / means) ** (1 / (means - 1))
    low = 2 * special.ndtri((1 + within) / 2)
    high = -np.sqrt(2) * special.ndtri(_TAIL / (means * (means - 1)))
    nodes, weights = _RANGES
    # Even in sqrt(W - low): where q is small, P(S < W / q) rises steeply at small W.
    root = (1 + nodes) / 2
    w = low[:, None] + (high - low)[:, None] * root**2
    m = means[:, None, None]
    beside = 0.4 / np.sqrt(1 + np.log(m / 2)) * _STEPS
    between = special.ndtr(beside + w[..., None] / 2) - special.ndtr(beside - w[..., None] / 2)
    peak = np.exp(-(beside**2)) * between ** (m - 2)
    density = weights * root * np.exp(-w * w / 4) * (peak.sum(axis=-1) - peak[..., 0] / 2)
    return w, density / density.sum(axis=1, keepdims=True)


def _over_spreads(q: Floats, means: Floats, freedom: Floats) -> Floats:
    """Return E_S[ P(W > q S) ], (n,)."""
    spread, weights = _spreads(np.minimum(freedom, _MOST_FREEDOM))
    beyond = 1.0 - _range_within(q[:, None] * spread, means[:, None])
    return np.asarray((weights * beyond).sum(axis=1), float)


def _spreads(freedom: Floats) -> tuple[Floats, Floats]:
    """Return nodes and weights for expectations over S, (n, nodes) each, even in log S."""
    ends = [0.5 * np.log(special.chdtri(freedom, p) / freedom) for p in (1.0 - _TAIL, _TAIL)]
    middle, half = (ends[0] + ends[1]) / 2, (ends[1] - ends[0]) / 2
    nodes, weights = _SPREADS
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
    places, place_weights = _PLACES
    z = (low + half)[..., None] + half[..., None] * places
    density = half[..., None] * place_weights * np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
    others = special.ndtr(z) - special.ndtr(z - w[..., None])
    within: Floats = means * (density * others ** (means[..., None] - 1)).sum(axis=-1)
    return within


def critical(means: ArrayLike, freedom: ArrayLike) -> Floats:
    """Return q with P(Q > q; m, f) = .05 for each of n ranges, to within .0002 of the .05.

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
    # log q is nearly a straight line over log log m, and bends little over 1 / (f + 3).
    places = (np.log(np.log(means)), 1 / (np.minimum(freedom, _MOST_FREEDOM) + _BESIDE_FREEDOM))
    nodes = [_nodes(values, count) for values, count in zip(places, _NODES, strict=True)]
    grid = np.meshgrid(*nodes, indexing="ij")
    q = quantile(0.95, np.exp(np.exp(grid[0].ravel())), 1 / grid[1].ravel() - _BESIDE_FREEDOM)
    table = np.log(q).reshape(len(nodes[0]), -1)
    weights = [_lagrange(own, values) for own, values in zip(nodes, places, strict=True)]
    return np.asarray(np.exp(np.einsum("ni,ij,nj->n", weights[0], table, weights[1])), float)


def _nodes(values: Floats, count: int) -> Floats:
    """Return Chebyshev's points over the range of some values; one where they are all equal."""
    low, high = float(values.min()), float(values.max())
    if high - low < 1e-9 * abs(high):
        return np.array([high])
    return (low + high) / 2 + (high - low) / 2 * np.cos(np.pi * np.arange(count) / (count - 1))


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
