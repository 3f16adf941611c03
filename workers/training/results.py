"""What a training yields."""

from dataclasses import dataclass

from workers.diagnostics.layers import NetworkStatistics


@dataclass(frozen=True)
class Pulse:
    """A sign of life about every half second: between two steps, nothing is decided by it.

    The caller may renew its lease, look for a cancellation, or close the generator. ``fraction``
    is the share of the epoch's work that is done, in [0, 1].
    """

    epoch: int
    fraction: float


@dataclass(frozen=True)
class Start:
    """The network before its first step, where layer statistics are taken."""

    statistics: NetworkStatistics


@dataclass(frozen=True)
class EpochResult:
    """One epoch's row of the history.

    Attributes:
        epoch: from 1 on.
        metrics: by name; a metric of a diverged run may be NaN or infinite.
        diverged: the training or the validation loss is not finite, which ends the training.
        statistics: of the layers at the epoch's end, where they are taken.
    """

    epoch: int
    metrics: dict[str, float]
    diverged: bool = False
    statistics: NetworkStatistics | None = None
