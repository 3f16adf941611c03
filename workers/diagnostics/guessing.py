"""Guessing: what a network comes to that predicts the same for every sample, without the inputs."""

from collections.abc import Callable

import torch
from torch import Tensor


def chance_loss(
    loss: Callable[[Tensor, Tensor], Tensor],
    labels: Tensor,
    outputs: int,
    label_smoothing: float = 0.0,
) -> float:
    """Return the mean loss of predicting, for every sample, the shares of the classes.

    Args:
        loss: from logits and labels to the mean loss, a scalar tensor.
        labels: (samples,).
        outputs: of the network; 1 for a single logit.
        label_smoothing: of the loss; the best guess is then smoothed alike.
    """
    counts = torch.bincount(labels, minlength=max(outputs, 2))
    # One more of each class, so that a class without samples does not get probability zero.
    shares = (counts + 1) / (counts + 1).sum()
    forms = _logits(shares, outputs, label_smoothing)
    return min(loss(form.expand(len(labels), outputs), labels).item() for form in forms)


def least_loss(
    loss: Callable[[Tensor, Tensor], Tensor], outputs: int, label_smoothing: float
) -> float:
    """Return the least mean loss that is possible: of predicting the smoothed targets themselves.

    Args:
        loss: from logits and labels to the mean loss, a scalar tensor.
        outputs: of the network; 1 for a single logit.
        label_smoothing: of the loss; without it the least loss is 0.
    """
    if label_smoothing == 0:
        return 0.0
    classes = max(outputs, 2)
    forms = _logits(torch.eye(classes), outputs, label_smoothing)
    return min(loss(form, torch.arange(classes)).item() for form in forms)


def _logits(shares: Tensor, outputs: int, label_smoothing: float) -> list[Tensor]:
    """Return the logits (..., outputs) of smoothed shares (..., classes), in each form of a loss.

    Logarithms for a softmax, over whose classes the targets are smoothed; log-odds for sigmoids,
    each of which has two.
    """

    def smoothed(classes: int) -> Tensor:
        return shares * (1 - label_smoothing) + label_smoothing / classes

    sigmoids = smoothed(2).logit()
    if outputs == 1:
        return [sigmoids[..., 1:]]
    return [smoothed(shares.shape[-1]).log(), sigmoids]


def constant_loss(loss: Callable[[Tensor, Tensor], Tensor], targets: Tensor) -> float:
    """Return the mean loss of predicting one number for every sample: the mean, or the median.

    The better of the two counts: no number does better than the mean by the squared error, and
    none better than the median by the absolute error.

    Args:
        loss: from outputs (samples, 1) and targets to the mean loss, a scalar tensor.
        targets: (samples,).
    """
    guesses = (targets.mean(), targets.quantile(0.5))
    return min(loss(guess.expand(len(targets), 1), targets).item() for guess in guesses)


def largest_share(labels: Tensor) -> float:
    """Return the share of the most frequent class among labels (samples,)."""
    return torch.bincount(labels).max().item() / len(labels)
