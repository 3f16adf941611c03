"""Confusion: which classes of the validation part a run's network takes for which."""

from collections.abc import Sequence
from typing import Any

from service.errors import ConflictError
from service.histories import outputs
from service.histories.layer_statistics import LayersAtEpoch


def confusion_of(found: LayersAtEpoch, names: Sequence[str]) -> dict[str, Any]:
    """Return the confusion matrix recorded at a run's last epoch, and what follows for each class.

    A sample whose outputs are not finite counts as wrong and is predicted as no class. What is
    divided by zero is None: the recall of a class without samples, the precision of a class that
    is never predicted.

    Args:
        found: the run's layer statistics at its last epoch.
        names: of the classes, in the order of their labels.

    Raises:
        ConflictError: the run has not ended, or its confusion was not recorded.
    """
    recorded = outputs.outputs_of(found)
    if found.outputs is None or "confusion" not in found.outputs:
        raise ConflictError(
            "The confusion of this run was not recorded: it is of an older version."
        )
    matrix = found.outputs["confusion"]
    if matrix is None:
        raise ConflictError("This run has more than 100 classes: their confusion is not recorded.")
    spoilt = {of_class["label"]: of_class["non_finite"] for of_class in recorded["classes"]}
    predicted = [sum(column) for column in zip(*matrix, strict=True)]
    classes = [
        _of_class(label, name, row, predicted[label], spoilt.get(label, 0))
        for label, (name, row) in enumerate(zip(names, matrix, strict=True))
    ]
    recalls = [of_class["recall"] for of_class in classes if of_class["count"]]
    right = sum(of_class["right"] for of_class in classes)
    return {
        "samples": recorded["samples"],
        "right": right,
        "non_finite": sum(spoilt.values()),
        "accuracy": _share(right, recorded["samples"]),
        "balanced_accuracy": _share(sum(recalls), len(recalls)),
        "classes": classes,
        "matrix": matrix,
    }


def _of_class(
    label: int, name: str, row: Sequence[int], predicted: int, non_finite: int
) -> dict[str, Any]:
    count, right = sum(row) + non_finite, row[label]
    return {
        "label": label,
        "name": name,
        "count": count,
        "non_finite": non_finite,
        "predicted": predicted,
        "right": right,
        "recall": _share(right, count),
        "precision": _share(right, predicted),
        "f1": _share(2 * right, count + predicted),
    }


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None
