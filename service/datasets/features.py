"""From the columns of a table to inputs of a network, fitted on the training rows alone."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.datasets.splitting import Rows
from service.datasets.tables import Column


@dataclass
class TableInputs:
    """The inputs of a table.

    Attributes:
        values: float64 (rows, inputs).
        names: of each input, as ``Geography=France``.
        notes: what was decided, in sentences.
    """

    values: NDArray[np.float64]
    names: list[str]
    notes: list[str] = field(default_factory=list)


def inputs_of(columns: Sequence[Column], train: Rows) -> TableInputs:
    """Return the inputs of some columns: categories first, then numbers, each as in the file.

    A column of two categories is one input, 1 for the later one; one of more categories has an
    input each. Categories are those of the training rows, in the order of ``category_order``; a
    test row of another category has 0 in all of them, of two categories 0.5. Missing values have
    the median, or the most frequent category, of the training rows.
    """
    blocks: list[NDArray[np.float64]] = []
    names: list[str] = []
    notes: list[str] = []
    for column in sorted(columns, key=lambda column: column.numbers is not None):
        if column.numbers is not None:
            blocks.append(_filled(column.numbers, train)[:, np.newaxis])
            names.append(column.name)
            continue
        block, categories, unseen = _one_hot(column, train)
        if unseen:
            notes.append(
                f"Test rows with a category of {column.name} that no training row has: {unseen:,}."
            )
        blocks.append(block)
        if len(categories) == 2:
            names.append(f"{column.name}={categories[1]}")
        else:
            names += [f"{column.name}={category}" for category in categories]
    # Minus zero becomes zero: the two are equal numbers with different bytes.
    return TableInputs(np.concatenate(blocks, axis=1) + 0.0, names, notes)


def category_order(texts: Sequence[str]) -> list[str]:
    """Return names in order: numbers by value where all are numbers, else by their characters."""
    try:
        return sorted(texts, key=lambda text: (float(text), text))
    except ValueError:
        return sorted(texts)


def _filled(numbers: NDArray[np.float64], train: Rows) -> NDArray[np.float64]:
    missing = np.isnan(numbers)
    if not missing.any():
        return numbers
    known = numbers[train][~missing[train]]
    return np.where(missing, np.median(known) if len(known) else 0.0, numbers)


def _one_hot(column: Column, train: Rows) -> tuple[NDArray[np.float64], list[str], int]:
    """Return the inputs of categories, their names, and how many rows have another one."""
    codes: NDArray[Any] = np.asarray(column.codes)
    counts = np.bincount(codes[train][codes[train] >= 0], minlength=len(column.texts))
    if (codes < 0).any() and counts.any():
        codes = np.where(codes < 0, counts.argmax(), codes)
    seen = category_order([text for text, count in zip(column.texts, counts, strict=True) if count])
    places = {text: place for place, text in enumerate(seen)}
    moved = np.array([*(places.get(text, -1) for text in column.texts), -1])[codes]
    unseen = int((moved < 0).sum())
    if len(seen) == 2:
        return np.where(moved < 0, 0.5, moved)[:, np.newaxis].astype(np.float64), seen, unseen
    return (moved[:, np.newaxis] == np.arange(len(seen))).astype(np.float64), seen, unseen
