"""Results: what a training yields."""

from collections.abc import Mapping
from dataclasses import dataclass

from workers.diagnostics.layers import NetworkStatistics

#: In the state of a run: its ``StartResult`` has not been yielded yet.
START_IS_LEFT = "start_is_left"


@dataclass(frozen=True)
class Pulse:
    """A sign of life between two steps, about twice a second; it changes nothing in the training.

    The caller may renew its lease, look for a cancellation, or close the generator.

    Attributes:
        epoch: the one being trained, from 1 on.
        fraction: share of the epoch's work that is done, in [0, 1].
    """

    epoch: int
    fraction: float


@dataclass(frozen=True)
class StartResult:
    """The layer statistics of the network before its first step, at a run that is probed there.

    None where they could not be taken.
    """

    statistics: NetworkStatistics | None


@dataclass(frozen=True)
class EpochResult:
    """One epoch of a history.

    Attributes:
        epoch: from 1 on.
        metrics: by name; a metric of a diverged run may be NaN or infinite.
        diverged: the training loss or the validation loss is not finite, which ends the training.
        stopped: the run's early stopping ends the training here.
        statistics: of the layers at the end of the epoch, where they are taken.
    """

    epoch: int
    metrics: dict[str, float]
    diverged: bool = False
    stopped: bool = False
    statistics: NetworkStatistics | None = None

    @property
    def ends_early(self) -> bool:
        """Whether the training ends here, whichever epoch this is."""
        return self.diverged or self.stopped


#: A result of each member of a job, by their numbers; all of one kind.
Round = Mapping[int, StartResult | EpochResult]
