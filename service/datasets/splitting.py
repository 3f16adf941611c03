"""How rows are divided into a training and a test part, and in which order they stand."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.datasets.meaning import FileMeaning
from service.datasets.problems import FileError

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """The rows of both parts, in the order in which they are stored, and what made them."""

    train: Rows
    test: Rows
    by: str


def split(
    labels: NDArray[np.int64], told: NDArray[np.bool_] | None, by: str, meaning: FileMeaning
) -> Split:
    """Return the split of some rows.

    Rows are shuffled by NumPy's ``RandomState(split_seed).permutation``. A share is taken from the
    beginning of this order and is rounded up, as scikit-learn's ``train_test_split`` does; if
    stratified, from the beginning of each class, whose numbers are rounded so that their sum is
    right (largest remainders).

    Args:
        labels: the class of each row.
        told: whether a row is of the test part; None where a share decides.
        by: ``share``, ``column``, ``file`` or ``archive``: what decides.
        meaning: the share, the seed, whether to shuffle and to stratify.

    Raises:
        FileError: a part would be empty, or would lack a class.
    """
    rows = np.arange(len(labels), dtype=np.int64)
    if meaning.shuffled:
        # NumPy guarantees the numbers of a RandomState; those of a Generator may change.
        rows = np.random.RandomState(meaning.split_seed).permutation(len(labels)).astype(np.int64)
    chosen = told if told is not None else _share(rows, labels, meaning)
    parts = Split(rows[~chosen[rows]], rows[chosen[rows]], by)
    _check(parts, labels)
    return parts


def _share(rows: Rows, labels: NDArray[np.int64], meaning: FileMeaning) -> NDArray[np.bool_]:
    count = math.ceil(len(rows) * meaning.test_share)
    chosen = np.zeros(len(rows), bool)
    if not meaning.shuffled:
        chosen[len(rows) - count :] = True
        return chosen
    if not meaning.stratified:
        chosen[rows[:count]] = True
        return chosen
    for label, quota in enumerate(_quotas(np.bincount(labels), count)):
        chosen[rows[labels[rows] == label][:quota]] = True
    return chosen


def _quotas(sizes: NDArray[np.int64], count: int) -> list[int]:
    """Return how many rows of each class are taken, ``count`` together."""
    exact = sizes * (count / sizes.sum())
    quotas = np.floor(exact).astype(np.int64)
    largest_first = np.argsort(-(exact - quotas), kind="stable")
    quotas[largest_first[: count - int(quotas.sum())]] += 1
    return [int(quota) for quota in quotas]


def _check(parts: Split, labels: NDArray[np.int64]) -> None:
    if not len(parts.train) or not len(parts.test):
        lacking = "training" if not len(parts.train) else "test"
        raise FileError(
            f"The {lacking} part has no row of {len(labels):,}. Both parts need some.",
            "test_share" if parts.by == "share" else None,
        )
    present = np.isin(np.arange(labels.max() + 1), labels[parts.train])
    if not present.all():
        raise FileError(
            "The training part has no row of a class that the test part has. Each class needs a "
            "training row; a stratified split, or more rows of that class, give it one.",
            "stratified" if parts.by == "share" else None,
        )
