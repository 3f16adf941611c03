"""Losses: what training makes small, and the accuracies told beside them.

All take logits, the network's output before its softmax or sigmoid, and labels of shape (batch,),
the right class of each sample as int64. Logits are (batch, classes), or (batch, 1) where a single
sigmoid unit tells two classes apart.
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
        each: the loss of each sample, (batch,).
        metrics: of each sample, (batch,) in float64.
    """

    function: Measure
    each: Measure
    metrics: Mapping[str, Measure]


def accuracy(logits: Tensor, labels: Tensor) -> Tensor:
    """Give 1 for each sample whose most probable class is the right one, else 0."""
    predicted = logits[:, 0] > 0 if logits.shape[1] == 1 else logits.argmax(1)
    return (predicted == labels).double()


def binary_accuracy(logits: Tensor, labels: Tensor) -> Tensor:
    """Give the share of each sample's outputs that are on the right side of 1/2.

    What older versions of Keras call ``accuracy`` beside binary_crossentropy: of ten outputs it
    is .9 for a network that finds no class at all.
    """
    return ((logits > 0) == _targets(logits, labels)).double().mean(1)


def crossentropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Give -log p of each sample's class, p being the softmax."""
    return F.cross_entropy(logits, labels, reduction="none")


def binary_crossentropies(logits: Tensor, labels: Tensor) -> Tensor:
    """Give the mean over each sample's outputs of what ``mean_binary_crossentropy`` averages."""
    targets = _targets(logits, labels).to(logits.dtype)
    return F.binary_cross_entropy_with_logits(logits, targets, reduction="none").mean(1)


def mean_binary_crossentropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Give the mean over samples and outputs of -(t log p + (1 - t) log(1 - p)), p the sigmoid.

    Computed from the logits, which needs no bound on p. Behind a softmax layer, too, Keras on
    TensorFlow reads the logits so (docs/keras.md).
    """
    targets = _targets(logits, labels).to(logits.dtype)
    return F.binary_cross_entropy_with_logits(logits, targets)


def _targets(logits: Tensor, labels: Tensor) -> Tensor:
    """Give what each output should be, in the shape of the logits: true for the right class."""
    if logits.shape[1] == 1:
        return labels.bool().unsqueeze(1)
    return F.one_hot(labels, logits.shape[1]).bool()


def categorical_crossentropy() -> Loss:
    """-log p of the right class, p being the softmax; computed from the logits."""
    return Loss(F.cross_entropy, crossentropy, {"accuracy": accuracy})


def binary_crossentropy() -> Loss:
    """Binary cross-entropy of each output's sigmoid against its one-hot target."""
    metrics = {"accuracy": accuracy, "binary_accuracy": binary_accuracy}
    return Loss(mean_binary_crossentropy, binary_crossentropies, metrics)


LOSSES: dict[str, Callable[..., Loss]] = {
    "categorical_crossentropy": categorical_crossentropy,
    "binary_crossentropy": binary_crossentropy,
}
