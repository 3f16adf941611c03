"""Metrics of an epoch: the sums gathered while it is trained, and their names in a history."""

import math
from collections.abc import Mapping, Sequence

from service.catalog.metrics import Part, parts_of
from workers.nn.losses import Loss

#: Means over an epoch's steps, beside the means over its samples.
STEP_METRICS = ("gradient_norm", "clipped_fraction")


class Metrics:
    """The metrics of each epoch of a run.

    Args:
        loss: of the run, with its metrics.
        samples: trained per epoch.
        steps: per epoch.

    Attributes:
        names: of what is measured on every sample, in the order of sums and means; they are the
            registry's quantities.
    """

    def __init__(self, loss: Loss, samples: int, steps: int) -> None:
        self.names = ("loss", *loss.metrics)
        self._parts = [parts_of(name) for name in self.names]
        self._samples = samples
        self._steps = steps

    @property
    def sums(self) -> int:
        """How many sums an epoch gathers: those over its samples, then those over its steps."""
        return len(self.names) + len(STEP_METRICS)

    def trained(self, sums: Sequence[float]) -> dict[str, float]:
        """Return the means over an epoch's training, by name, from its sums."""
        count = len(self.names)
        means = {name: total / self._samples for name, total in zip(self.names, sums, strict=False)}
        for name, total in zip(STEP_METRICS, sums[count:], strict=True):
            means[name] = total / self._steps
        return means

    def evaluated(self, part: Part, means: Sequence[float]) -> dict[str, float]:
        """Return the means over a part of the data, by the names that the registry has for it."""
        return {
            parts[part]: mean
            for parts, mean in zip(self._parts, means, strict=True)
            if part in parts
        }


def diverges(metrics: Mapping[str, float]) -> bool:
    """Whether an epoch's metrics end its run: the training or validation loss is not finite."""
    return not (math.isfinite(metrics["loss"]) and math.isfinite(metrics["val_loss"]))
