"""What claims are checked on: the trainings of an experiment, and groups of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

#: What ``TrainingGroup.where`` asks of an axis: an entry's name, its parameters, or a number.
Asked = str | int | float | Mapping[str, Any]


@dataclass(frozen=True)
class TrainingRecord:
    """One training of an experiment, with everything that claims read.

    Attributes:
        label: its variant's label.
        config: its resolved configuration, as JSON.
        seed: the seed of its random streams.
        status: its run's status; ``completed`` and ``diverged`` are results.
        history: for each metric the values by epoch.
        layers: for each epoch the layer statistics as the API answers them, the output layer
            last.
        verdict: its diagnosis' verdict; None where there is none.
    """

    label: str | None
    config: Mapping[str, Any]
    seed: int
    status: str
    history: Mapping[str, Mapping[int, float]] = field(default_factory=dict)
    layers: Mapping[int, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    verdict: str | None = None


@dataclass(frozen=True)
class TrainingGroup:
    """The trainings that a claim is about: those that match ``where`` on each of its axes.

    An axis is matched by its entry's name, by parameters (``{"learning_rate": 0.001}``) or,
    where it is a plain number, by its value; ``variant`` is the variant's label.
    """

    where: Mapping[str, Asked]

    def __str__(self) -> str:
        """``relu, he_normal``."""
        return ", ".join(_words(axis, asked) for axis, asked in self.where.items())

    def of(self, trainings: Iterable[TrainingRecord]) -> list[TrainingRecord]:
        """Return the trainings that belong to the group."""
        return [training for training in trainings if self._has(training)]

    def _has(self, training: TrainingRecord) -> bool:
        found = {**training.config, "variant": training.label}
        return all(_matches(found.get(axis), asked) for axis, asked in self.where.items())


def group(**where: Asked) -> TrainingGroup:
    """Return a group, as in ``group(activation="gelu", optimizer={"learning_rate": 0.001})``."""
    return TrainingGroup(where)


def _matches(found: Any, asked: Asked) -> bool:
    if isinstance(asked, Mapping):
        return all(_matches(found.get(name), value) for name, value in asked.items())
    return bool((found["name"] if isinstance(found, Mapping) else found) == asked)


def _words(axis: str, asked: Asked) -> str:
    if isinstance(asked, Mapping):
        return ", ".join(_words(name, value) for name, value in asked.items())
    if isinstance(asked, str):
        return asked if asked != "none" else f"no {axis.replace('_', ' ')}"
    return f"{axis.replace('_', ' ')} {asked:g}"
