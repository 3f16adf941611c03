"""What claims are checked on: the trainings of an experiment, and groups of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from service.comparison.known_targets import NOTHING_RECORDED, RecordedTargets
from service.comparison.timing import Clock
from service.specs.selection import Asked, in_words, matches
from service.statuses import UNTRAINED, RunStatus


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
        outcome: what its training came to; None where nobody looked.
        clock: what its seconds were measured on.
        recorded: what is recorded of the targets that it was measured against.
    """

    label: str | None
    config: Mapping[str, Any]
    seed: int
    status: str
    history: Mapping[str, Mapping[int, float]] = field(default_factory=dict)
    layers: Mapping[int, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    verdict: str | None = None
    outcome: str | None = None
    clock: Clock = field(default_factory=Clock)
    recorded: RecordedTargets = NOTHING_RECORDED

    @property
    def trained(self) -> bool:
        """Whether it did better than guessing, as far as anyone looked."""
        return self.status == RunStatus.COMPLETED and self.outcome not in UNTRAINED


@dataclass(frozen=True)
class TrainingGroup:
    """The trainings that a claim is about: those that match ``where`` on each of its axes.

    An axis is matched by its entry's name, by parameters (``{"learning_rate": 0.001}``) or,
    where it is a plain number, by its value; ``variant`` is the variant's label.
    """

    where: Mapping[str, Asked]

    def __str__(self) -> str:
        """``relu, he_normal``."""
        return in_words(self.where)

    def of(self, trainings: Iterable[TrainingRecord]) -> list[TrainingRecord]:
        """Return the trainings that belong to the group."""
        return [
            training
            for training in trainings
            if matches(training.config, training.label, self.where)
        ]


def group(**where: Asked) -> TrainingGroup:
    """Return a group, as in ``group(activation="gelu", optimizer={"learning_rate": 0.001})``."""
    return TrainingGroup(where)
