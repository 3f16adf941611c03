"""Jobs: what a worker trains at one time, a pack or a run alone, seen as the same."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol, cast

import torch
from torch import Tensor

from service.specs.packing import Form
from service.specs.spec import RunConfig
from workers.datasets import Dataset
from workers.training.packed.training import PackedTraining, Round
from workers.training.results import Pulse
from workers.training.solo import Training


class Trainee(Protocol):
    """One run in training, and its state at any pulse or result."""

    @property
    def epoch(self) -> int:
        """The epoch being trained, from 1 on."""

    @property
    def step(self) -> int:
        """The next step to take, of the epoch."""

    def state(self) -> dict[str, Tensor]:
        """Copy the state: named, contiguous tensors on the CPU."""

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take up the state that a training of the same run gave; before the job runs."""

    def weights(self) -> dict[str, Tensor]:
        """Copy the network's weights, by their names in the network."""


class Job(Protocol):
    """Some runs in training. Members have numbers, in the order in which they were given."""

    @property
    def members(self) -> Sequence[Trainee]:
        """All members, those that have left too."""

    def run(self) -> Iterator[Pulse | Round]:
        """Train to the end of the last member, one round of results an epoch."""

    def leave(self, member: int) -> None:
        """Take a member out, between two rounds or pulses."""


class Alone:
    """A run that trains by itself, as a job of one member."""

    def __init__(self, training: Training) -> None:
        self.members = [training]
        self._left = False

    def run(self) -> Iterator[Pulse | Round]:
        """Train to the end; see ``Training.run``."""
        for result in self.members[0].run():
            if self._left:
                return
            if isinstance(result, Pulse):
                yield result
            else:
                yield cast("Round", {0: result})

    def leave(self, member: int) -> None:
        """End the job."""
        del member
        self._left = True


def job_of(
    form: Form, runs: Sequence[tuple[RunConfig, int]], data: Dataset, device: torch.device
) -> Job:
    """Make the job of some runs: configuration and seed of each.

    Args:
        form: ``solo`` has one run; ``batched`` one or more that agree in
            ``service.specs.packing.pack_key``.
        runs: the members.
        data: their data set.
        device: where to train.
    """
    if form == "batched":
        return PackedTraining(runs, data, device)
    ((config, seed),) = runs
    return Alone(Training(config, seed, data, device))
