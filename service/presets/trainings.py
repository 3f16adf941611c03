"""What claims are checked on: trainings, and the groups of them that a claim speaks of."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

#: By name, by parameter, by number: what ``Group.where`` asks of an axis.
Asked = str | int | float | Mapping[str, Any]


@dataclass(frozen=True)
class Training:
    """One training of an experiment, as far as claims look at it.

    Attributes:
        label: its variant's label.
        config: its resolved configuration, as JSON.
        seed: of its random streams.
        status: how its run stands; ``completed`` and ``diverged`` are results.
        history: by metric, the values by epoch.
        layers: by epoch, the layer statistics as the API shows them, the output layer last.
        verdict: of its diagnosis; None where there is none.
    """

    label: str | None
    config: Mapping[str, Any]
    seed: int
    status: str
    history: Mapping[str, Mapping[int, float]] = field(default_factory=dict)
    layers: Mapping[int, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    verdict: str | None = None


@dataclass(frozen=True)
class Group:
    """The trainings a claim speaks of: all whose axes are as ``where`` says.

    An axis is asked for by its entry's name, by parameters (``{"learning_rate": 0.001}``) or,
    where it is a plain number, by its value; ``variant`` is the variant's label.
    """

    where: Mapping[str, Asked]

    def __str__(self) -> str:
        """Name the group: ``relu, he_normal``."""
        return ", ".join(_words(axis, asked) for axis, asked in self.where.items())

    def of(self, trainings: Iterable[Training]) -> list[Training]:
        """Give the trainings that belong to the group."""
        return [each for each in trainings if self._has(each)]

    def _has(self, training: Training) -> bool:
        found = {**training.config, "variant": training.label}
        return all(_meets(found.get(axis), asked) for axis, asked in self.where.items())


def group(**where: Asked) -> Group:
    """Name a group: ``group(activation="gelu", optimizer={"learning_rate": 0.001})``."""
    return Group(where)


def _meets(found: Any, asked: Asked) -> bool:
    if isinstance(asked, Mapping):
        return all(_meets(found.get(name), each) for name, each in asked.items())
    return bool((found["name"] if isinstance(found, Mapping) else found) == asked)


def _words(axis: str, asked: Asked) -> str:
    if isinstance(asked, Mapping):
        return ", ".join(_words(name, each) for name, each in asked.items())
    if isinstance(asked, str):
        return asked if asked != "none" else f"no {axis.replace('_', ' ')}"
    return f"{axis.replace('_', ' ')} {asked:g}"
