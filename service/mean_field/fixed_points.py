r"""Fixed points of the length map and the correlation map, and the depth scale.

Of a network whose layers all have weight variance sigma_w^2 / fan-in and bias variance sigma_b^2,
as its width grows (Poole et al. 2016, eq. 3 to 5; Schoenholz et al. 2017, eq. 3 to 9):

    q    <- sigma_w^2 E[f(z)^2] + sigma_b^2,         z ~ N(0, q)
    q c  <- sigma_w^2 E[f(u) f(v)] + sigma_b^2,      u, v ~ N(0, q), correlation c
    chi_1 = sigma_w^2 E[f'(z)^2],                    z ~ N(0, q*)
    xi    = -1 / ln chi_1
"""

import math
from dataclasses import dataclass
from functools import lru_cache

from service.mean_field.moments import ActivationMoments

#: Layers after which the length is taken for its fixed point: no network here is as deep.
LAYERS = 2_000
#: Relative change per layer at which the length has settled.
_SETTLED = 1e-9
#: Lengths taken for 0 and for infinity.
_VANISHED, _OVERFLOWN = 1e-12, 1e12
#: Distance from 1 within which chi_1 counts as 1.
_CRITICAL = 1e-6
#: Growth of the spread between samples per layer, relative to the length, that counts as none.
_STILL = 1e-3


@dataclass(frozen=True)
class FixedPoint:
    """Where signals end up in a very deep network.

    Attributes:
        length: q*, the mean square of z-values; 0 or infinite where they vanish or explode.
        correlation: c*, to which the correlation of two samples' z-values tends.
        chi: chi_1, the factor of the squared gradient per layer, and of a small difference of two
            samples.
    """

    length: float
    correlation: float
    chi: float

    @property
    def depth_scale(self) -> float:
        """xi, the layers over which small differences and squared gradients change e-fold.

        Infinite where chi_1 = 1: at the edge of chaos. With chi_1 > 1 they grow (chaos), with
        chi_1 < 1 they shrink (order).
        """
        if abs(self.chi - 1) < _CRITICAL:
            return math.inf
        return 1 / abs(math.log(self.chi)) if self.chi > 0 else 0.0


@lru_cache(maxsize=10_000)
def fixed_point(
    moments: ActivationMoments,
    weight_variance: float,
    bias_variance: float = 0.0,
    shift: float = 0.0,
    start: float = 1.0,
) -> FixedPoint:
    """Return the fixed point of the maps of an activation.

    Args:
        moments: of the activation.
        weight_variance: sigma_w^2, fan-in times the variance of a weight.
        bias_variance: sigma_b^2.
        shift: a constant that all biases are.
        start: the variance of the first layer's z-values.
    """
    variance = start
    for _ in range(LAYERS):
        last, variance = (
            variance,
            (weight_variance * moments.square(variance, shift) + bias_variance),
        )
        if abs(variance - last) <= _SETTLED * last or not _VANISHED < variance < _OVERFLOWN:
            break
    after = weight_variance * moments.square(variance, shift) + bias_variance
    chi = weight_variance * moments.squared_slope(variance, shift)
    length = _limited(variance) + shift**2
    spread = _relative_spread(moments, weight_variance, variance, shift, after)
    return FixedPoint(length, 1 - spread * variance / (variance + shift**2 or 1), chi)


def _limited(variance: float) -> float:
    if variance <= _VANISHED:
        return 0.0
    return variance if variance < _OVERFLOWN else math.inf


def _relative_spread(
    moments: ActivationMoments, weight_variance: float, variance: float, shift: float, after: float
) -> float:
    """Return the spread between samples that repeats itself, as a share of the variance.

    Where the variance itself still changes, to ``after`` in the next layer, so does the spread.
    """
    if variance == 0 or after == 0:
        return 0.0

    def growth(spread: float) -> float:
        new = weight_variance * moments.spread(variance, spread * variance, shift)
        return new / after / spread - 1

    if growth(_CRITICAL) <= _STILL:
        return 0.0
    if growth(1.0) >= -_CRITICAL:
        return 1.0
    from scipy.optimize import brentq  # noqa: PLC0415 - takes half a second to import

    return float(brentq(growth, _CRITICAL, 1.0, xtol=_CRITICAL))
