"""Moments of an activation over normal z-values: everything that the maps of the theory need."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from service.mean_field import maxout, quadrature
from service.mean_field.activations import GATES, NONLINEARITIES, Nonlinearity


class ActivationMoments(ABC):
    """Means over z-values N(shift, variance) of the units of a wide layer."""

    @abstractmethod
    def mean(self, variance: float, shift: float = 0.0) -> float:
        """Return E[f(z)]."""

    @abstractmethod
    def square(self, variance: float, shift: float = 0.0) -> float:
        """Return E[f(z)^2]."""

    @abstractmethod
    def squared_slope(self, variance: float, shift: float = 0.0) -> float:
        """Return E[f'(z)^2]."""

    @abstractmethod
    def spread(
        self, variance: float, spread: float, shift: float = 0.0, difference: float = 0.0
    ) -> float:
        """Return E[(f(u) - f(v))^2] / 2 of two samples with E[(u - v)^2] / 2 = spread.

        ``difference`` is that of their variances, whose mean is ``variance``.
        """


def moments_of(activation: str, parameters: Mapping[str, Any]) -> ActivationMoments | None:
    """Return the moments of an activation; None where the theory has no function for it.

    Args:
        activation: its name in the catalog.
        parameters: all its parameters by name.
    """
    return _moments_of(activation, tuple(sorted(parameters.items())))


@lru_cache(maxsize=1024)
def _moments_of(
    activation: str, parameters: tuple[tuple[str, Any], ...]
) -> ActivationMoments | None:
    if activation == "maxout":
        return _MaxoutMoments(**dict(parameters))
    if activation in GATES:
        return _GatedMoments(_ElementwiseMoments(GATES[activation]))
    if activation in NONLINEARITIES:
        return _ElementwiseMoments(NONLINEARITIES[activation](**dict(parameters)))
    return None


class _ElementwiseMoments(ActivationMoments):
    def __init__(self, nonlinearity: Nonlinearity) -> None:
        self._function = nonlinearity

    def mean(self, variance: float, shift: float = 0.0) -> float:
        return quadrature.mean(self._function.value, self._function.kinks, variance, shift)

    def square(self, variance: float, shift: float = 0.0) -> float:
        value = self._function.value
        return quadrature.mean(lambda z: value(z) ** 2, self._function.kinks, variance, shift)

    def squared_slope(self, variance: float, shift: float = 0.0) -> float:
        slope = self._function.slope
        return quadrature.mean(lambda z: slope(z) ** 2, self._function.kinks, variance, shift)

    def spread(
        self, variance: float, spread: float, shift: float = 0.0, difference: float = 0.0
    ) -> float:
        return quadrature.half_squared_difference(
            self._function, variance, spread, shift, difference
        )


class _MaxoutMoments(ActivationMoments):
    """Of the largest of ``pieces`` z-values, which passes its gradient to one of them."""

    def __init__(self, pieces: int) -> None:
        self._pieces = pieces

    def mean(self, variance: float, shift: float = 0.0) -> float:
        first, _ = maxout.largest_moments(self._pieces)
        return float(first * variance**0.5 + shift)

    def square(self, variance: float, shift: float = 0.0) -> float:
        first, second = maxout.largest_moments(self._pieces)
        return float(second * variance + 2 * shift * first * variance**0.5 + shift**2)

    def squared_slope(self, variance: float, shift: float = 0.0) -> float:  # noqa: ARG002
        return 1.0

    def spread(
        self,
        variance: float,
        spread: float,
        shift: float = 0.0,  # noqa: ARG002 - all pieces have the same
        difference: float = 0.0,
    ) -> float:
        if variance == 0:
            return 0.0
        # (a M - b M')^2 / 2 of deviations a and b is (a - b)^2 M^2 / 2 + a b (M - M')^2 / 2.
        product = math.sqrt(variance**2 - difference**2 / 4)
        apart = difference**2 / 4 / (variance + product)
        _, square = maxout.largest_moments(self._pieces)
        alike = maxout.half_squared_difference(self._pieces, (spread - apart) / product)
        return apart * square + product * alike


class _GatedMoments(ActivationMoments):
    """Of the product of one z-value and a function of another, which is independent of it."""

    def __init__(self, gate: ActivationMoments) -> None:
        self._gate = gate

    def mean(self, variance: float, shift: float = 0.0) -> float:
        return shift * self._gate.mean(variance, shift)

    def square(self, variance: float, shift: float = 0.0) -> float:
        return (variance + shift**2) * self._gate.square(variance, shift)

    def squared_slope(self, variance: float, shift: float = 0.0) -> float:
        """Return the sum of both z-values' squared slopes: a unit passes its gradient to both."""
        by_gate = (variance + shift**2) * self._gate.squared_slope(variance, shift)
        return self._gate.square(variance, shift) + by_gate

    def spread(
        self, variance: float, spread: float, shift: float = 0.0, difference: float = 0.0
    ) -> float:
        # Of products a g and a' g' of independent factors: with A = E[a^2] and G = E[g^2], means
        # over the two samples, E[(a g - a' g')^2] / 2 = A s(g) + s(a) G - s(a) s(g) plus what
        # their lengths have in common.
        gate = self._gate
        longer = gate.square(variance + difference / 2, shift)
        shorter = gate.square(variance - difference / 2, shift) if difference else longer
        of_gate = gate.spread(variance, spread, shift, difference)
        alike = (variance + shift**2) * of_gate + spread * ((longer + shorter) / 2 - of_gate)
        return alike + difference * (longer - shorter) / 4
