"""The largest of k normal z-values: its moments, and how far two samples' largest ones differ."""

import math
from functools import cache

import numpy as np
from numpy.polynomial import Chebyshev

from service.formulas.special import ndtr
from service.mean_field.activations import Values

_NODES = 64
_REACH = 8.0
#: Angles at which the chance of agreement is computed, and between which it is interpolated.
_ANGLES = 20


@cache
def largest_moments(pieces: int) -> tuple[float, float]:
    """Return E[M] and E[M^2] of the largest M of so many independent standard normal values."""
    x, weights = _rule()
    density = pieces * _density(x) * ndtr(x) ** (pieces - 1)
    return float((weights * density * x).sum()), float((weights * density * x**2).sum())


def half_squared_difference(pieces: int, spread: float) -> float:
    """Return E[(M - M')^2] / 2 of two samples whose z-values have variance 1.

    Their correlation is 1 - spread. With correlation cos(a) this is the integral from 0 to a of
    P(s) sin(s), where P(s) is the chance that both samples have their largest z-value in the same
    piece: dE[MM'] / dc = P.
    """
    angle = 2 * math.asin(math.sqrt(min(2.0, max(0.0, spread)) / 2))
    nodes, weights = np.polynomial.legendre.leggauss(24)
    s = angle * (nodes + 1) / 2
    return float((weights * agreement(pieces)(s) * np.sin(s)).sum()) * angle / 2


@cache
def agreement(pieces: int) -> Chebyshev:
    """Return the chance that the largest piece is the same, by the angle of the correlation."""
    angles = math.pi * (1 + np.polynomial.chebyshev.chebpts1(_ANGLES)) / 2
    chances = [_agreement(pieces, angle) for angle in angles]
    return Chebyshev.fit(angles, chances, _ANGLES - 1, domain=[0, math.pi])


def _agreement(pieces: int, angle: float) -> float:
    """Return k E[F(x, y)^(k - 1)] over pairs of the correlation cos(angle), F being their law."""
    x, weights = _rule()
    first, other = x[:, None], math.cos(angle) * x[:, None] + math.sin(angle) * x[None]
    below = _both_below(np.broadcast_to(first, other.shape), other, math.pi / 2 - angle)
    chance = _density(x) * weights
    return float(pieces * (chance[:, None] * chance[None] * below ** (pieces - 1)).sum())


def _both_below(x: Values, y: Values, rotation: float) -> Values:
    """Return P(X < x, Y < y) of standard normal X, Y with correlation sin(rotation).

    References:
        Drezner & Wesolowsky 1990, On the computation of the bivariate normal integral.
    """
    nodes, weights = np.polynomial.legendre.leggauss(32)
    chance = ndtr(x) * ndtr(y)
    for node, weight in zip(nodes, weights, strict=True):
        a = rotation * (node + 1) / 2
        exponent = -(x**2 + y**2 - 2 * x * y * math.sin(a)) / (2 * math.cos(a) ** 2)
        chance = chance + weight * rotation / 2 * np.exp(exponent) / (2 * math.pi)
    clipped: Values = np.clip(chance, 0.0, 1.0)
    return clipped


@cache
def _rule() -> tuple[Values, Values]:
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    return _REACH * nodes, _REACH * weights


def _density(x: Values) -> Values:
    density: Values = np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)
    return density
