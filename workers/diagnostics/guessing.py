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
    shares = shares * (1 - label_smoothing) + label_smoothing / len(shares)
    # The logits of these shares: logarithms for a softmax, log-odds for sigmoids.
    forms = [shares.log(), shares.logit()] if outputs > 1 else [shares[1:].logit()]
    return min(loss(form.expand(len(labels), outputs), labels).item() for form in forms)


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
