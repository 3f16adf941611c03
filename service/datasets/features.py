"""From the columns of a table to inputs of a network, fitted on the training rows alone."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.datasets.splitting import Rows
from service.datasets.tables import Column


@dataclass(frozen=True)
class ColumnEncoding:
    """How a column becomes inputs, fitted on the training rows.

    Attributes:
        known: the categories in the order of their inputs; None of a number.
        fill: what stands in for a missing value.
    """

    known: list[str] | None
    fill: float | str | None


@dataclass
class TableInputs:
    """The inputs of a table.

    Attributes:
        values: float64 (rows, inputs).
        names: of each input, as ``Geography=France``.
        encodings: of each column, by its name.
        notes: what was decided, in sentences.
    """

    values: NDArray[np.float64]
    names: list[str]
    encodings: dict[str, ColumnEncoding]
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
    encodings: dict[str, ColumnEncoding] = {}
    notes: list[str] = []
    for column in sorted(columns, key=lambda column: column.numbers is not None):
        if column.numbers is not None:
            fill = _median(column.numbers, train)
            missing = np.isnan(column.numbers)
            blocks.append(np.where(missing, fill, column.numbers)[:, np.newaxis])
            names.append(column.name)
            encodings[column.name] = ColumnEncoding(None, fill)
            continue
        fill_code = _most_frequent(column, train)
        block, categories, unseen = _one_hot(column, train, fill_code)
        fill_text = None if fill_code is None else column.texts[fill_code]
        encodings[column.name] = ColumnEncoding(categories, fill_text)
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
    return TableInputs(np.concatenate(blocks, axis=1) + 0.0, names, encodings, notes)


def category_order(texts: Sequence[str]) -> list[str]:
    """Return names in order: numbers by value where all are numbers, else by their characters."""
    try:
        return sorted(texts, key=lambda text: (float(text), text))
    except ValueError:
        return sorted(texts)


def one_hot(places: NDArray[Any], categories: int) -> NDArray[np.float64]:
    """Return the inputs of a column's categories, (rows, inputs).

    Args:
        places: of each row's category among the known ones; -1 of another one.
        categories: how many are known.
    """
    if categories == 2:
        return np.where(places < 0, 0.5, places)[:, np.newaxis].astype(np.float64)
    belongs: NDArray[np.bool_] = places[:, np.newaxis] == np.arange(categories)
    return belongs.astype(np.float64)


def _median(numbers: NDArray[np.float64], train: Rows) -> float:
    known = numbers[train][~np.isnan(numbers[train])]
    return float(np.median(known)) if len(known) else 0.0


def _counts(column: Column, train: Rows) -> NDArray[Any]:
    codes: NDArray[Any] = np.asarray(column.codes)[train]
    return np.bincount(codes[codes >= 0], minlength=len(column.texts))


def _most_frequent(column: Column, train: Rows) -> int | None:
    counts = _counts(column, train)
    return int(counts.argmax()) if counts.any() else None


def _one_hot(
    column: Column, train: Rows, fill: int | None
) -> tuple[NDArray[np.float64], list[str], int]:
    """Return the inputs of categories, their names, and how many rows have another one."""
    codes: NDArray[Any] = np.asarray(column.codes)
    counts = _counts(column, train)
    if fill is not None:
        codes = np.where(codes < 0, fill, codes)
    seen = category_order([text for text, count in zip(column.texts, counts, strict=True) if count])
    places = {text: place for place, text in enumerate(seen)}
    moved = np.array([*(places.get(text, -1) for text in column.texts), -1])[codes]
    unseen = int((moved < 0).sum())
    return one_hot(moved, len(seen)), seen, unseen
