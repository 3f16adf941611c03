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


def _half_cosine(progress: float) -> float:
    """Return a value that falls from 1 to 0 as progress goes from 0 to 1."""
    return (1 + math.cos(math.pi * progress)) / 2


SCHEDULES: dict[str, Callable[..., Schedule]] = {
    "constant": constant,
    "step": step,
    "cosine": cosine,
    "warmup": warmup,
}
