"""Jobs: what a worker trains at one time, a pack or a run alone, behind one interface.

A job has members, numbered from 0, and yields rounds: one result of each member that is still
trained. A run alone is a job of one member.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import torch
from torch import Tensor

from service.specs.packing import Form
from service.specs.spec import RunConfig
from workers.datasets.dataset import Dataset
from workers.training.packed.training import PackedTraining
from workers.training.results import Pulse, Round
from workers.training.solo import SoloTraining


class JobMember(Protocol):
    """One run of a job, and its whole state between two steps, at any pulse or round."""

    @property
    def epoch(self) -> int:
        """The epoch being trained, from 1 on."""

    @property
    def step(self) -> int:
        """The next step of that epoch, from 0 on."""

    def state(self) -> dict[str, Tensor]:
        """Return a copy of the state: named, contiguous tensors on the CPU."""

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Set the state to what ``state`` returned for the same run; before the job runs."""

    def weights(self) -> dict[str, Tensor]:
        """Return a copy of the weights and running statistics, by their names in the network."""


class Job(Protocol):
    """Some runs in training."""

    @property
    def members(self) -> Sequence[JobMember]:
        """All members by their number, also those that have left."""

    def run(self) -> Iterator[Pulse | Round]:
        """Train to the end of the last member: a round per epoch, and pulses between."""

    def leave(self, *members: int) -> None:
        """Take members out, between two rounds or pulses; the others go on."""


class SoloJob:
    """A run that trains by itself, as a job of one member."""

    def __init__(self, training: SoloTraining) -> None:
        self.members = [training]
        self._left = False

    def run(self) -> Iterator[Pulse | Round]:
        """Train to the end; see ``SoloTraining.run``."""
        for result in self.members[0].run():
            if self._left:
                return
            yield result if isinstance(result, Pulse) else {0: result}

    def leave(self, *members: int) -> None:
        """End the job, if its only member leaves."""
        self._left |= bool(members)


def create_job(
    form: Form,
    runs: Sequence[tuple[RunConfig, int]],
    data: Dataset,
    device: torch.device,
    final: Mapping[str, Tensor] | None = None,
) -> Job:
    """Return the job of some runs.

    Args:
        form: ``solo`` for one run; ``batched`` for one or more that agree in
            ``service.specs.packing.pack_key``.
        runs: configuration and seed of each member.
        data: their data set.
        device: where to train.
        final: the weights that the run of a ticket ended with, which is never in a pack.
    """
    if form == "batched":
        return PackedTraining(runs, data, device)
    ((config, seed),) = runs
    return SoloJob(SoloTraining(config, seed, data, device, final))
