"""Metrics of an epoch: the sums gathered while it is trained, and their names in a history."""

import math
from collections.abc import Mapping, Sequence

from service.catalog.metrics import Part, parts_of
from workers.datasets.targets import TargetScale
from workers.nn.losses import Loss

#: Means over an epoch's steps, beside the means over its samples.
STEP_METRICS = ("gradient_norm", "clipped_fraction")


class Metrics:
    """The metrics of each epoch of a run.

    Args:
        loss: of the run, with its metrics.
        samples: trained per epoch.
        steps: per epoch.
        targets: the scale of targets that are numbers; None where they are classes.

    Attributes:
        names: of what is measured on every sample, in the order of sums and means. They are the
            registry's quantities; of errors, what these are computed from.
    """

    def __init__(
        self, loss: Loss, samples: int, steps: int, targets: TargetScale | None = None
    ) -> None:
        self.names = ("loss", *loss.metrics)
        self._targets = targets
        self._samples = samples
        self._steps = steps

    @property
    def sums(self) -> int:
        """How many sums an epoch gathers: those over its samples, then those over its steps."""
        return len(self.names) + len(STEP_METRICS)

    def trained(self, sums: Sequence[float]) -> dict[str, float]:
        """Return the means over an epoch's training, by name, from its sums."""
        count = len(self.names)
        means = self.evaluated("training", [total / self._samples for total in sums[:count]])
        for name, total in zip(STEP_METRICS, sums[count:], strict=True):
            means[name] = total / self._steps
        return means

    def evaluated(self, part: Part, means: Sequence[float]) -> dict[str, float]:
        """Return the means over a part of the data, by the names that the registry has for it."""
        measured = dict(zip(self.names, means, strict=True))
        if self._targets is not None:
            absolute, squared = measured.pop("absolute_error"), measured.pop("squared_error")
            measured |= self._targets.errors(part, absolute, squared)
        return {
            parts_of(name)[part]: value
            for name, value in measured.items()
            if part in parts_of(name)
        }


def diverges(metrics: Mapping[str, float]) -> bool:
    """Whether an epoch's metrics end its run: the training or validation loss is not finite."""
    return not (math.isfinite(metrics["loss"]) and math.isfinite(metrics["val_loss"]))
