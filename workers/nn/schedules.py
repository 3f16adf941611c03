"""Learning-rate schedules: the factor on the learning rate at each step."""

import math
from collections.abc import Callable

#: (step, steps of the whole training, steps per epoch) -> the factor on the learning rate at that
#: step. Steps count from 0 over the whole training.
Schedule = Callable[[int, int, int], float]


def constant() -> Schedule:
    """Return the schedule that keeps the learning rate."""
    return lambda _step, _steps, _epoch: 1.0


def step(*, every: int, factor: float) -> Schedule:
    """Return the schedule that multiplies the rate by ``factor`` each ``every`` epochs.

    The same as torch's ``StepLR``.
    """
    return lambda taken, _steps, epoch: factor ** (taken // (every * epoch))


def cosine(*, final: float) -> Schedule:
    """Return the schedule that falls from 1 towards ``final`` along half a cosine.

    It changes at every step and would reach ``final`` at the step after the last.

    References:
        Loshchilov & Hutter 2017, eq. 5, without restarts.
    """
    return lambda taken, steps, _epoch: final + (1 - final) * _half_cosine(taken / steps)


def warmup(*, epochs: float, then: str) -> Schedule:
    """Return the schedule that rises in equal steps to 1, reached at the last step of warm-up.

    Afterwards it stays at 1 (``constant``) or falls to 0 along half a cosine over the remaining
    steps (``cosine``). A training that is shorter than its warm-up ends before it reaches 1.

    Args:
        epochs: length of the warm-up, also a fraction of an epoch.
        then: ``constant`` or ``cosine``.

    References:
        Goyal et al. 2017, section 2.2 (gradual warm-up).
    """

    def factor(taken: int, steps: int, epoch: int) -> float:
        warm = epochs * epoch
        if taken + 1 <= warm:
            return (taken + 1) / warm
        if then == "constant":
            return 1.0
        return _half_cosine(max(taken - warm, 0.0) / (steps - warm))

    return factor


def one_cycle(*, rise: float, start: float, final: float, shape: str) -> Schedule:
    """Return the schedule that rises from ``start`` to 1 and falls to ``final``.

    The same as torch's ``OneCycleLR`` without its cycle of the momentum: the peak is at step
    rise * steps - 1, the end at the last step.

    Args:
        rise: share of the training in which it rises.
        start: the first factor.
        final: the last factor.
        shape: ``cosine`` or ``linear``.

    References:
        Smith 2018, section 4.1.
    """

    def factor(taken: int, steps: int, _epoch: int) -> float:
        peak = rise * steps - 1
        if taken < peak:
            return start + (1 - start) * _gone(taken / peak, shape)
        return 1 + (final - 1) * _gone((taken - peak) / (steps - 1 - peak), shape)

    return factor


def reduce_on_plateau(
    *, metric: str, factor: float, patience: int, min_delta: float, cooldown: int, least: float
) -> Schedule:
    """Return the schedule without reductions: a constant.

    What validation adds to it is ``workers.training.steering``, which has these parameters.
    """
    del metric, factor, patience, min_delta, cooldown, least
    return constant()


def _gone(progress: float, shape: str) -> float:
    """Return the share of a way that is gone, from 0 to 1."""
    return progress if shape == "linear" else 1 - _half_cosine(progress)


def _half_cosine(progress: float) -> float:
    """Return a value that falls from 1 to 0 as progress goes from 0 to 1."""
    return (1 + math.cos(math.pi * progress)) / 2


SCHEDULES: dict[str, Callable[..., Schedule]] = {
    "constant": constant,
    "step": step,
    "cosine": cosine,
    "warmup": warmup,
    "one_cycle": one_cycle,
    "reduce_on_plateau": reduce_on_plateau,
}
