"""Outputs: how probable a network finds the true classes, and the loss of each sample."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

#: Most classes that are kept.
MOST_CLASSES = 100
#: Equal bins of the probability of the true class, from 0 to 1.
PROBABILITY_BINS = 50
#: Bins of the losses: equal ones of their logarithm, so many in each power of ten between these.
#: Smaller losses (0 too) are in the first bin, larger ones in the last.
BINS_PER_DECADE, LOWEST_DECADE, HIGHEST_DECADE = 8, -7, 2
LOSS_BINS = BINS_PER_DECADE * (HIGHEST_DECADE - LOWEST_DECADE)


@dataclass(frozen=True)
class ClassOutputs:
    """What a network makes of the samples of one class.

    Attributes:
        label: of the class.
        count: number of its samples.
        non_finite: how many of them have an output that is not finite; they are in no bin.
        right: how many are predicted as this class.
        probabilities: samples in each bin of the probability of this class.
        losses: samples in each bin of the loss.
    """

    label: int
    count: int
    non_finite: int
    right: int
    probabilities: list[int]
    losses: list[int]


@dataclass(frozen=True)
class Outputs:
    """What a network makes of samples, by their classes; counts only, however many there are.

    Attributes:
        samples: number of samples.
        probability_edges: of the bins of probabilities, one more than bins.
        loss_edges: of the bins of losses.
        classes: those with a sample, by label; at most ``MOST_CLASSES``, the first.
        confusion: how many samples of each class (row) are predicted as each class (column); those
            with an output that is not finite are in no column. None of more than ``MOST_CLASSES``
            classes.
    """

    samples: int
    probability_edges: list[float]
    loss_edges: list[float]
    classes: list[ClassOutputs]
    confusion: list[list[int]] | None

    def as_dict(self) -> dict[str, Any]:
        """Return this as plain data."""
        return asdict(self)


class OutputGathering:
    """Gathers outputs from chunks of samples.

    Args:
        per_sample: from logits and labels to each sample's loss, (batch,).
        classes: number of classes.
    """

    def __init__(self, per_sample: Callable[[Tensor, Tensor], Tensor], classes: int) -> None:
        self._per_sample = per_sample
        self._classes = classes
        self._probabilities = torch.zeros(classes, PROBABILITY_BINS, dtype=torch.int64)
        self._losses = torch.zeros(classes, LOSS_BINS, dtype=torch.int64)
        self._confusion = torch.zeros(classes, classes, dtype=torch.int64)
        self._counts, self._finite = (torch.zeros(classes, dtype=torch.int64) for _ in range(2))

    def add(self, logits: Tensor, labels: Tensor) -> None:
        """Add a chunk: (batch, classes) or, for two classes, (batch, 1); and (batch,)."""
        losses = self._per_sample(logits, labels)
        finite = (logits.isfinite().all(1) & losses.isfinite()).cpu()
        logits, labels, losses = logits.cpu().double(), labels.cpu(), losses.cpu().double()
        self._counts += labels.bincount(minlength=self._classes)
        logits, labels, losses = logits[finite], labels[finite], losses[finite]
        self._finite += labels.bincount(minlength=self._classes)
        shares, predicted = class_probabilities(logits)
        probabilities = shares.gather(1, labels.unsqueeze(1))[:, 0]
        self._confusion += _counted(labels, predicted, self._confusion)
        places = (probabilities * PROBABILITY_BINS).long().clamp(max=PROBABILITY_BINS - 1)
        self._probabilities += _counted(labels, places, self._probabilities)
        decades = losses.clamp(min=10.0**LOWEST_DECADE).log10() - LOWEST_DECADE
        places = (decades * BINS_PER_DECADE).long().clamp(min=0, max=LOSS_BINS - 1)
        self._losses += _counted(labels, places, self._losses)

    def outputs(self) -> Outputs:
        """Return what was gathered."""
        return Outputs(
            samples=int(self._counts.sum()),
            probability_edges=[edge / PROBABILITY_BINS for edge in range(PROBABILITY_BINS + 1)],
            loss_edges=[
                float(f"{10 ** (LOWEST_DECADE + edge / BINS_PER_DECADE):.9g}")
                for edge in range(LOSS_BINS + 1)
            ],
            classes=[
                ClassOutputs(
                    label=label,
                    count=int(count),
                    non_finite=int(count - self._finite[label]),
                    right=int(self._confusion[label, label]),
                    probabilities=self._probabilities[label].tolist(),
                    losses=self._losses[label].tolist(),
                )
                for label, count in enumerate(self._counts)
                if count
            ][:MOST_CLASSES],
            confusion=self._confusion.tolist() if self._classes <= MOST_CLASSES else None,
        )


def class_probabilities(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Return the probability of each class, (batch, classes), and the predicted class, (batch,).

    Args:
        logits: (batch, classes) or, for two classes, (batch, 1).
    """
    if logits.shape[1] == 1:
        of_one = logits[:, 0].sigmoid()
        return torch.stack([1 - of_one, of_one], 1), (logits[:, 0] > 0).long()
    return logits.softmax(1), logits.argmax(1)


def _counted(labels: Tensor, places: Tensor, like: Tensor) -> Tensor:
    """Return how many samples of each class are in each bin, in the shape of ``like``."""
    return (labels * like.shape[1] + places).bincount(minlength=like.numel()).view_as(like)
