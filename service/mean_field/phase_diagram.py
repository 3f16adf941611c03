"""Phase diagrams: where the gradients of an activation vanish (order) or explode (chaos).

Each point is a pair of sigma_w and sigma_b; its value is chi_1 at the fixed point of the length
(Poole et al. 2016, figure 1; Schoenholz et al. 2017, figure 2). The moments of the activation are
tabulated once over the length and interpolated, so that a diagram takes a fraction of a second.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from service.mean_field.activations import Values
from service.mean_field.moments import ActivationMoments

#: Lengths that are tabulated: 0 and infinity are taken for the ends.
_LENGTHS = np.logspace(-6, 6, 241)
#: In place of a length of zero, which has no logarithm.
_LEAST_LENGTH = 1e-300
_ITERATIONS, _BISECTIONS = 200, 22
#: The grid: sigma_b, points along sigma_w, and how far beyond the edge of chaos
#: these reach.
_BIASES = np.linspace(0.0, 2.0, 21)
_COLUMNS, _BEYOND = 31, 1.25
#: The range of sigma_w in which the edge of chaos is looked for.
_LEAST, _MOST = 0.05, 50.0


@dataclass(frozen=True)
class PhaseDiagram:
    """chi_1 over sigma_w and sigma_b.

    Attributes:
        weight_deviations: sigma_w, the columns; a weight's variance is its square over fan-in.
        bias_deviations: sigma_b, the rows.
        chi: chi_1, a row for each sigma_b.
        edge: sigma_w at which chi_1 is 1, for each sigma_b; NaN where it is nowhere.
    """

    weight_deviations: tuple[float, ...]
    bias_deviations: tuple[float, ...]
    chi: tuple[tuple[float, ...], ...]
    edge: tuple[float, ...]


@lru_cache(maxsize=64)
def phase_diagram(moments: ActivationMoments) -> PhaseDiagram:
    """Return the phase diagram of an activation."""
    table = _Table(moments)
    edge = _edge(table)
    reach = _BEYOND * float(np.nanmax(edge)) if np.isfinite(edge).any() else 3.0
    weights = np.linspace(0.0, reach, _COLUMNS)[1:]
    chi = table.chi(weights[None], _BIASES[:, None])
    return PhaseDiagram(
        weight_deviations=tuple(weights.tolist()),
        bias_deviations=tuple(_BIASES.tolist()),
        chi=tuple(map(tuple, chi.tolist())),
        edge=tuple(edge.tolist()),
    )


class _Table:
    """E[f^2] and E[f'^2] over the length, interpolated on logarithmic scales."""

    def __init__(self, moments: ActivationMoments) -> None:
        self._log = np.log(_LENGTHS)
        squares = [moments.square(length) for length in _LENGTHS]
        self._squares = np.log(np.maximum(squares, _LEAST_LENGTH))
        self._slopes = np.array([moments.squared_slope(length) for length in _LENGTHS])

    def chi(self, weights: Values, biases: Values) -> Values:
        """Return chi_1 at the fixed point of each sigma_w and sigma_b, which are broadcast."""
        scale, offset = np.broadcast_arrays(weights**2, biases**2)
        log_length = np.zeros(scale.shape)
        for _ in range(_ITERATIONS):
            squares = np.exp(np.interp(log_length, self._log, self._squares))
            log_length = np.log(np.maximum(scale * squares + offset, _LEAST_LENGTH))
        slopes: Values = np.interp(log_length, self._log, self._slopes)
        return scale * slopes


def _edge(table: _Table) -> Values:
    """Return sigma_w where chi_1 passes 1, by bisection for all sigma_b at once."""
    low, high = np.full(_BIASES.shape, _LEAST), np.full(_BIASES.shape, _MOST)
    known = table.chi(high, _BIASES) > 1
    for _ in range(_BISECTIONS):
        middle = np.sqrt(low * high)
        above = table.chi(middle, _BIASES) > 1
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return np.where(known, np.sqrt(low * high), np.nan)
