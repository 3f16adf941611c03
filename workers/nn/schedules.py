"""Learning-rate schedules."""

import math
from collections.abc import Callable

#: (step, steps of the whole training, steps of an epoch) -> the factor on the learning rate of
#: that step. Steps count from 0 over the whole training.
Schedule = Callable[[int, int, int], float]


def constant() -> Schedule:
    """Keep the learning rate as it is."""
    return lambda _step, _steps, _epoch: 1.0


def step(*, every: int, factor: float) -> Schedule:
    """Multiply the learning rate by ``factor`` every so many epochs (torch's ``StepLR``)."""
    return lambda taken, _steps, epoch: factor ** (taken // (every * epoch))


def cosine(*, final: float) -> Schedule:
    """Lower the learning rate along half a cosine from 1 towards ``final`` times its value.

    Loshchilov & Hutter 2017, eq. 5, without restarts, at every step. ``final`` would be reached
    at the step after the last.
    """
    return lambda taken, steps, _epoch: final + (1 - final) * _half_cosine(taken / steps)


def warmup(*, epochs: float, then: str) -> Schedule:
    """Raise the learning rate in equal steps to its value, reached with the last step of warm-up.

    Goyal et al. 2017, section 2.2 (gradual warm-up). Then it stays (``constant``) or falls to 0
    along half a cosine over the steps that are left (``cosine``). A training that is shorter than
    its warm-up ends on the way up.

    Args:
        epochs: length of the warm-up; parts of an epoch count.
        then: ``constant`` or ``cosine``.
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
    """Fall from 1 to 0 as progress goes from 0 to 1."""
    return (1 + math.cos(math.pi * progress)) / 2


SCHEDULES: dict[str, Callable[..., Schedule]] = {
    "constant": constant,
    "step": step,
    "cosine": cosine,
    "warmup": warmup,
}
