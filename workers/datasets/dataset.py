"""What a data set is once it is loaded."""

from dataclasses import dataclass

import torch
from torch import Tensor


class DatasetError(Exception):
    """A data set that cannot be read here: the message says which file and what to do."""


@dataclass(frozen=True)
class Part:
    """Samples of one part of a data set.

    Attributes:
        inputs: float32, (samples, channels, height, width) for images, (samples, features)
            for points and tables.
        labels: int64, (samples,), from 0 on.
    """

    inputs: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device) -> "Part":
        """Give this part on a device (itself where it is there already)."""
        return Part(self.inputs.to(device), self.labels.to(device))


@dataclass(frozen=True)
class Dataset:
    """A data set, preprocessed and split.

    Attributes:
        classes: how many classes the labels tell apart.
        train: what is trained on.
        validation: what every epoch is validated on.
        test: evaluated once at the end; None where it is the validation part.
    """

    classes: int
    train: Part
    validation: Part
    test: Part | None

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one sample: (channels, height, width), or (features,)."""
        return tuple(self.train.inputs.shape[1:])

    def to(self, device: torch.device) -> "Dataset":
        """Give this data set on a device, whole."""
        test = self.test.to(device) if self.test else None
        return Dataset(self.classes, self.train.to(device), self.validation.to(device), test)
