"""Data sets as they are once loaded."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from workers.datasets.targets import TargetScale


class DatasetError(Exception):
    """A data set cannot be read; the message says which file and what to do."""


class UnobtainableDatasetError(DatasetError):
    """A data set is neither here nor can it be fetched; another attempt would find the same."""


@dataclass(frozen=True)
class Part:
    """Samples of one part of a data set.

    Attributes:
        inputs: float32, (samples, channels, height, width) for images, (samples, features)
            for points and tables, (samples, steps, features) for sequences.
        labels: (samples,): int64, classes from 0 on; or float32, standardized targets.
    """

    inputs: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device) -> "Part":
        """Return this part on a device."""
        return Part(self.inputs.to(device), self.labels.to(device))


@dataclass(frozen=True)
class Dataset:
    """A data set, preprocessed and split.

    Attributes:
        classes: number of classes; 0 where the targets are numbers.
        train: the part that is trained on.
        validation: the part that is evaluated after every epoch.
        test: evaluated once at the end; None where the test part is the validation part.
        targets: what standardized the targets; None where they are classes.
    """

    classes: int
    train: Part
    validation: Part
    test: Part | None
    targets: TargetScale | None = None

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one sample: (channels, height, width), (steps, features) or (features,)."""
        return tuple(self.train.inputs.shape[1:])

    def to(self, device: torch.device) -> "Dataset":
        """Return this data set on a device, with all its parts."""
        return replace(
            self,
            train=self.train.to(device),
            validation=self.validation.to(device),
            test=self.test.to(device) if self.test else None,
        )
