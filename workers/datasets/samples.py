"""A data set as its source gives it, before it is split and preprocessed."""

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray


@dataclass(frozen=True)
class Samples:
    """The first samples of a data set's two parts, as many as were asked for.

    Attributes:
        classes: how many classes the labels tell apart.
        train_inputs: (samples, *input_shape), numbers of any type.
        train_labels: (samples,), integers from 0 on.
        test_inputs: as train_inputs.
        test_labels: as train_labels.
    """

    classes: int
    train_inputs: NDArray[Any]
    train_labels: NDArray[Any]
    test_inputs: NDArray[Any]
    test_labels: NDArray[Any]
