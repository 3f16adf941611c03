"""Learning-rate schedules."""

from collections.abc import Callable

#: (step, steps of the whole training) -> the factor on the learning rate; steps count from 0.
Schedule = Callable[[int, int], float]


def constant() -> Schedule:
    """Keep the learning rate as it is."""
    return lambda _step, _steps: 1.0


SCHEDULES: dict[str, Callable[..., Schedule]] = {"constant": constant}
