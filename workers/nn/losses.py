"""Losses: what training minimizes, and what is reported beside them.

All take the network's outputs and labels of shape (batch,). Where targets are classes, the outputs
are logits, before their softmax or sigmoid: (batch, classes), or (batch, 1) where a single sigmoid
unit separates two classes; labels are the true classes as int64. Where targets are numbers, outputs
are (batch, 1), and labels are standardized targets as float32 (``workers.datasets.targets``).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch.nn.functional as F
from torch import Tensor

#: What targets are: classes, or numbers.
Task = Literal["classification", "regression"]

#: (logits, labels) -> a tensor.
Measure = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Loss:
    """A loss and its metrics.

    Attributes:
        function: the mean over the samples of a batch, a scalar tensor.
        per_sample: the loss of each sample, (batch,).
        metrics: by name; of each sample, (batch,) in float64.
        label_smoothing: share of a target that is spread over the classes.
        task: what the targets are.
    """

    function: Measure
    per_sample: Measure
    metrics: Mapping[str, Measure]
    label_smoothing: float = 0.0
    task: Task = "classification"


def accuracy(logits: Tensor, labels: Tensor) -> Tensor:
    """Return 1 for each sample whose most probable class is the true one, else 0.

    A sample with an output that is not finite is counted as wrong.
    """
    predicted = logits[:, 0] > 0 if logits.shape[1] == 1 else logits.argmax(1)
    return ((predicted == labels) & logits.isfinite().all(1)).double()


def binary_accuracy(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the share of each sample's outputs that are on the right side of 1/2.

    Older versions of Keras report it as ``accuracy`` with binary_crossentropy. With ten classes a
    network that finds none of them has 0.9. A sample with an output that is not finite is counted
    as wrong, in all its outputs.
    """
    right = (logits > 0) == _targets(logits, labels)
    return (right & logits.isfinite().all(1, keepdim=True)).double().mean(1)


def categorical_crossentropy(*, label_smoothing: float) -> Loss:
    """Return the loss -sum_k t_k log p_k, where p is the softmax of the logits.

    The target t is 1 for the true class and 0 for the others; of it the share ``label_smoothing``
    is spread evenly over all K classes: t (1 - s) + s / K. The same as torch's ``cross_entropy``.

    References:
        Szegedy et al. 2016, section 7.
    """
    mean = partial(F.cross_entropy, label_smoothing=label_smoothing)
    per_sample = partial(mean, reduction="none")
    return Loss(mean, per_sample, {"accuracy": accuracy}, label_smoothing)


def binary_crossentropy(*, label_smoothing: float) -> Loss:
    """Return the binary cross-entropy of each output's sigmoid against its one-hot target.

    -(t log p + (1 - t) log(1 - p)), its mean over samples and outputs. Computed from the logits, so
    p needs no bounds; Keras on TensorFlow reads them in the same way, also behind a softmax layer
    (docs/keras.md). With label smoothing s a target is t (1 - s) + s / 2, as in Keras.
    """

    def mean(logits: Tensor, labels: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(
            logits, _smoothed(_targets(logits, labels), logits, label_smoothing)
        )

    def per_sample(logits: Tensor, labels: Tensor) -> Tensor:
        targets = _smoothed(_targets(logits, labels), logits, label_smoothing)
        return F.binary_cross_entropy_with_logits(logits, targets, reduction="none").mean(1)

    metrics = {"accuracy": accuracy, "binary_accuracy": binary_accuracy}
    return Loss(mean, per_sample, metrics, label_smoothing)


def mean_squared_error() -> Loss:
    """Return the loss (o - y)^2 of outputs o and standardized targets y."""
    return _regression(F.mse_loss)


def mean_absolute_error() -> Loss:
    """Return the loss abs(o - y) of outputs o and standardized targets y."""
    return _regression(F.l1_loss)


def huber(*, delta: float) -> Loss:
    """Return the loss e^2 / 2 of errors e = o - y up to delta, beyond delta (abs(e) - delta / 2).

    Args:
        delta: in standard deviations of the target.

    References:
        Huber 1964, section 3; the same as torch's ``huber_loss``.
    """
    return _regression(partial(F.huber_loss, delta=delta))


def absolute_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the absolute error of each sample, in standard deviations of the target."""
    return (outputs[:, 0].double() - targets.double()).abs()


def squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the squared error of each sample, in squared standard deviations of the target."""
    return (outputs[:, 0].double() - targets.double()).square()


def _regression(function: Callable[..., Tensor]) -> Loss:
    """Return the loss of a function of outputs (batch,), targets (batch,) and a reduction."""

    def mean(outputs: Tensor, targets: Tensor) -> Tensor:
        return function(outputs[:, 0], targets)

    def per_sample(outputs: Tensor, targets: Tensor) -> Tensor:
        return function(outputs[:, 0], targets, reduction="none")

    metrics = {"absolute_error": absolute_error, "squared_error": squared_error}
    return Loss(mean, per_sample, metrics, task="regression")


def _targets(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the target of each output, in the shape of the logits: true for the true class."""
    if logits.shape[1] == 1:
        return labels.bool().unsqueeze(1)
    return F.one_hot(labels, logits.shape[1]).bool()


def _smoothed(targets: Tensor, logits: Tensor, smoothing: float) -> Tensor:
    """Return targets as numbers of the logits' type, moved towards 1/2."""
    numbers = targets.to(logits.dtype)
    return numbers * (1 - smoothing) + smoothing / 2 if smoothing else numbers


LOSSES: dict[str, Callable[..., Loss]] = {
    "categorical_crossentropy": categorical_crossentropy,
    "binary_crossentropy": binary_crossentropy,
    "mean_squared_error": mean_squared_error,
    "mean_absolute_error": mean_absolute_error,
    "huber": huber,
}
