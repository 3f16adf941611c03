"""Samples of a data set, before they are split and preprocessed."""

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray


@dataclass(frozen=True)
class Samples:
    """The requested number of first samples of a data set's two parts.

    Attributes:
        classes: number of classes; 0 where the targets are numbers.
        train_inputs: (samples, *input_shape), numbers of any type.
        train_labels: (samples,), integers from 0 on; or numbers in the target's own units.
        test_inputs: as train_inputs.
        test_labels: as train_labels.
    """

    classes: int
    train_inputs: NDArray[Any]
    train_labels: NDArray[Any]
    test_inputs: NDArray[Any]
    test_labels: NDArray[Any]
