"""Losses: what training makes small, and the accuracies told beside them.

All take logits, the network's output before its softmax or sigmoid, and labels of shape (batch,),
the right class of each sample as int64. Logits are (batch, classes), or (batch, 1) where a single
sigmoid unit tells two classes apart.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

#: (logits, labels) -> a scalar tensor.
Measure = Callable[[Tensor, Tensor], Tensor]

#: Keras' bound on probabilities inside a logarithm.
EPSILON = 1e-7


@dataclass(frozen=True)
class Loss:
    """A loss and its metrics. Each is a mean over the samples of a batch."""

    function: Measure
    metrics: Mapping[str, Measure]


def accuracy(logits: Tensor, labels: Tensor) -> Tensor:
    """Give the share of samples whose most probable class is the right one."""
    predicted = logits[:, 0] > 0 if logits.shape[1] == 1 else logits.argmax(1)
    return (predicted == labels).double().mean()


def binary_accuracy(logits: Tensor, labels: Tensor) -> Tensor:
    """Give the share of outputs on the right side of 1/2, over samples and classes.

    Keras' ``accuracy`` beside binary_crossentropy: with ten classes it is at least 0.8 for any
    prediction with one winner. Behind a single sigmoid unit it is the accuracy.
    """
    if logits.shape[1] == 1:
        return accuracy(logits, labels)
    targets = F.one_hot(labels, logits.shape[1]).bool()
    return ((logits.softmax(1) > 0.5) == targets).double().mean()


def mean_binary_crossentropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Give the mean over samples and classes of -(t log p + (1 - t) log(1 - p)).

    p is the softmax, and p and 1 - p are held within [1e-7, 1 - 1e-7] as Keras holds them (no
    gradient passes where the bound acts). 1 - p is summed from the other classes'
    probabilities: the difference would lose all its digits as p nears one.

    Behind a single sigmoid unit p is the sigmoid, and the loss is computed from the logit: it
    needs no bound.
    """
    if logits.shape[1] == 1:
        return F.binary_cross_entropy_with_logits(logits[:, 0], labels.to(logits.dtype))
    probabilities = logits.softmax(1)
    classes = logits.shape[1]
    others = probabilities @ (1 - torch.eye(classes, dtype=logits.dtype, device=logits.device))
    targets = F.one_hot(labels, classes).bool()
    likelihoods = torch.where(targets, probabilities, others)
    return -likelihoods.clamp(EPSILON, 1 - EPSILON).log().mean()


def categorical_crossentropy() -> Loss:
    """-log p of the right class, p being the softmax; computed from the logits."""
    return Loss(F.cross_entropy, {"accuracy": accuracy})


def binary_crossentropy() -> Loss:
    """Binary cross-entropy of each output against its one-hot target, or of one sigmoid unit."""
    metrics = {"accuracy": accuracy, "binary_accuracy": binary_accuracy}
    return Loss(mean_binary_crossentropy, metrics)


LOSSES: dict[str, Callable[..., Loss]] = {
    "categorical_crossentropy": categorical_crossentropy,
    "binary_crossentropy": binary_crossentropy,
}
