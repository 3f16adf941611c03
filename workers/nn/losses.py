"""Losses: what training minimizes, and the accuracies reported beside them.

All take logits, the network's output before its softmax or sigmoid, and labels of shape (batch,),
the true class of each sample as int64. Logits are (batch, classes), or (batch, 1) where a single
sigmoid unit separates two classes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

#: (logits, labels) -> a tensor.
Measure = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Loss:
    """A loss and its metrics.

    Attributes:
        function: the mean over the samples of a batch, a scalar tensor.
        per_sample: the loss of each sample, (batch,).
        metrics: by name; of each sample, (batch,) in float64.
    """

    function: Measure
    per_sample: Measure
    metrics: Mapping[str, Measure]


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


def crossentropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Return -log p of each sample's true class, where p is the softmax of its logits."""
    return F.cross_entropy(logits, labels, reduction="none")


def binary_crossentropies(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the binary cross-entropy of each sample, averaged over its outputs."""
    targets = _targets(logits, labels).to(logits.dtype)
    return F.binary_cross_entropy_with_logits(logits, targets, reduction="none").mean(1)


def mean_binary_crossentropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the mean over samples and outputs of -(t log p + (1 - t) log(1 - p)).

    p is the sigmoid of a logit and t its target. Computed from the logits, so p needs no bounds.
    Keras on TensorFlow reads the logits in the same way, also behind a softmax layer
    (docs/keras.md).
    """
    targets = _targets(logits, labels).to(logits.dtype)
    return F.binary_cross_entropy_with_logits(logits, targets)


def _targets(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the target of each output, in the shape of the logits: true for the true class."""
    if logits.shape[1] == 1:
        return labels.bool().unsqueeze(1)
    return F.one_hot(labels, logits.shape[1]).bool()


def categorical_crossentropy() -> Loss:
    """Return the loss -log p of the true class, where p is the softmax of the logits."""
    return Loss(F.cross_entropy, crossentropy, {"accuracy": accuracy})


def binary_crossentropy() -> Loss:
    """Return the binary cross-entropy of each output's sigmoid against its one-hot target."""
    metrics = {"accuracy": accuracy, "binary_accuracy": binary_accuracy}
    return Loss(mean_binary_crossentropy, binary_crossentropies, metrics)


LOSSES: dict[str, Callable[..., Loss]] = {
    "categorical_crossentropy": categorical_crossentropy,
    "binary_crossentropy": binary_crossentropy,
}
