"""An epoch's metrics: what is summed up while it is trained, and the names it has in a history."""

import math
from collections.abc import Mapping, Sequence

from workers.nn.losses import Loss

#: Means over an epoch's steps, beside the means over its samples.
STEP_METRICS = ("gradient_norm", "clipped_fraction")


class Metrics:
    """What is measured of every epoch of a run.

    Args:
        loss: of the run, with its metrics.
        samples: that an epoch trains on.
        steps: of an epoch.
    """

    def __init__(self, loss: Loss, samples: int, steps: int) -> None:
        #: What is measured of every sample, in the order of sums and means.
        self.names = ("loss", *loss.metrics)
        self._samples = samples
        self._steps = steps

    @property
    def sums(self) -> int:
        """How many sums an epoch gathers: over its samples, then over its steps."""
        return len(self.names) + len(STEP_METRICS)

    def trained(self, sums: Sequence[float]) -> dict[str, float]:
        """Give the means over an epoch's training from its sums."""
        count = len(self.names)
        means = {name: each / self._samples for name, each in zip(self.names, sums, strict=False)}
        for name, each in zip(STEP_METRICS, sums[count:], strict=True):
            means[name] = each / self._steps
        return means

    def evaluated(self, part: str, means: Sequence[float]) -> dict[str, float]:
        """Name the means over a part of the data, ``val`` or ``test``."""
        return {f"{part}_{name}": each for name, each in zip(self.names, means, strict=True)}


def diverges(metrics: Mapping[str, float]) -> bool:
    """Say whether an epoch's metrics end its run."""
    return not (math.isfinite(metrics["loss"]) and math.isfinite(metrics["val_loss"]))
